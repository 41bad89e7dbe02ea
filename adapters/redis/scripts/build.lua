-- ARGV[2]: the step; ARGV[3]: the builder; ARGV[4]: microseconds that it may be silent;
-- then, to fill, marks.
local step, builder = ARGV[2], ARGV[3]
if step == 'drop' or step == 'begin' then
  if step == 'begin' then
    if state == 'ready' then return { BUILT } end
    if state ~= '' and state ~= builder and micros() - tonumber(held[8]) < tonumber(ARGV[4]) then return { BUSY } end
  end
  call('UNLINK', KEYS[2], KEYS[3], KEYS[4], KEYS[5])
  if step == 'drop' then
    chill()
    return { FINE }
  end
  note('state', builder, 'n', 0, 'g', 0, 'd', 0, 'i', call('ZCARD', KEYS[6]), 'run', run_id(), 'heard', number(micros()),
    'sequence', number(math.max(sequence + 1, micros())))
  live()
  return { FINE }
end
if state ~= builder then return { COLD } end
if step == 'fill' then
  put_all(5)
  note('heard', number(micros()))
else
  note('state', 'ready')
end
live()
return { FINE }
