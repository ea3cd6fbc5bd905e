-- ARGV further: base sequence, operation, tombstone, value, expiry, whether the sidecar expires, life of the
-- sidecar of a tombstone then, operation of what was read (none: it is not compared).
if is_late() then
  return { 'LATE' }
end
local record = sidecar()
if is_stale(record) then
  return { 'STALE' }
end
local generation = record and record.gen or 0
if not record or record.run ~= ARGV[1] then
  record = absent()
end
if record.seq > 0 and record.op == ARGV[6] then
  touch(record)
  return { 'SAME', int(record.seq) }
end
-- A fail-over takes a version back, and its sequence is given out again.
local is_another = record.seq > 0 and ARGV[12] and ARGV[12] ~= '' and record.op ~= ARGV[12]
if record.seq ~= tonumber(ARGV[5]) or is_another then
  return { 'RETRY', reply(record) }
end
if record.owner ~= '' then
  generation = generation + 1
end
record.ce = math.max(record.ce, tonumber(ARGV[2]))
redis.call('HSET', KEYS[2], 'run', ARGV[1], 'ce', int(record.ce), 'gen', int(generation), 'owner', '')
apply(record.seq + 1, 6)
if ARGV[10] == '1' and ARGV[7] == '1' then
  redis.call('PEXPIRE', KEYS[2], ARGV[11])
elseif ARGV[10] == '1' and ARGV[9] ~= '0' then
  redis.call('PEXPIREAT', KEYS[2], ARGV[9])
else
  redis.call('PERSIST', KEYS[2])
end
return { 'APPLIED', int(record.seq + 1) }
