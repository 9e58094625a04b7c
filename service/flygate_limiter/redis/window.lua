-- A sliding window, as window.py has it. Its state: the number of the present window, counted
-- from 1970; what was counted in it; and what was counted in the one before. It is kept as these
-- three numbers, and expires when the next window has passed.

-- Of a charge: `cost` and `size` in units, `pace` the seconds that a window is long.
local function kind_of(cost, size, pace)
  local elapsed = seconds % pace
  local kind = { cost = cost, limit = size, length = pace, number = floor(seconds / pace) }
  -- Until the window ends, in seconds and nanoseconds.
  kind.left, kind.left_nanos = pace - elapsed, 0
  if nanos > 0 then kind.left, kind.left_nanos = pace - elapsed - 1, NANOS - nanos end
  return kind
end

local NONE = { number = 0, current = 0, previous = 0 }

local function read(kept)
  if not kept then return NONE end
  local number, current, previous = kept:match('^(%d+) (%d+) (%d+)$')
  return { number = tonumber(number), current = tonumber(current), previous = tonumber(previous) }
end

-- The state once the present window has begun. One of a later window is a block, in which nothing is
-- counted; or it was written before this server's clock was put back, and is of the present one.
local function as_of(state, number)
  if state.number > number and state.current + state.previous > 0 then
    return { number = number, current = state.current, previous = state.previous }
  end
  if state.number >= number then return state end
  local previous = state.number == number - 1 and state.current or 0
  return { number = number, current = 0, previous = previous }
end

-- units * seconds / divisor in whole nanoseconds, rounded down: the product may be too large for a
-- Lua number, its parts are not.
local function share(units, length, divisor)
  local whole = floor(units * length / divisor)
  local rest = units * length - whole * divisor
  return whole * NANOS + floor(rest * NANOS / divisor)
end

-- The previous window's units, weighed by what is left of this one: in unit-seconds, and billionths.
local function weighed(state, kind)
  local nano_part = state.previous * kind.left_nanos
  local carry = floor(nano_part / NANOS)
  return state.previous * kind.left + carry, nano_part - carry * NANOS
end

local function units_of(state, kind)
  local whole, rest = weighed(state, kind)
  local units = floor(whole / kind.length)
  if units * kind.length < whole or rest > 0 then units = units + 1 end
  return state.current + units
end

local function wait_for(state, kind)
  local left = kind.left * NANOS + kind.left_nanos
  local room = kind.limit - state.current - kind.cost
  if room >= 0 then -- until enough of the previous window has slid out
    return left - share(room, kind.length, state.previous)
  end
  local late = kind.length * NANOS - share(kind.limit - kind.cost, kind.length, state.current)
  return left + max(0, late)
end

-- Until all units are there again or, if fewer than the cost are, until the cost is; in whole seconds.
local function until_more(state, kind, units)
  local cost = max(1, kind.cost)
  if cost > kind.limit then return 0 end
  if units + cost > kind.limit then
    local one = { cost = cost, limit = kind.limit, length = kind.length, left = kind.left,
      left_nanos = kind.left_nanos }
    return math.ceil(wait_for(state, one) / NANOS)
  end
  local left = kind.left + (kind.left_nanos > 0 and 1 or 0)
  if state.current > 0 then return left + kind.length end
  return state.previous > 0 and left or 0
end

local USED = 67108864

-- The units in use, and until when, as one number.
local function used(state, kind)
  state = as_of(state, kind.number)
  if state.number > kind.number then return kind.limit * USED end
  local units = units_of(state, kind)
  return units * USED + until_more(state, kind, units)
end

-- Gives the state after, or nil; how long to wait; and what `used` says then.
local function take(before, kind)
  local state = as_of(before, kind.number)
  if state.number > kind.number then -- blocked until then; giving back does not change that
    if kind.cost < 0 then return before, 0, kind.limit * USED end
    return nil, (state.number * kind.length - seconds) * NANOS - nanos, kind.limit * USED
  end
  if kind.cost > kind.limit then return nil, 1, used(state, kind) end
  if kind.cost > 0 then
    local room = (kind.limit - state.current - kind.cost) * kind.length
    local whole, rest = weighed(state, kind)
    if whole > room or (whole == room and rest > 0) then
      return nil, wait_for(state, kind), used(state, kind)
    end
  end
  if kind.cost == 0 then return before, 0, used(state, kind) end
  local current = max(0, state.current + kind.cost)
  local after = { number = state.number, current = current, previous = state.previous }
  return after, 0, used(after, kind)
end

-- Takes what is there: another window has decided.
local function take_along(before, kind)
  local state = as_of(before, kind.number)
  if state.number > kind.number then return before, 0, kind.limit * USED end
  local current = max(state.current, math.min(kind.limit, state.current + kind.cost))
  local after = { number = state.number, current = current, previous = state.previous }
  return after, 0, used(after, kind)
end

-- Uses up `units`, unless more are used; if they are negative, blocks for `blocked` nanoseconds.
local function owing(kept, kind, _, units, blocked)
  local before = kept.number > kind.number and as_of(kept, kind.number) or kept
  if units >= 0 then
    local number = kind.number
    if units == 0 then return before end
    if before.number == number and before.current >= units then return before end
    return before.number > number and before or { number = number, current = units, previous = 0 }
  end
  local full = nanos + blocked
  local carry = floor(full / NANOS)
  local until_seconds, rest = seconds + carry, full - carry * NANOS
  local number = floor(until_seconds / kind.length)
  if rest > 0 or number * kind.length < until_seconds then number = number + 1 end
  return before.number >= number and before or { number = number, current = 0, previous = 0 }
end

local function write(key, state, kind)
  local left = (state.number + 2) * kind.length - seconds
  if left <= 0 or (state.number <= kind.number and state.current + state.previous == 0) then
    call('DEL', key)
    return
  end
  local kept = format('%d %d %d', state.number, state.current, state.previous)
  call('SET', key, kept, 'PX', left * 1000)
end
