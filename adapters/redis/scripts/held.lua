-- ARGV[2] and on: players. Three items each: what there is of him, empty if nothing; 1 if he has a
-- place, 0 if he has none, and -1 if he should have one; and his metadata.
local no = refuse()
if no then return no end
local answer = { FINE }
for at = 2, #ARGV do
  local player = ARGV[at]
  local entry, place = call('HGET', KEYS[3], player), 1
  if not entry then
    entry, place = g > 0 and call('HGET', KEYS[4], player) or '', 0
  elseif not call('ZSCORE', KEYS[2], string.sub(entry, 1, 24) .. player) then
    place = -1
  end
  local to = #answer
  answer[to + 1] = entry
  answer[to + 2] = place
  answer[to + 3] = d > 0 and call('HGET', KEYS[5], player) or ''
end
return answer
