-- A dead incarnation as JSON.
local function evicted(name, proof)
  return '{"name":' .. cjson.encode(name) .. ',"proof":' .. cjson.encode(proof)
    .. ',"at_ms":' .. int(now_ms()) .. '}'
end

-- The incarnation that a member's JSON names; nil for no member.
local function incarnation_of(member)
  return member and cjson.decode(member).incarnation
end

