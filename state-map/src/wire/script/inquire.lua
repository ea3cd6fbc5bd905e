-- KEYS: control record, members, dead. ARGV: incarnation.
local STRICT = { ['strict'] = true, ['primary-new'] = true, ['stop-old'] = true, ['done'] = true }
local dead = redis.call('HGET', KEYS[3], ARGV[1])
local proof = dead and cjson.decode(dead).proof
if proof == 'stopped' or proof == 'succeeded' then
  return 'GONE'
end
local record, now = control(KEYS[1]), now_ms()
local has_lapsed, all_strict = proof == 'lapsed', STRICT[record[4]] or false
for _, text in ipairs(redis.call('HVALS', KEYS[2])) do
  local member = cjson.decode(text)
  if member.incarnation == ARGV[1] then
    has_lapsed = has_lapsed or (member.lease_until_ms <= now and STRICT[member.report.serving] or false)
  elseif int(member.epoch) ~= record[2] or member.nonce ~= record[3] then
    all_strict = false
  end
end
return has_lapsed and all_strict and 'LAPSED' or 'ALIVE'
