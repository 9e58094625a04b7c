-- What time it is: the first part of every script.
--
-- ARGV[1]  now, as 'seconds nanos'; '' asks this server, so that all machines share one clock
--
-- A Lua number cannot hold the nanoseconds since 1970 exactly, so they are kept apart. What is
-- computed with are differences, which stay exact up to 104 days.

local NANOS = 1000000000
-- Looked up once: as globals the look-up costs as long as the call.
local call, floor, format, max = redis.call, math.floor, string.format, math.max

local seconds, nanos
if ARGV[1] == '' then
  local time = call('TIME')
  seconds, nanos = tonumber(time[1]), tonumber(time[2]) * 1000
else
  local given_seconds, given_nanos = ARGV[1]:match('^(%d+) (%d+)$')
  seconds, nanos = tonumber(given_seconds), tonumber(given_nanos)
end
