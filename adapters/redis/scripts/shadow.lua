-- ARGV[2]: shared; ARGV[3]: the player; ARGV[4]: the key, or empty for that of a hidden mark;
-- ARGV[5] and [6]: how many before and after. The player's own place, if there is one, comes last.
local no = refuse()
if no then return no end
local player, key, metadata = ARGV[3], ARGV[4], ''
local answer = { FINE, number(sequence), n }
if call('HEXISTS', KEYS[3], player) == 1 then return tell(answer, '0', 0, {}) end
if key == '' then
  local out = g > 0 and call('HGET', KEYS[4], player)
  if not out or #out <= 24 then return tell(answer, '0', 0, {}) end
  key = string.sub(out, 1, 24)
  metadata = d > 0 and call('HGET', KEYS[5], player) or ''
end
local member = key .. player
local ahead = call('ZLEXCOUNT', KEYS[2], '-', '(' .. member)
local first = math.max(0, ahead - tonumber(ARGV[5]))
local last = ahead + tonumber(ARGV[6]) - 1
tell(answer, ARGV[2], first, first <= last and call('ZRANGE', KEYS[2], first, last) or {})
local to = #answer
answer[to + 1] = ahead
answer[to + 2] = ARGV[2] == '1' and better(key) or -1
answer[to + 3] = member
answer[to + 4] = { metadata }
return answer
