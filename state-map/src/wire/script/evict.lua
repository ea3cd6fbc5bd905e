-- KEYS: members, dead, lock. ARGV: name, incarnation, proof, fencing token.
if is_fenced(KEYS[3], ARGV[4]) then
  return 'FENCED'
end
local is_member = incarnation_of(redis.call('HGET', KEYS[1], ARGV[1])) == ARGV[2]
local dead = redis.call('HGET', KEYS[2], ARGV[2])
if not is_member and not dead then
  return 'CHANGED'
end
-- A stronger proof takes the place of a lapsed lease.
local is_weaker = not dead or cjson.decode(dead).proof == 'lapsed'
if is_member then
  redis.call('HDEL', KEYS[1], ARGV[1])
end
if is_weaker then
  redis.call('HSET', KEYS[2], ARGV[2], evicted(ARGV[1], ARGV[3]))
end
return 'DONE'
