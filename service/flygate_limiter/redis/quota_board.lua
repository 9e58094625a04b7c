-- Posts notices of quotas that policies have, and returns all that matter. It follows clock.lua.
--
-- KEYS[1]  what all machines know: for each a line, 'the second until which it matters', its birth,
--          and policy and quota
-- ARGV[1]  now; see clock.lua
-- ARGV     then for each: policy and quota, its birth, and how many seconds it matters still
-- returns  the same three for each that matters

local GRAIN = 10 -- seconds: what is in force is posted every second, and written once in ten

local known, has_changed = {}, false
for line in (call('GET', KEYS[1]) or ''):gmatch('[^\n]+') do
  local last, birth, name = line:match('^(%d+) (%S+) (.+)$')
  last = tonumber(last)
  if last and last > seconds then known[name] = { last = last, birth = birth } end
end

for at = 2, #ARGV, 3 do
  local name, birth = ARGV[at], ARGV[at + 1]
  local last = math.ceil((seconds + tonumber(ARGV[at + 2])) / GRAIN) * GRAIN
  local before = known[name]
  if before then
    last = max(last, before.last)
    if before.birth < birth then birth = before.birth end
  end
  if not before or before.last ~= last or before.birth ~= birth then
    known[name] = { last = last, birth = birth }
    has_changed = true
  end
end

local answer, lines, latest = {}, {}, seconds
for name, each in pairs(known) do
  answer[#answer + 1] = name
  answer[#answer + 1] = each.birth
  answer[#answer + 1] = each.last - seconds
  lines[#lines + 1] = format('%d %s %s', each.last, each.birth, name)
  latest = max(latest, each.last)
end
if has_changed then
  call('SET', KEYS[1], table.concat(lines, '\n'), 'PX', (latest - seconds) * 1000)
end
return answer
