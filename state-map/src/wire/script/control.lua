-- The control record: run, epoch, nonce, phase, phase before, replication history, replicas.
local function control(key)
  local field = redis.call('HMGET', key, 'run', 'epoch', 'nonce', 'phase', 'prev', 'replid', 'replicas')
  return {
    field[1] or '', field[2] or '0', field[3] or '', field[4] or 'off', field[5] or '', field[6] or '',
    field[7] or '0',
  }
end

-- The server's replication history and its process.
local function replid()
  local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
  local process = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  return history .. ':' .. process
end

