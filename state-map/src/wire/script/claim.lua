-- ARGV further: owner whose ownership is no obstacle, its generation, by force, start of the inboxes' names, message to the owner.
if is_late() then
  return { 'LATE' }
end
local record = sidecar()
if is_stale(record) then
  return { 'STALE' }
end
local generation = record and record.gen or 0
local is_known = record and record.run == ARGV[1]
if is_known then
  local is_replaced = record.owner == ARGV[5] and int(record.gen) == ARGV[6]
  local is_own = record.owner == ARGV[3]
  local is_forced = ARGV[7] == '1' and not is_own
  if record.owner ~= '' and not is_replaced and not is_forced then
    if not is_own then
      -- A message may be lost, so one that may not be sent is no failure.
      redis.pcall('PUBLISH', ARGV[8] .. record.owner, ARGV[9])
    end
    return { 'OWNED', record.owner, int(record.gen) }
  end
else
  record = absent()
end
record.gen, record.owner, record.ce = generation + 1, ARGV[3], math.max(record.ce, tonumber(ARGV[2]))
local answer = reply(record)
if not is_known then
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[2], 'run', ARGV[1], 'seq', '0', 'op', '', 'del', '0', 'exp', '0')
end
redis.call('HSET', KEYS[2], 'ce', int(record.ce), 'gen', int(record.gen), 'owner', record.owner)
return { 'YOURS', answer }
