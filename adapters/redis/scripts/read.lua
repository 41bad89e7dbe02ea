-- ARGV[2]: shared; then questions, four arguments each: the sequence that is known, the
-- player or the member that a page follows, and how many before and after, or how many.
local no = refuse()
if no then return no end
local now = number(sequence)
local answer = { FINE, now, n }
for at = 3, #ARGV, 4 do
  local first, members = 0, {}
  local of = ARGV[at + 1]
  if ARGV[at] == now then
    first = -1
  elseif #of == 16 then
    local entry = call('HGET', KEYS[3], of)
    if entry then
      local member = string.sub(entry, 1, 24) .. of
      local rank = call('ZRANK', KEYS[2], member)
      first = math.max(0, rank - tonumber(ARGV[at + 2]))
      local last = rank + tonumber(ARGV[at + 3])
      members = first == last and { member } or call('ZRANGE', KEYS[2], first, last)
    end
  elseif ARGV[at + 2] == '0' then
    members = {}
  elseif of == '' then
    members = call('ZRANGE', KEYS[2], 0, tonumber(ARGV[at + 2]) - 1)
  else
    members = call('ZRANGEBYLEX', KEYS[2], '(' .. of, '+', 'LIMIT', 0, ARGV[at + 2])
    first = members[1] and call('ZRANK', KEYS[2], members[1]) or 0
  end
  tell(answer, ARGV[2], first, members)
end
return answer
