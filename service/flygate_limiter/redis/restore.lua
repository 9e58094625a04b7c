-- Sets what many keys owe, each unless it owes more. It follows clock.lua and bucket.lua.
--
-- KEYS     the buckets
-- ARGV[1]  now; see clock.lua
-- ARGV     then for each key the nanoseconds that it owes

local kept = call('MGET', unpack(KEYS))
for i = 1, #KEYS do
  local before = read(kept[i])
  local owed = tonumber(ARGV[i + 1])
  -- An equal one is written, too: a server that cannot write must fail.
  if owed >= before then write(KEYS[i], owed) end
end
