-- KEYS: control record, members, dead, conflicts.
local undecided = 0
for _, text in ipairs(redis.call('HVALS', KEYS[4])) do
  local keep = cjson.decode(text).keep
  if keep == nil or keep == cjson.null then
    undecided = undecided + 1
  end
end
local members, dead = redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3])
return { control(KEYS[1]), replid(), int(now_ms()), members, dead, int(undecided) }
