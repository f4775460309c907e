-- Plain workers: they take JSON tasks from a Redis list and report in the hash job:<id>, knowing nothing of leases.
-- The job owner holds their leases; a task's id is its lease's token.
--
-- cleave:plain:<list>  hash  id -> "left began job key frames\npayload": when it left the list and was begun (ms; 0: not
--                            seen yet), whose frames they are, and the item in the list
--
-- Other items of that list, and other hashes, are somebody else's.

local PLAIN_HASH_MS = 86400000
local LISTED_MAX = 20000       -- items of a list, ours and others', that are looked at

-- plain_push FENCE EPOCH LIST (ID RECORD PAYLOAD)... -> tasks in the list from now on
local function plain_push(_, args)
  Owner.keep_epoch(Owner.check(args))
  local list, records, payloads, ttl = args[3], {}, {}, text(PLAIN_HASH_MS)
  for i = 4, #args - 2, 3 do
    local n = #payloads + 1
    records[2 * n - 1], records[2 * n], payloads[n] = args[i], args[i + 1], args[i + 2]
    redis.call('HSET', 'job:' .. args[i], 'status', 'queued')
    redis.call('PEXPIRE', 'job:' .. args[i], ttl)
  end
  if #payloads > 0 then
    redis.call('HSET', 'cleave:plain:' .. list, unpack(records))
    redis.call('LPUSH', list, unpack(payloads))
  end
  return #payloads
end

-- What is in the list, as a function that tells of a payload whether it is. Anything may be under that name. Of a
-- list too long to be looked at all is said to be there: then it waits.
local function listed_in(list)
  local n, items = redis.pcall('LLEN', list), {}
  if type(n) == 'number' and n <= LISTED_MAX then
    for _, item in ipairs(redis.call('LRANGE', list, 0, -1)) do
      items[item] = true
    end
  end
  return function(payload)
    return payload ~= nil and type(n) == 'number' and (n > LISTED_MAX or items[payload] == true)
  end
end

-- plain_show LIST -> {now in ms, {id, record, task, status, whether it is listed, whether its lease stands}...}
local function plain_show(_, args)
  local list, out = args[1], { text(now_ms()) }
  local is_listed = listed_in(list)
  local all = redis.call('HGETALL', 'cleave:plain:' .. list)
  for i = 1, #all, 2 do
    local id = all[i]
    local job, key, payload = string.match(all[i + 1], '^%d+ %d+ (%S+) (%S+) [^\n]*\n(.*)$')
    local task = job and redis.call('HGET', 'cleave:job:' .. job, 'task:' .. key)
    local status = redis.pcall('HGET', 'job:' .. id, 'status')
    out[#out + 1] = { id, all[i + 1], task or '', type(status) == 'string' and status or '',
                      is_listed(payload) and 1 or 0, redis.call('ZSCORE', 'cleave:leases', id) and 1 or 0 }
  end
  return out
end

-- plain_note FENCE EPOCH LIST ID RECORD -> 1, or 0 when there is no such task any more
local function plain_note(_, args)
  Owner.keep_epoch(Owner.check(args))
  if redis.call('HEXISTS', 'cleave:plain:' .. args[3], args[4]) == 0 then
    return 0
  end
  redis.call('HSET', 'cleave:plain:' .. args[3], args[4], args[5])
  return 1
end

-- plain_drop FENCE EPOCH LIST ID PAYLOAD ONLY_UNREAD -> whether it was in the list still: nobody will take it now.
-- ONLY_UNREAD 1: a task that somebody has taken stays known.
local function plain_drop(_, args)
  Owner.keep_epoch(Owner.check(args))
  local n = redis.pcall('LREM', args[3], 0, args[5])
  local was_unread = type(n) == 'number' and n > 0
  if was_unread then
    redis.call('DEL', 'job:' .. args[4])
  end
  if was_unread or args[6] ~= '1' then
    redis.call('HDEL', 'cleave:plain:' .. args[3], args[4])
  end
  return was_unread and 1 or 0
end

redis.register_function('cleave_plain_push', plain_push)
redis.register_function('cleave_plain_note', plain_note)
redis.register_function('cleave_plain_drop', plain_drop)
redis.register_function({ function_name = 'cleave_plain_show', callback = plain_show, flags = { 'no-writes' } })
