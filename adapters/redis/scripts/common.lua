-- What the scripts of a ladder have in common.
-- KEYS: 1 m, 2 z, 3 h, 4 g, 5 d, 6 i; see Ranks. ARGV[1] is 1 to compare run ids.
-- Strings are compared for equality only: the server's locale orders them.
local COLD, OWED, FINE, BUILT, BUSY = 0, 1, 2, 3, 4
local LIFE = 604800 -- seconds that a ladder is kept after its last change
local call = redis.call

local held = call('HMGET', KEYS[1], 'state', 'n', 'g', 'd', 'i', 'sequence', 'run', 'heard')
local state = held[1] or ''
local n, g, d, i = tonumber(held[2] or 0), tonumber(held[3] or 0), tonumber(held[4] or 0), tonumber(held[5] or 0)
local sequence = tonumber(held[6] or 0)

local function run_id()
  return string.match(call('INFO', 'server'), 'run_id:(%w+)')
end

local function micros()
  local t = call('TIME')
  return t[1] * 1000000 + t[2]
end

local function number(x) return string.format('%.0f', x) end

local function note(...) call('HSET', KEYS[1], ...) end

local function chill()
  state = ''
  call('HDEL', KEYS[1], 'state')
end

-- A ladder that has lost a key, or that another server made, is cold.
if state ~= '' then
  if call('ZCARD', KEYS[2]) ~= n or call('HLEN', KEYS[3]) ~= n or (g > 0 and call('HLEN', KEYS[4]) ~= g)
    or (d > 0 and call('HLEN', KEYS[5]) ~= d) or (i > 0 and call('ZCARD', KEYS[6]) ~= i)
    or (ARGV[1] == '1' and held[7] ~= run_id()) then
    chill()
  end
end

-- put applies one mark if it is newer than what there is, and tells whether it was. A
-- negative revision is that of a hidden one.
local function put(player, key, revision, metadata)
  local hidden = string.sub(revision, 1, 1) == '-'
  if hidden then revision = string.sub(revision, 2) end
  local was = call('HGET', KEYS[3], player)
  local before = was and string.sub(was, 1, 24)
  local out = not was and g > 0 and call('HGET', KEYS[4], player)
  local known = was and string.sub(was, 25) or out and (#out > 24 and string.sub(out, 25) or out) or '0'
  if tonumber(known) >= tonumber(revision) then return false end
  if before and (hidden or before ~= key) then
    call('ZREM', KEYS[2], before .. player)
  end
  if d > 0 and metadata == '' then d = d - call('HDEL', KEYS[5], player) end
  if metadata ~= '' then d = d + call('HSET', KEYS[5], player, metadata) end
  if hidden or key == '' then
    n = n - call('HDEL', KEYS[3], player)
    g = g + call('HSET', KEYS[4], player, key .. revision)
    return true
  end
  if before ~= key then call('ZADD', KEYS[2], 0, key .. player) end
  if g > 0 then g = g - call('HDEL', KEYS[4], player) end
  n = n + call('HSET', KEYS[3], player, key .. revision)
  return true
end

-- put_all applies the marks in ARGV from the given place, and keeps count.
local function put_all(from)
  local changed = false
  for at = from, #ARGV, 4 do
    changed = put(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]) or changed
  end
  if changed then
    sequence = sequence + 1
    note('n', n, 'g', g, 'd', d, 'sequence', number(sequence))
  end
end

local function live()
  for _, key in ipairs(KEYS) do call('EXPIRE', key, LIFE) end
end

-- refuse gives what a read answers instead, if it must not.
local function refuse()
  if state ~= 'ready' then return { COLD } end
  if i == 0 then return nil end
  local late = call('ZRANGEBYSCORE', KEYS[6], '-inf', number(micros() - 5000000), 'LIMIT', 0, 16)
  if #late == 0 then return nil end
  return { OWED, unpack(late) }
end

-- better counts the members with a better run than that of the key.
local function better(key)
  return call('ZLEXCOUNT', KEYS[2], '-', '(' .. string.sub(key, 1, 16))
end

-- tell adds members to an answer, of which the first follows so many others: that number, how
-- many are better if ranks are shared, the members, and their metadata if there is any.
local function tell(answer, shared, first, members)
  local metadata = ''
  if d > 0 and members[1] then
    local players = {}
    for at, member in ipairs(members) do players[at] = string.sub(member, 25) end
    metadata = call('HMGET', KEYS[5], unpack(players))
  end
  local to = #answer
  answer[to + 1] = first
  answer[to + 2] = shared == '1' and members[1] and better(members[1]) or -1
  answer[to + 3] = table.concat(members)
  answer[to + 4] = metadata
  return answer
end
