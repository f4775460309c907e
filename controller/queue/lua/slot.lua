-- Whose turn it is: hosts with something disruptive to do take one of a few slots. And what each host's controller said
-- of itself last, by which rings wait for each other.

-- Slots whose time ran out are free again.
local function drop_late(now)
  redis.call('ZREMRANGEBYSCORE', 'cleave:rollout:slots', '-inf', text(now))
end

-- slot_take HOST N TTL_MS -> 1 when the host has one of N slots now; its time begins anew
local function slot_take(_, args)
  local host, now = args[1], now_ms()
  drop_late(now)
  local has = redis.call('ZSCORE', 'cleave:rollout:slots', host)
  if not has and redis.call('ZCARD', 'cleave:rollout:slots') >= tonumber(args[2]) then
    return 0
  end
  redis.call('ZADD', 'cleave:rollout:slots', text(now + tonumber(args[3])), host)
  return 1
end

-- slot_keep HOST TTL_MS -> 1 when the host has one still; its time begins anew
local function slot_keep(_, args)
  local now = now_ms()
  drop_late(now)
  if not redis.call('ZSCORE', 'cleave:rollout:slots', args[1]) then
    return 0
  end
  redis.call('ZADD', 'cleave:rollout:slots', text(now + tonumber(args[2])), args[1])
  return 1
end

-- slot_leave HOST -> 1 when it had one
local function slot_leave(_, args)
  local n = redis.call('ZREM', 'cleave:rollout:slots', args[1])
  if n == 1 then
    notice('rollout', args[1])
  end
  return n
end

-- slot_say HOST READY REVISION -> 1 when that is news. READY is '1' or '0'.
local function slot_say(_, args)
  local said = args[2] .. ' ' .. args[3]
  if redis.call('HGET', 'cleave:rollout:hosts', args[1]) == said then
    return 0
  end
  redis.call('HSET', 'cleave:rollout:hosts', args[1], said)
  notice('rollout', args[1])
  return 1
end

local AWAY_MS = 90000           -- as C's FLEET_TTL_MS

-- slots -> {hosts with a slot, {host, 'READY REVISION', ...}}. Who is not heard any more is not Ready, whatever it said: it may
-- have died of that revision.
local function slots()
  local now, said = now_ms(), redis.call('HGETALL', 'cleave:rollout:hosts')
  for i = 1, #said, 2 do
    local heard = redis.call('ZSCORE', 'cleave:hosts', said[i])
    if heard and now - tonumber(heard) >= AWAY_MS then
      said[i + 1] = '0' .. string.sub(said[i + 1], 2)
    end
  end
  return { redis.call('ZRANGEBYSCORE', 'cleave:rollout:slots', '(' .. text(now), '+inf'), said }
end

redis.register_function('cleave_slot_take', slot_take)
redis.register_function('cleave_slot_keep', slot_keep)
redis.register_function('cleave_slot_leave', slot_leave)
redis.register_function('cleave_slot_say', slot_say)
redis.register_function({ function_name = 'cleave_slots', callback = slots, flags = { 'no-writes' } })
