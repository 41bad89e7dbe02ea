-- ARGV[2]: shared; then players.
local no = refuse()
if no then return no end
local answer = { FINE, number(sequence), n }
for at = 3, #ARGV do
  local player = ARGV[at]
  local entry = call('HGET', KEYS[3], player)
  if entry then
    local member = string.sub(entry, 1, 24) .. player
    local before = call('ZRANK', KEYS[2], member)
    local to = #answer
    answer[to + 1] = before
    answer[to + 2] = ARGV[2] == '1' and better(member) or before
    answer[to + 3] = member
    answer[to + 4] = d > 0 and call('HGET', KEYS[5], player) or ''
  end
end
return answer
