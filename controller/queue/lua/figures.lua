-- What the farm counts: cheap to ask, whatever the number of frames. A job that has queued frames keeps since when
-- (job.lua's settle); what went wrong is counted where it happens.

-- figures -> {leases that ran out, frames that failed, {job, ms that it has had queued frames}...}
local function figures()
  local now, out = now_ms(), {}
  local expired, failed = unpack(redis.call('HMGET', 'cleave:totals', 'expired', 'failed'))
  out[1], out[2] = expired or '0', failed or '0'
  for _, id in ipairs(redis.call('ZRANGE', 'cleave:ready', 0, -1)) do
    local ok, since = pcall(redis.call, 'HGET', 'cleave:job:' .. id, 'waits')
    if ok and since then
      out[#out + 1] = { id, text(math.max(now - tonumber(since), 0)) }
    end
  end
  return out
end

redis.register_function({ function_name = 'cleave_figures', callback = figures, flags = { 'no-writes' } })
