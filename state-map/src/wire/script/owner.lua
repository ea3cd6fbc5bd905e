-- ARGV further: generation, sequence (empty: no version), operation, tombstone, value, expiry.

-- Why the caller may not write, if it may not.
local function refusal(record)
  if is_late() then
    return 'LATE'
  end
  local is_owner = record and record.run == ARGV[1] and int(record.gen) == ARGV[5] and record.owner == ARGV[3]
  if not is_owner then
    -- Whoever takes a key counts on from its generation. A lower one, or none, is that of a server that has forgotten.
    local known = record and record.gen or 0
    return known < tonumber(ARGV[5]) and 'FORGOTTEN' or 'SUPERSEDED'
  end
  return is_stale(record) and 'STALE'
end

local function place(record)
  local seq = tonumber(ARGV[6])
  if record.seq == 0 or seq > record.seq then
    apply(seq, 7)
    return 'APPLIED'
  end
  if seq == record.seq and record.op ~= ARGV[7] then
    return 'CONFLICT'
  end
  touch(record)
  return seq < record.seq and 'OLDER' or 'SAME'
end

