-- A bucket, as bucket.py has it. Its state is what it owes: the nanoseconds until it is full again.
-- It is kept as its TAT, the nanoseconds since 1970 at which that is, and expires then.
--
-- No bucket owes more than it holds, but one that is blocked. Another that owes more was written before
-- this server's clock was put back. A block is known by when it expires: MARK later. Both
-- times are of the same clock, so their difference stays what it is, whatever is done to that.

local MARK = 60000 -- milliseconds

-- Of a charge: `cost` and `size` in units, `pace` the nanoseconds in which a unit is refilled.
local function kind_of(cost, size, pace)
  return { cost = cost * pace, capacity = size * pace, pace = pace }
end

local function read(kept)
  if not kept then return 0 end
  local owed = (tonumber(kept:sub(1, -10)) - seconds) * NANOS + tonumber(kept:sub(-9)) - nanos
  return owed > 0 and owed or 0
end

-- What a bucket owes, where it may be of the time before the clock was put back. A share of a quota
-- holds up to a unit less than the quota itself, under which it may have been written.
local function bounded(owed, kind, key)
  if owed <= kind.capacity + kind.pace then return owed end
  local left = call('PTTL', key)
  if left < 0 or left - owed / 1000000 >= MARK / 2 then return owed end
  return kind.capacity
end

-- Gives the state after, or nil; how long to wait; and what is owed then.
local function take(owed, kind, key)
  local cost = kind.cost
  local after = owed + cost
  local over = after - kind.capacity
  if over > kind.pace then
    owed = bounded(owed, kind, key)
    after = owed + cost
    over = after - kind.capacity
  end
  if over <= 0 or cost < 0 then -- a negative cost gives back
    if after < 0 then after = 0 end
    return after, 0, after
  end
  return nil, over, owed
end

-- Takes what is there: another bucket has decided.
local function take_along(owed, kind)
  local after = max(owed, math.min(owed + kind.cost, kind.capacity))
  return after, 0, after
end

local function used(owed)
  return owed
end

local function owing(owed, kind, key, nanoseconds)
  return max(bounded(owed, kind, key), nanoseconds)
end

-- Without a kind it may be a block, so it counts as one.
local function write(key, owed, kind)
  if owed <= 0 then
    call('DEL', key)
    return
  end
  local full = nanos + owed
  local carry = floor(full / NANOS)
  local tat = format('%d%09d', seconds + carry, full - carry * NANOS)
  local left = floor(owed / 1000000) + 1
  if not kind or owed > kind.capacity then left = left + MARK end
  call('SET', key, tat, 'PX', left)
end
