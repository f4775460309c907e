-- VMs that take no new work: who wants to shut one down drains it first. A worker is known by the UUID of its VM.

-- Refuses a worker whose VM is drained. Before the first write.
function Drain.check(uuid)
  local row = uuid ~= '' and redis.call('HGET', 'cleave:drain', uuid)
  if row then
    refuse('DRAINED', 'its VM is drained: ' .. (string.match(row, '^%d+ (.*)$') or row))
  end
end

-- Lets the VM's workers look again, whether they wait for work or for the end of this.
local function wake_vm(uuid)
  for _, name in ipairs(redis.call('ZRANGE', 'cleave:workers', 0, -1)) do
    if redis.call('HGET', 'cleave:worker:' .. name, 'uuid') == uuid then
      Idle.wake_worker(name, 'drain')
    end
  end
end

-- drain UUID REASON -> ms when it began, also when that was said before
local function drain(_, args)
  local uuid, reason = args[1], string.gsub(args[2], '%c', ' ')
  local since = string.match(redis.call('HGET', 'cleave:drain', uuid) or '', '^%d+')
  if not string.match(uuid, '^[0-9a-f]+%-[0-9a-f-]+$') then
    refuse('INVALID', 'a VM is drained by its UUID in lower case, not ' .. uuid)
  end
  redis.call('HSET', 'cleave:drain', uuid, (since or text(now_ms())) .. ' ' .. reason)
  if not since then
    wake_vm(uuid)
    notice('drain', uuid)
  end
  return tonumber(since or now_ms())
end

-- undrain UUID -> 1, or 0 when it was not drained
local function undrain(_, args)
  if redis.call('HDEL', 'cleave:drain', args[1]) == 0 then
    return 0
  end
  wake_vm(args[1])
  notice('undrain', args[1])
  return 1
end

-- drained -> {uuid, ms when it began, reason} a VM, sorted by UUID
local function drained()
  local out, all = {}, redis.call('HGETALL', 'cleave:drain')
  for i = 1, #all, 2 do
    local since, reason = string.match(all[i + 1], '^(%d+) (.*)$')
    out[#out + 1] = { all[i], since or '0', reason or '' }
  end
  table.sort(out, function(a, b) return a[1] < b[1] end)
  return out
end

redis.register_function('cleave_drain', drain)
redis.register_function('cleave_undrain', undrain)
redis.register_function({ function_name = 'cleave_drained', callback = drained, flags = { 'no-writes' } })
