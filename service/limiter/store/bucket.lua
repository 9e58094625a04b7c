-- A bucket, as bucket.py has it. Its state is what it owes: the nanoseconds until it is full again.
-- It is kept as its TAT, the nanoseconds since 1970 at which that is, and expires then.

-- Of a charge: `cost` and `size` in units, `pace` the nanoseconds in which a unit is refilled.
local function kind_of(cost, size, pace)
  return { cost = cost * pace, capacity = size * pace }
end

local function read(kept)
  if not kept then return 0 end
  local owed = (tonumber(kept:sub(1, -10)) - seconds) * NANOS + tonumber(kept:sub(-9)) - nanos
  return owed > 0 and owed or 0
end

-- Gives the state after, or nil; how long to wait; and what is owed then.
local function take(owed, kind)
  local cost = kind.cost
  local after = owed + cost
  local over = after - kind.capacity
  if over <= 0 or cost < 0 then -- a negative cost gives back
    if after < 0 then after = 0 end
    return after, 0, after
  end
  return nil, over, owed
end

local function used(owed)
  return owed
end

local function owing(owed, _, nanoseconds)
  return max(owed, nanoseconds)
end

local function write(key, owed)
  if owed <= 0 then
    call('DEL', key)
    return
  end
  local full = nanos + owed
  local carry = floor(full / NANOS)
  local tat = format('%d%09d', seconds + carry, full - carry * NANOS)
  call('SET', key, tat, 'PX', floor(owed / 1000000) + 1)
end
