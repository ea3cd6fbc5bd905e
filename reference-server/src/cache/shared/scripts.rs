//! What Redis does at once. Times are its own: instances need not agree on the time.

use redis::Script;

/// Each on one key.
pub struct Scripts {
    /// Looks for a copy: gives its generation, the copy or nothing, and the milliseconds that it has left.
    pub find: Script,
    /// Keeps a copy of the present generation.
    pub keep: Script,
}

impl Scripts {
    /// All scripts.
    pub fn new() -> Self {
        Self { find: Script::new(FIND), keep: Script::new(KEEP) }
    }
}

/// A copy begins with the thirteen digits of the millisecond in which it expires: variations of one entity are
/// kept at different times, and the hash lives as long as the last of them. A miss begins a generation where
/// there is none; it lasts longer than a request may take.
const FIND: &str = "
local found = redis.call('HMGET', KEYS[1], ARGV[1], 'generation')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if found[1] then
  local left = tonumber(string.sub(found[1], 1, 13)) - now
  if left > 0 then
    return {found[2], string.sub(found[1], 14), left}
  end
end
if not found[2] then
  redis.call('HSET', KEYS[1], 'generation', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], 60000)
end
return {found[2] or ARGV[2], false, 0}
";

/// An entity with more than 64 variations starts anew with the 65th: somebody is paging through all of it.
const KEEP: &str = "
if redis.call('HGET', KEYS[1], 'generation') ~= ARGV[2] then
  return 0
end
if redis.call('HLEN', KEYS[1]) > 64 then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'generation', ARGV[2])
end
local time = redis.call('TIME')
local lifetime = tonumber(ARGV[3])
local expiry = time[1] * 1000 + math.floor(time[2] / 1000) + lifetime
redis.call('HSET', KEYS[1], ARGV[1], string.format('%013.0f', expiry) .. ARGV[4])
if redis.call('PTTL', KEYS[1]) < lifetime then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 1
";
