-- Sets what one key owes. It follows clock.lua, and bucket.lua or window.lua.
--
-- KEYS[1]  the state
-- ARGV[1]  now; see clock.lua
-- ARGV     then size and pace, as `kind_of` takes them; and two numbers for `owing`

local kind = kind_of(0, tonumber(ARGV[2]), tonumber(ARGV[3]))
local before = read(call('GET', KEYS[1]))
write(KEYS[1], owing(before, kind, KEYS[1], tonumber(ARGV[4]), tonumber(ARGV[5])), kind)
