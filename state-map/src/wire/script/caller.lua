local function is_late()
  return now_ms() > tonumber(ARGV[4])
end

-- Whether the caller has missed a change of phase. The epoch grows over all runs, so a late call of an older run
-- is told by it too.
local function is_stale(record)
  local least = record and record.ce or tonumber(redis.call('GET', KEYS[3]) or '0')
  return tonumber(ARGV[2]) < least
end

-- Writes a version, which stands in ARGV from `at` on: operation, tombstone, value, expiry.
local function apply(seq, at)
  if ARGV[at + 1] == '1' then
    redis.call('DEL', KEYS[1])
  else
    redis.call('SET', KEYS[1], ARGV[at + 2])
    if ARGV[at + 3] ~= '0' then
      redis.call('PEXPIREAT', KEYS[1], ARGV[at + 3])
    end
  end
  redis.call('HSET', KEYS[2], 'seq', int(seq), 'op', ARGV[at], 'del', ARGV[at + 1], 'exp', ARGV[at + 3])
end

-- Writes what is there already: the replicas' acknowledgement of this write covers the one that is there.
local function touch(record)
  redis.call('HSET', KEYS[2], 'seq', int(record.seq))
end

