-- The job owner's side: who it is, and what it changes.

-- own HOLDER TTL_MS -> {holder, fence}. The fence grows with each change of holder, and starts from the
-- clock, so that it does not go back when Redis was emptied.
local function own(_, args)
  local id, now = args[1], now_us()
  local owner = redis.call('HMGET', 'cleave:owner', 'holder', 'fence', 'deadline')
  if owner[1] and owner[1] ~= id and tonumber(owner[3]) > now / 1000 then
    return { owner[1], owner[2] }
  end
  local fence = tonumber(owner[2] or 0)
  if owner[1] ~= id then
    fence = math.max(fence + 1, now)
    notice('owner', id)
  end
  local deadline = math.floor(now / 1000) + tonumber(args[2])
  redis.call('HSET', 'cleave:owner', 'holder', id, 'fence', text(fence), 'deadline', text(deadline))
  return { id, text(fence) }
end

-- owner -> {holder, fence}; the holder is '' when nobody is, or its time ran out
local function owner_now()
  local owner = redis.call('HMGET', 'cleave:owner', 'holder', 'fence', 'deadline')
  if not owner[1] or tonumber(owner[3]) <= now_us() / 1000 then
    return { '', owner[2] or '0' }
  end
  return { owner[1], owner[2] }
end

local function disown(_, args)
  if redis.call('HGET', 'cleave:owner', 'holder') ~= args[1] then
    return 0
  end
  redis.call('HDEL', 'cleave:owner', 'holder', 'deadline')
  redis.call('HINCRBY', 'cleave:owner', 'fence', 1)
  notice('owner', '-')
  return 1
end

-- Refuses who is not the job owner (any more), or looks at an older revision than one already acted on;
-- epoch 0 says that no order is known. Returns the epoch; check_owner() does not write, keep_epoch() does.
function Owner.check(args)
  local owner = redis.call('HMGET', 'cleave:owner', 'holder', 'fence')
  if not owner[2] or tonumber(owner[2]) ~= tonumber(args[1]) then
    refuse('FENCED', 'the job owner is ' .. (owner[1] or 'nobody') .. ' now')
  end
  local epoch, stored = tonumber(args[2]), tonumber(redis.call('GET', 'cleave:epoch') or 0)
  if epoch ~= 0 and epoch < stored then
    refuse('STALE', 'revision number ' .. text(epoch) .. ' is older than ' .. text(stored) .. ', already acted on; if the branch was rewritten, `redis-cli DEL cleave:epoch` lets it pass')
  end
  return epoch
end

function Owner.keep_epoch(epoch)
  if epoch ~= 0 then
    redis.call('SET', 'cleave:epoch', text(epoch))
  end
end

-- pass FENCE EPOCH REVISION -> 1. May who speaks write files? Those carry no fence, so it is asked before the first one.
-- cleave:epoch-of says of which revision the epoch is, as "EPOCH REVISION"; of another epoch it says nothing.
local function pass(_, args)
  local epoch = Owner.check(args)
  Owner.keep_epoch(epoch)
  if epoch ~= 0 and args[3] and args[3] ~= '' then
    redis.call('SET', 'cleave:epoch-of', text(epoch) .. ' ' .. args[3])
  end
  return 1
end

-- Tasks that no queued or running frame uses are dropped.
local function forget_tasks(id)
  local used = {}
  for _, s in ipairs(redis.call('ZRANGE', 'cleave:todo:' .. id, 0, -1)) do
    used[Range.parse(s)[4]] = true
  end
  for _, frame in ipairs(Try.again_load(id)) do
    used[frame[4]] = true
  end
  for token in pairs((Scope.held_load(id))) do
    used[(Scope.read_lease(token) or { key = '' }).key] = true
  end
  for _, field in ipairs(redis.call('HKEYS', 'cleave:job:' .. id)) do
    local key = string.match(field, '^task:(.*)$') or string.match(field, '^took:(.*)$')
    if key and not used[key] then
      redis.call('HDEL', 'cleave:job:' .. id, field)
    end
  end
end

-- Running frames: an index of frames with their tokens, and their ranges by key.
local function running_load(id)
  local list, by_key, ranges, keys = Range.load_frames('cleave:running:' .. id), {}, {}, {}
  for _, r in ipairs(list) do
    local token = Scope.holders_of(r.value)
    keys[token] = keys[token] or (Scope.read_lease(token) or { key = '' }).key
    r[4] = keys[token]
    by_key[r[4]] = by_key[r[4]] or {}
    table.insert(by_key[r[4]], r[1])
  end
  for key, frames in pairs(by_key) do
    ranges[key] = Range.of_frames(frames, key)
  end
  return list, ranges
end

local function common(a, b)
  return Range.common_ends(a, b) ~= nil
end

-- A later commit of these frames will be answered "superseded".
local function revoke(id, running, r, keep_key)
  local limits = redis.call('HGET', 'cleave:job:' .. id, 'limits')
  for frame in Range.overlapping(running, r) do
    if frame[4] ~= keep_key and not frame.is_gone and common(frame, r) then
      Lease.release(id, frame.value, text(frame[1]), limits)
      frame.is_gone = true
    end
  end
end

-- Frames that failed and wait for another attempt; those under keep_key stay. Returns what of `parts` is not there.
local function cut_again(id, again, r, keep_key, parts)
  for frame in Range.overlapping(again, r) do
    if common(frame, r) and frame[4] == keep_key then
      parts = Range.cut_all(parts, frame)
    elseif common(frame, r) then
      Try.again_remove(id, frame.text)
    end
  end
  return parts
end

-- What is queued of `r`: stays under its key, else it is cut out. Returns what of `r` is not queued. The finest
-- ranges come first: what they leave is few ranges still.
local function cut_todo(todo, r)
  local same, parts = {}, { r }
  for t in Range.overlapping(todo, r) do
    if t[4] == r[4] then same[#same + 1] = t else Job.cut_todo(t, r) end
  end
  table.sort(same, function(a, b) return a[3] < b[3] end)
  for _, t in ipairs(same) do
    parts = Range.cut_all(parts, t)
  end
  return parts
end

-- Frees frames from failures and counted tries.
local function absolve(id, history, r)
  for _, name in ipairs({ 'failed', 'tries' }) do
    for frame in Range.overlapping(history[name], r) do
      if common(frame, r) then
        redis.call('HDEL', 'cleave:' .. name .. ':' .. id, text(frame[1]))
      end
    end
  end
end

local function history_load(id)
  return { failed = Range.load_frames('cleave:failed:' .. id), tries = Range.load_frames('cleave:tries:' .. id) }
end

-- enqueue's arguments after the job's meta: N, N ranges, then (key, task) pairs.
local function parse_wanted(id, args)
  local n, wanted, tasks = tonumber(args[5]), {}, {}
  for i = 6 + n, #args - 1, 2 do
    tasks[args[i]] = args[i + 1]
  end
  for i = 1, n do
    local r = Range.parse(args[5 + i])
    if not tasks[r[4]] and redis.call('HEXISTS', 'cleave:job:' .. id, 'task:' .. r[4]) == 0 then
      refuse('INVALID', 'the range ' .. args[5 + i] .. ' has no task')
    end
    wanted[i] = r
  end
  return wanted, tasks
end

-- enqueue FENCE EPOCH ID META N RANGE... (KEY TASK)... -> frames added. What is queued or running under
-- the same key stays as it is; under another key it is replaced.
local function enqueue(_, args)
  local epoch, id = Owner.check(args), args[3]
  local meta = Job.decode_meta(args[4])
  local wanted, tasks = parse_wanted(id, args)
  local todo, again, history = Job.load_todo(id), Try.again_load(id), history_load(id)
  local running, running_ranges = running_load(id)
  local added, n = {}, 0
  for _, r in ipairs(wanted) do
    local parts = cut_again(id, again, r, r[4], cut_todo(todo, r))
    for _, busy in ipairs(running_ranges[r[4]] or {}) do
      parts = Range.cut_all(parts, busy)
    end
    revoke(id, running, r, r[4])
    for _, part in ipairs(parts) do
      absolve(id, history, part)
    end
    added[#added + 1] = parts
  end
  Job.store_todo(id, todo)
  Job.store_meta(id, meta)
  local order = Job.order_of(id)
  for _, parts in ipairs(added) do
    n = n + Job.add_todo(id, parts, order)
  end
  for key, task in pairs(tasks) do
    redis.call('HSET', 'cleave:job:' .. id, 'task:' .. key, task)
  end
  redis.call('HSET', 'cleave:job:' .. id, 'epoch', text(epoch))
  Owner.keep_epoch(epoch)
  forget_tasks(id)
  Job.settle(id)
  Idle.wake(id, n)
  return n
end

-- update FENCE EPOCH ID META -> 1, or 0 when there is no such job
local function update(_, args)
  local epoch, id = Owner.check(args), args[3]
  local meta = Job.decode_meta(args[4])
  Owner.keep_epoch(epoch)
  if redis.call('EXISTS', 'cleave:job:' .. id) == 0 then
    return 0
  end
  Job.store_meta(id, meta)
  Job.settle(id)
  Idle.wake(id, math.huge)
  return 1
end

local EVERYTHING = { -2 ^ 52, 2 ^ 52, 1, '' }

-- cancel FENCE EPOCH ID ALL RANGE... -> 1. Queued frames go, running ones are revoked, failures forgotten.
local function cancel(_, args)
  local epoch, id, ranges = Owner.check(args), args[3], {}
  for i = 5, #args do
    ranges[#ranges + 1] = Range.parse(args[i])
  end
  if args[4] == '1' then
    ranges = { EVERYTHING }
  end
  Owner.keep_epoch(epoch)
  local todo, again, history, running = Job.load_todo(id), Try.again_load(id), history_load(id), running_load(id)
  for _, r in ipairs(ranges) do
    for t in Range.overlapping(todo, r) do
      Job.cut_todo(t, r)
    end
    cut_again(id, again, r, nil, {})
    revoke(id, running, r, nil)
    absolve(id, history, r)
  end
  Job.store_todo(id, todo)
  Job.settle(id)
  notice('cancel', id)
  return 1
end

redis.register_function('cleave_own', own)
redis.register_function('cleave_disown', disown)
redis.register_function('cleave_pass', pass)
redis.register_function('cleave_enqueue', enqueue)
redis.register_function('cleave_update', update)
redis.register_function('cleave_cancel', cancel)
redis.register_function({ function_name = 'cleave_owner', callback = owner_now, flags = { 'no-writes' } })
