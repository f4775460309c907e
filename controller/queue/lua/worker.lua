-- Workers as they report themselves.

-- beat NAME (FACT VALUE)... -> 1
local function beat(_, args)
  local name = args[1]
  if redis.call('ZADD', 'cleave:workers', now_ms(), name) == 1 then
    notice('worker', name)
  end
  for i = 2, #args - 1, 2 do
    -- Who drained it waits for that.
    if args[i] == 'state' and args[i + 1] == 'drained' and
       redis.call('HGET', 'cleave:worker:' .. name, 'state') ~= 'drained' then
      notice('drained', name)
    end
    redis.call('HSET', 'cleave:worker:' .. name, args[i], args[i + 1])
  end
  redis.call('PEXPIRE', 'cleave:worker:' .. name, FORGET_MS)
  return 1
end

local function leave(_, args)
  redis.call('ZREM', 'cleave:workers', args[1])
  redis.call('ZREM', 'cleave:waiting', args[1])
  redis.call('HDEL', 'cleave:can', args[1])
  redis.call('DEL', 'cleave:worker:' .. args[1], 'cleave:wake:' .. args[1])
  notice('worker', args[1])
  return 1
end

-- workers -> {name, ms since its heartbeat, fact, value, ...} a worker
local function workers()
  local out, now = {}, now_ms()
  local all = redis.call('ZRANGE', 'cleave:workers', 0, -1, 'WITHSCORES')
  for i = 1, #all, 2 do
    local row = redis.call('HGETALL', 'cleave:worker:' .. all[i])
    local until_ms, _, why = string.match(redis.call('HGET', 'cleave:rest', all[i]) or '', '^(%d+) (%d+) (.*)$')
    if until_ms and tonumber(until_ms) > now then
      for _, fact in ipairs({ 'resting', why, 'resting_ms', text(tonumber(until_ms) - now) }) do
        row[#row + 1] = fact
      end
    end
    table.insert(row, 1, text(now - tonumber(all[i + 1])))
    table.insert(row, 1, all[i])
    out[#out + 1] = row
  end
  return out
end

redis.register_function('cleave_beat', beat)
redis.register_function('cleave_leave', leave)
redis.register_function({ function_name = 'cleave_workers', callback = workers, flags = { 'no-writes' } })
