-- ARGV further: inbox of whoever is told (empty: nobody), message to it.
local record = sidecar()
local refused = refusal(record)
if refused then
  return refused
end
local verdict = ARGV[6] == '' and 'APPLIED' or place(record)
if verdict ~= 'CONFLICT' then
  redis.call('HSET', KEYS[2], 'owner', '')
  if ARGV[11] ~= '' then
    redis.pcall('PUBLISH', ARGV[11], ARGV[12])
  end
end
return verdict
