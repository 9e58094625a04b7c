-- Takes from buckets for several requests in one call: all charges of a request, or none.
--
-- KEYS     one bucket per charge
-- ARGV[1]  now as 'seconds:nanoseconds'; '' asks this server, so that all machines share a clock
-- ARGV     then for each charge: number of its request, cost in ns, capacity in ns, binding (1, 0)
-- returns  for each charge: ns by which it did not fit (0: it did), ns until the bucket is full
--
-- A bucket is its TAT, as 'seconds:nanoseconds': a Lua number cannot hold both exactly. What is
-- computed with are differences, which stay exact up to 104 days. A bucket that is full again
-- has expired.

local NANOS = 1000000000

local seconds, nanos
if ARGV[1] == '' then
  local time = redis.call('TIME')
  seconds, nanos = tonumber(time[1]), tonumber(time[2]) * 1000
else
  local given_seconds, given_nanos = ARGV[1]:match('^(%d+):(%d+)$')
  seconds, nanos = tonumber(given_seconds), tonumber(given_nanos)
end

local function owed_by(key)
  local kept = redis.call('GET', key)
  if not kept then return 0 end
  local tat_seconds, tat_nanos = kept:match('^(%d+):(%d+)$')
  if not tat_seconds then return 0 end
  return math.max(0, (tonumber(tat_seconds) - seconds) * NANOS + tonumber(tat_nanos) - nanos)
end

local function keep(key, owed)
  if owed <= 0 then
    redis.call('DEL', key)
    return
  end
  local tat_seconds = seconds + math.floor((nanos + owed) / NANOS)
  local tat = string.format('%.0f:%.0f', tat_seconds, (nanos + owed) % NANOS)
  redis.call('SET', key, tat, 'PX', string.format('%.0f', math.ceil(owed / 1000000) + 1))
end

local answers = {}

-- The charges first to last are those of one request.
local function take(first, last)
  local before, pending, over = {}, {}, {}
  local refused = false
  for i = first, last do
    local key, at = KEYS[i], 4 * i - 1
    local cost, capacity = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
    if not before[key] then
      before[key] = owed_by(key)
      pending[key] = before[key]
    end
    over[i] = math.max(0, pending[key] + cost - capacity)
    if over[i] == 0 then
      pending[key] = math.max(0, pending[key] + cost) -- a negative cost gives back
    elseif ARGV[at + 2] == '1' then
      refused = true
    end
    answers[2 * i - 1], answers[2 * i] = over[i], pending[key]
  end
  for i = first, last do
    if refused then
      if over[i] == 0 then answers[2 * i] = before[KEYS[i]] end
    elseif pending[KEYS[i]] ~= before[KEYS[i]] then
      keep(KEYS[i], pending[KEYS[i]])
    end
  end
end

local first = 1
for i = 1, #KEYS do
  if i == #KEYS or ARGV[4 * i - 2] ~= ARGV[4 * i + 2] then
    take(first, i)
    first = i + 1
  end
end
return answers
