-- Makes many clients owe something, each unless it owes more. It follows now.lua and bucket.lua.
--
-- KEYS     whose buckets
-- ARGV[1]  now; see now.lua
-- ARGV     then for each key the nanoseconds that it owes

local kept = call('MGET', unpack(KEYS))
for i = 1, #KEYS do
  local before = read(kept[i])
  local owed = tonumber(ARGV[i + 1])
  -- An equal one is written, too: what cannot be written anywhere is to fail.
  if owed >= before then write(KEYS[i], owed) end
end
