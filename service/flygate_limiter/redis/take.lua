-- Charges several requests in one call: each takes all its charges, or only those that do not bind it.
-- It follows clock.lua, and bucket.lua or window.lua, which say what a state is.
--
-- KEYS     the state of each charge
-- ARGV[1]  now; see clock.lua
-- ARGV[2]  a byte for each charge: its kind, and LAST more if it is the last of its request
-- ARGV     then for each kind, counted from 0: cost, size and pace, as `kind_of` takes them, and
--          1 if a denial refuses the whole request, 2 if it is charged only if no other refuses it,
--          and then as far as the bucket goes
-- returns  for each charge: nanoseconds to wait (0: it was allowed), and what is used

local LAST = 128

local kinds = {}
for at = 3, #ARGV, 4 do
  local kind = kind_of(tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]))
  kind.is_binding = ARGV[at + 3] == '1'
  kind.is_along = ARGV[at + 3] == '2'
  kinds[(at - 3) / 4] = kind
end

-- By key: its state as the requests so far have left it; and of those changed, the kind.
local states, changed = {}, {}
local kept = call('MGET', unpack(KEYS))
for i = 1, #KEYS do
  local key = KEYS[i]
  if not states[key] then states[key] = read(kept[i]) end
end

local answers, codes, byte = {}, ARGV[2], string.byte

-- A request of a single charge, as nearly all are.
local function take_one(i, kind)
  local key = KEYS[i]
  local before = states[key]
  local after, wait, in_use = take(before, kind, key)
  answers[2 * i - 1], answers[2 * i] = wait, in_use
  if after and after ~= before then
    states[key], changed[key] = after, kind
  end
end

-- A request of the charges first to last.
local function take_all(first, last)
  local pending, touched, refused = {}, {}, false
  for i = first, last do
    local key, kind = KEYS[i], kinds[byte(codes, i) % LAST]
    local before = pending[key] or states[key]
    local take_it = kind.is_along and take_along or take
    local after, wait, in_use = take_it(before, kind, key)
    answers[2 * i - 1], answers[2 * i] = wait, in_use
    if after then
      if after ~= before then pending[key], touched[key] = after, kind end
    elseif kind.is_binding then
      refused = true
    end
  end
  if not refused then
    for key, kind in pairs(touched) do
      states[key], changed[key] = pending[key], kind
    end
    return
  end
  for i = first, last do
    local kind = kinds[byte(codes, i) % LAST]
    if kind.is_along then
      answers[2 * i - 1], answers[2 * i] = 0, used(states[KEYS[i]], kind)
    elseif not kind.is_binding then -- it takes what it would have taken alone
      take_one(i, kind)
    elseif answers[2 * i - 1] == 0 then -- it would have allowed the request alone, and holds what it held
      answers[2 * i] = used(states[KEYS[i]], kind)
    end
  end
end

local first = 1
for i = 1, #KEYS do
  local code = byte(codes, i)
  if code >= LAST then
    if first == i then take_one(i, kinds[code - LAST]) else take_all(first, i) end
    first = i + 1
  end
end

for key, kind in pairs(changed) do
  write(key, states[key], kind)
end
return answers
