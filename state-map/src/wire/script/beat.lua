-- KEYS: control record, members, dead. ARGV: name, incarnation, run, epoch and nonce that it has acknowledged,
-- replication history then, lease, report as JSON, whether it registers.
local record, here, now = control(KEYS[1]), replid(), now_ms()
local dead = redis.call('HGET', KEYS[3], ARGV[2])
if dead then
  return { record, here, int(now), cjson.decode(dead).proof }
end
local run, epoch, nonce, history = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
-- Whoever registers serves nothing yet: it begins in the record's phase.
if ARGV[9] == '1' and epoch == '0' then
  run, epoch, nonce, history = record[1], record[2], record[3], here
end
local member = '{"incarnation":' .. cjson.encode(ARGV[2]) .. ',"run":' .. cjson.encode(run)
  .. ',"epoch":' .. epoch .. ',"nonce":' .. cjson.encode(nonce) .. ',"replid":' .. cjson.encode(history)
  .. ',"seen_ms":' .. int(now) .. ',"lease_until_ms":' .. int(now + tonumber(ARGV[7]))
  .. ',"report":' .. ARGV[8] .. '}'
local before = incarnation_of(redis.call('HGET', KEYS[2], ARGV[1]))
if before and before ~= ARGV[2] then
  redis.call('HSET', KEYS[3], before, evicted(ARGV[1], 'succeeded'))
end
redis.call('HSET', KEYS[2], ARGV[1], member)
return { record, here, int(now), '' }
