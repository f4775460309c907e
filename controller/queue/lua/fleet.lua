-- Hosts: which controller acts as which one, and what each says of itself and of what it has.
--
-- cleave:hosts        zset  host -> when its controller was heard last, in ms
-- cleave:host:<name>  hash  holder and deadline (who acts as this host), told (what it says of itself, JSON),
--                           have (its observation, as C packed it), n (counts what was told)

local HOST_FORGET_MS = 30 * 86400000
local HOST_FORGET_MAX = 10      -- a call
local HOST_TEXT_MAX = 1048576

-- Nobody heard of them for a month.
local function forget_hosts(now)
  local gone = redis.call('ZRANGEBYSCORE', 'cleave:hosts', '-inf', text(now - HOST_FORGET_MS), 'LIMIT', '0', text(HOST_FORGET_MAX))
  for _, name in ipairs(gone) do
    redis.call('ZREM', 'cleave:hosts', name)
    redis.call('DEL', 'cleave:host:' .. name)
  end
end

-- host_claim NAME WHO TTL_MS -> {who acts as the host now, ms left to it, version of these functions, 1 when what it told
-- is here}. First come holds it for as long as it is heard.
local function host_claim(_, args)
  local name, who, ttl, now = args[1], args[2], tonumber(args[3]), now_ms()
  local key = 'cleave:host:' .. name
  local holder, deadline = unpack(redis.call('HMGET', key, 'holder', 'deadline'))
  local left = (tonumber(deadline) or 0) - now
  if holder and holder ~= who and left > 0 then
    return { holder, text(left), text(VERSION), '1' }
  end
  redis.call('HSET', key, 'holder', who, 'deadline', text(now + ttl))
  redis.call('ZADD', 'cleave:hosts', text(now), name)
  forget_hosts(now)
  return { who, text(ttl), text(VERSION), text(redis.call('HEXISTS', key, 'told')) }
end

-- host_leave NAME WHO -> 1 when WHO held it. What it told stays: others go on showing it, and since when it is gone.
local function host_leave(_, args)
  local key = 'cleave:host:' .. args[1]
  if redis.call('HGET', key, 'holder') ~= args[2] then
    return 0
  end
  redis.call('HDEL', key, 'holder', 'deadline')
  notice('host', args[1])
  return 1
end

-- host_tell NAME WHO TOLD HAVE -> 1, or 0 when another acts as that host. '' leaves what was told before.
local function host_tell(_, args)
  local key, n = 'cleave:host:' .. args[1], 0
  if redis.call('HGET', key, 'holder') ~= args[2] then
    return 0
  end
  for i, field in ipairs({ 'told', 'have' }) do
    local value = args[i + 2]
    if #value > HOST_TEXT_MAX then
      refuse('INVALID', 'what a host tells has ' .. text(#value) .. ' bytes; ' .. text(HOST_TEXT_MAX) .. ' at most')
    elseif value ~= '' then
      redis.call('HSET', key, field, value)
      n = 1
    end
  end
  redis.call('HINCRBY', key, 'n', text(n))
  redis.call('ZADD', 'cleave:hosts', text(now_ms()), args[1])
  return 1
end

-- hosts -> {name, ms since it was heard, holder, n, told} a host, by name
local function hosts()
  local out, now = {}, now_ms()
  local all = redis.call('ZRANGE', 'cleave:hosts', 0, -1, 'WITHSCORES')
  for i = 1, #all, 2 do
    local ok, row = pcall(redis.call, 'HMGET', 'cleave:host:' .. all[i], 'holder', 'n', 'told')
    row = ok and row or {}
    out[#out + 1] = { all[i], text(now - tonumber(all[i + 1])), row[1] or '', row[2] or '0', row[3] or '' }
  end
  table.sort(out, function(a, b) return a[1] < b[1] end)
  return out
end

-- host_have NAME -> its observation; '' when it told none
local function host_have(_, args)
  return redis.call('HGET', 'cleave:host:' .. args[1], 'have') or ''
end

redis.register_function('cleave_host_claim', host_claim)
redis.register_function('cleave_host_leave', host_leave)
redis.register_function('cleave_host_tell', host_tell)
redis.register_function({ function_name = 'cleave_hosts', callback = hosts, flags = { 'no-writes' } })
redis.register_function({ function_name = 'cleave_host_have', callback = host_have, flags = { 'no-writes' } })
