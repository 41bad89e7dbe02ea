-- ARGV[2]: shared; ARGV[3]: the player; ARGV[4] and [5]: how many before and after.
local no = refuse()
if no then return no end
local entry = call('HGET', KEYS[3], ARGV[3])
if not entry then return view(ARGV[2], 0, {}) end
local rank = call('ZRANK', KEYS[2], string.sub(entry, 1, 24) .. ARGV[3])
local first = math.max(0, rank - tonumber(ARGV[4]))
return view(ARGV[2], first, call('ZRANGE', KEYS[2], first, rank + tonumber(ARGV[5])))
