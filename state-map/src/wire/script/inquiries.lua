-- KEYS: inquiries.
return { redis.call('HVALS', KEYS[1]), int(now_ms()) }
