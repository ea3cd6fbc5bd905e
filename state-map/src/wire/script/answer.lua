-- KEYS: answers to one inquiry. ARGV: field, what it holds, life of all answers from now on.
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 'DONE'
