-- Whether somebody else has the operator's lock, which begins with its holder's fencing token. 0: without a lock.
local function is_fenced(key, token)
  return token ~= '0' and string.match(redis.call('GET', key) or '', '^%d+') ~= token
end

