-- ARGV[2]: the intent.
local added = call('ZADD', KEYS[6], number(micros()), ARGV[2])
note('i', state == '' and call('ZCARD', KEYS[6]) or i + added)
live()
return { FINE }
