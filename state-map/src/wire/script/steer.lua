-- KEYS: control record, lock. ARGV: expected epoch and nonce, fencing token, then the new record: run, epoch, nonce,
-- phase, phase before, replicas; channel.
if is_fenced(KEYS[2], ARGV[3]) then
  return 'FENCED'
end
local record = control(KEYS[1])
if record[2] ~= ARGV[1] or record[3] ~= ARGV[2] then
  return 'CHANGED'
end
redis.call('HSET', KEYS[1], 'run', ARGV[4], 'epoch', ARGV[5], 'nonce', ARGV[6], 'phase', ARGV[7],
  'prev', ARGV[8], 'replicas', ARGV[9], 'replid', replid())
redis.pcall('PUBLISH', ARGV[10], ARGV[5])
return 'DONE'
