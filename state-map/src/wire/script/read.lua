-- Of ARGV the run only.
local record = sidecar()
if not record or record.run ~= ARGV[1] then
  record = absent()
end
return { reply(record), int(now_ms()) }
