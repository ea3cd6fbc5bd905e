-- KEYS: value, sidecar, fence of the slot. ARGV: run, epoch, incarnation, deadline, then what the script says.

-- The sidecar, of whichever run; nil where there is none.
local function sidecar()
  local field = redis.call('HMGET', KEYS[2], 'run', 'ce', 'gen', 'owner', 'seq', 'op', 'del', 'exp')
  if not field[1] then
    return nil
  end
  return {
    run = field[1], ce = tonumber(field[2]), gen = tonumber(field[3]), owner = field[4],
    seq = tonumber(field[5]), op = field[6], del = field[7], exp = field[8],
  }
end

-- What a key without a record has.
local function absent()
  return { ce = 0, gen = 0, owner = '', seq = 0, op = '', del = '0', exp = '0' }
end

-- A record as a reply. A value without a sidecar of this run is none.
local function reply(record)
  local value = record.run and record.del == '0' and redis.call('GET', KEYS[1])
  return {
    int(record.ce), int(record.gen), record.owner, int(record.seq), record.op, record.del, record.exp,
    value or false,
  }
end

