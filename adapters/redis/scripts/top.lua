-- ARGV[2]: shared; ARGV[3]: the member before, or empty; ARGV[4]: how many.
local no = refuse()
if no then return no end
local from, limit = ARGV[3], tonumber(ARGV[4])
if from == '' then
  return view(ARGV[2], 0, limit > 0 and call('ZRANGE', KEYS[2], 0, limit - 1) or {})
end
local members = call('ZRANGEBYLEX', KEYS[2], '(' .. from, '+', 'LIMIT', 0, limit)
return view(ARGV[2], members[1] and call('ZRANK', KEYS[2], members[1]) or 0, members)
