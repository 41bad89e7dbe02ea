-- ARGV[2]: how many ids of intents follow; then marks, four arguments each.
local ids = tonumber(ARGV[2])
if ids > 0 then
  local wanted = {}
  for at = 3, 2 + ids do wanted[ARGV[at]] = true end
  for _, intent in ipairs(call('ZRANGE', KEYS[6], 0, -1)) do
    if wanted[string.sub(intent, 1, 16)] then call('ZREM', KEYS[6], intent) end
  end
  note('i', call('ZCARD', KEYS[6]))
end
if state == '' then return { COLD } end
put_all(3 + ids)
live()
return { FINE }
