-- KEYS: control record, members, dead. ARGV: name, incarnation, run, epoch and nonce that it has acknowledged,
-- replication history then, lease, report as JSON, whether it registers, whom it replaces (empty: nobody).
local record, here, now = control(KEYS[1]), replid(), now_ms()
local dead = redis.call('HGET', KEYS[3], ARGV[2])
if dead then
  return { record, here, int(now), cjson.decode(dead).proof }
end
local found = incarnation_of(redis.call('HGET', KEYS[2], ARGV[1]))
local is_other = found and found ~= ARGV[2]
-- A late call must not end a process that lives.
if is_other and not (ARGV[9] == '1' and found == ARGV[10]) then
  return { record, here, int(now), 'succeeded' }
end
if is_other then
  redis.call('HSET', KEYS[3], found, evicted(ARGV[1], 'succeeded'))
end
local member = '{"incarnation":' .. cjson.encode(ARGV[2]) .. ',"run":' .. cjson.encode(ARGV[3])
  .. ',"epoch":' .. ARGV[4] .. ',"nonce":' .. cjson.encode(ARGV[5]) .. ',"replid":' .. cjson.encode(ARGV[6])
  .. ',"seen_ms":' .. int(now) .. ',"lease_until_ms":' .. int(now + tonumber(ARGV[7]))
  .. ',"report":' .. ARGV[8] .. '}'
redis.call('HSET', KEYS[2], ARGV[1], member)
return { record, here, int(now), '' }
