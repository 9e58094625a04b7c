-- Tells which quotas of policies buckets were filled by, and gives all that matter. It follows now.lua.
--
-- KEYS[1]  the hash: by policy and quota 'the second until which it matters' and its birth
-- ARGV[1]  now; see now.lua
-- ARGV     then for each: policy and quota, its birth, and how many seconds it matters still
-- returns  the same three for each that matters

local GRAIN = 60 -- seconds: what is in force is told every second, and written once a minute

local known, has_changed = {}, false
local flat = call('HGETALL', KEYS[1])
for at = 1, #flat, 2 do
  local last, birth = flat[at + 1]:match('^(%d+) (.*)$')
  last = tonumber(last)
  if last and last > seconds then
    known[flat[at]] = { last = last, birth = birth }
  else
    call('HDEL', KEYS[1], flat[at])
  end
end

for at = 2, #ARGV, 3 do
  local name, birth = ARGV[at], ARGV[at + 1]
  local last = floor((seconds + tonumber(ARGV[at + 2]) + GRAIN) / GRAIN) * GRAIN
  local before = known[name]
  if before then
    last = max(last, before.last)
    if before.birth < birth then birth = before.birth end
  end
  if not before or before.last ~= last or before.birth ~= birth then
    known[name] = { last = last, birth = birth }
    call('HSET', KEYS[1], name, format('%d %s', last, birth))
    has_changed = true
  end
end

local answer, latest = {}, seconds
for name, each in pairs(known) do
  answer[#answer + 1] = name
  answer[#answer + 1] = each.birth
  answer[#answer + 1] = each.last - seconds
  latest = max(latest, each.last)
end
if has_changed then call('PEXPIRE', KEYS[1], (latest - seconds) * 1000) end
return answer
