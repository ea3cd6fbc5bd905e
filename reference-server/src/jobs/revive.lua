-- Moves a dead job back into its queue.
-- KEYS: dead set, list of waiting jobs, the job's course, signal list. ARGV[1]: the job.
if redis.call('SREM', KEYS[1], ARGV[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[3], 'attempts', 0, 'status', 'Pending')
redis.call('RPUSH', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[4])
redis.call('LPUSH', KEYS[4], 1)
return 1
