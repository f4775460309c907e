-- The worker's side: taking frames, keeping them, and the three ways a frame leaves its lease.

-- A lease without frames ends; what it committed is known for a while.
local function lease_end(token)
  redis.call('ZREM', 'cleave:leases', token)
  redis.call('PEXPIRE', 'cleave:lease:' .. token, text(DONE_MS))
end

local function lease_left(token, n)
  redis.call('HSET', 'cleave:lease:' .. token, 'n', n)
  if n <= 0 then
    lease_end(token)
  end
end

-- Takes the frame from one holder; returns the other, who goes on with it, or nil.
local function release(id, token, frame, value)
  local first, second = Scope.holders_of(value)
  local other = second and (first == token and second or first)
  if other then
    redis.call('HSET', 'cleave:running:' .. id, frame, other)
  else
    redis.call('HDEL', 'cleave:running:' .. id, frame)
  end
  return other
end

-- The frame leaves all its leases.
function Lease.release(id, value, frame, limits)
  local first, second = Scope.holders_of(value)
  redis.call('HDEL', 'cleave:running:' .. id, frame)
  for _, token in ipairs({ first, second }) do
    Scope.count(id, limits, -1)
    lease_left(token, tonumber(redis.call('HGET', 'cleave:lease:' .. token, 'n') or 1) - 1)
  end
end

-- Frames of the lease that are left, ascending; `running` gets their values.
local function lease_frames(lease, running)
  local frames = {}
  for s in string.gmatch(lease.frames, '%S+') do
    local r = Range.parse(s)
    for frame = r[1], r[2], r[3] do
      local value = redis.call('HGET', 'cleave:running:' .. lease.job, text(frame))
      if Scope.is_holder(value, lease.token) then
        frames[#frames + 1] = frame
        running[frame] = value
      end
    end
  end
  table.sort(frames)
  return frames
end

-- All frames of a lease go back. With a reason, the one that the worker had in hand (it renders in ascending
-- order) counts as tried; the others have not been touched. Returns how many there were.
local function lease_return(token, reason, now)
  local lease, running = Scope.read_lease(token), {}
  local frames, back = lease_frames(lease, running), {}
  local limits, hand = redis.call('HGET', 'cleave:job:' .. lease.job, 'limits'), frames[1]
  for _, frame in ipairs(frames) do
    hand = frame == tonumber(lease.hand) and frame or hand
  end
  Scope.count(lease.job, limits, -#frames)
  lease_left(token, 0)
  for _, frame in ipairs(frames) do
    local is_alone = not release(lease.job, token, text(frame), running[frame])
    if is_alone and reason and frame == hand then
      Try.count(lease.job, frame, lease.key, { worker = lease.worker, reason = reason, is_lost = true }, now)
    elseif is_alone then
      back[#back + 1] = frame
    end
  end
  Job.return_todo(lease.job, Range.of_frames(back, lease.key))
  Job.settle(lease.job)
  Idle.wake(lease.job, #frames)
  return #frames
end

-- One that gave back many frames is the last of its call.
local function reap_expired()
  local us = now_us()
  local now = math.floor(us / 1000)
  local gone = redis.call('ZRANGEBYSCORE', 'cleave:leases', '-inf', text(now), 'LIMIT', '0', text(REAP_MAX))
  local n_frames = 0
  for i, token in ipairs(gone) do
    if n_frames >= REAP_FRAMES then
      return i - 1, now, us
    end
    local lease = Scope.read_lease(token)
    if lease then
      n_frames = n_frames + lease_return(token, 'worker ' .. lease.worker .. ' was not heard of any more', now)
      redis.call('HINCRBY', 'cleave:totals', 'expired', '1')
      notice('expired', token)
    else
      redis.call('ZREM', 'cleave:leases', token)
    end
  end
  return #gone, now, us
end

-- reap -> how many leases ran out; workers that were silent for a day are forgotten
local function reap()
  local n, now = reap_expired()
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', 'cleave:workers', '-inf', now - FORGET_MS)) do
    redis.call('ZREM', 'cleave:workers', name)
    redis.call('ZREM', 'cleave:waiting', name)
    redis.call('HDEL', 'cleave:can', name)
    redis.call('HDEL', 'cleave:rest', name)
  end
  return n
end

-- -- taking ---------------------------------------------------------------------------------------

local function run(id, frames, token, first)
  local pairs_, n, value = {}, 0, first and first .. ' ' .. token or token
  for i, frame in ipairs(frames) do
    pairs_[n + 1], pairs_[n + 2] = string.format('%d', frame), value
    n = n + 2
    if n == 1000 or i == #frames then
      redis.call('HSET', 'cleave:running:' .. id, unpack(pairs_))
      pairs_, n = {}, 0
    end
  end
end

local TTL_MAX_MS = 2 ^ 31

-- How long a lease is to stand. What is no such time would reserve its frames for ever.
local function ttl_of(s)
  local ttl = tonumber(s)
  if not ttl or not (ttl >= 1 and ttl <= TTL_MAX_MS) then
    refuse('INVALID', 'a lease stands for 1 to ' .. text(TTL_MAX_MS) .. ' ms, not ' .. tostring(s))
  end
  return ttl
end

local SEVERAL_MAX = 256        -- leases a call
local serial = 0               -- of this process: the clock tells processes apart

local function lease_store(token, taken, worker, can, now, lease, ranges)
  Scope.store_lease({ token = token, job = taken.job.id, key = taken.key, worker = worker, vm = lease.uuid,
               vram = text(tonumber(can.vram) or 0), since = text(now), frames = table.concat(ranges, ' '),
               tried = (taken.job.tried or '') .. lease.rested, limits = taken.job.limits }, #taken.frames)
end

-- Makes a lease of what choose() took.
local function grant(taken, worker, ttl, can, now, lease)
  local id, key = taken.job.id, taken.key
  serial = serial + 1
  local token = text(lease.us) .. '-' .. text(serial)
  local ranges = {}
  for i, r in ipairs(Range.of_frames(taken.frames, key)) do
    ranges[i] = Range.text(r)
  end
  run(id, taken.frames, token, taken.first)
  lease_store(token, taken, worker, can, now, lease, ranges)
  redis.call('ZADD', 'cleave:leases', text(now + ttl), token)
  Scope.count(id, taken.job.limits, #taken.frames)
  if taken.settles then
    Job.settle(id)
  end
  if lease.n_waiting > 0 then
    Idle.watch(now + ttl, now)
  end
  notice('lease', id, token)
  local out = { token, id, key, redis.call('HGET', 'cleave:job:' .. id, 'task:' .. key) or '' }
  for _, s in ipairs(ranges) do
    out[#out + 1] = s
  end
  return out
end

-- Who asks for a lease: what it can do, and how long its lease is to stand. NIL: it rests. Workers of before version 2
-- tell no UUID.
local function arrive(args)
  local worker, ttl, can, uuid = args[1], ttl_of(args[2]), Idle.can_decode(args[3]), args[4] or ''
  Drain.check(uuid)
  local _, now, us = reap_expired()
  redis.call('ZADD', 'cleave:workers', text(now), worker)
  redis.call('HSET', 'cleave:can', worker, args[3])
  local n_waiting = redis.call('ZCARD', 'cleave:waiting')
  if n_waiting > 0 then
    redis.call('ZREM', 'cleave:waiting', worker)
  end
  local rest = Idle.rests_until(worker)
  return rest <= now and { worker = worker, ttl = ttl, can = can, uuid = uuid, now = now, us = us, n_waiting = n_waiting,
                           rested = rest > 0 and 'rested' or '' } or nil
end

local function take(who)
  local counts = Scope.lazy()
  local taken = Choose.one(who.worker, who.can, counts, who.now) or Tail.straggler(who.worker, who.can, counts, who.now)
  return taken and grant(taken, who.worker, who.ttl, who.can, who.now, who)
end

-- lease WORKER TTL_MS CAPABILITIES UUID -> nil | {token, job, key, task, range...}
local function lease(_, args)
  local who = arrive(args)
  local granted = who and take(who)
  if who and not granted then
    redis.call('DEL', 'cleave:wake:' .. who.worker) -- what it was woken for is gone
    redis.call('ZADD', 'cleave:waiting', text(who.now + WAKE_MS), who.worker)
  end
  return granted or false
end

-- lease_several WORKER TTL_MS CAPABILITIES UUID N -> up to N leases. A task is told once: '' is that of the lease before
-- when job and key are the same. Who asks does not wait for more.
local function lease_several(_, args)
  local n = tonumber(args[5])
  if not n or n ~= n or n < 1 then
    refuse('INVALID', 'a number of leases is 1 or more, not ' .. tostring(args[5]))
  end
  local who, out, before = arrive(args), {}, {}
  for _ = 1, who and math.min(n, SEVERAL_MAX) or 0 do
    local granted = take(who)
    if not granted then
      break
    end
    local id, key = granted[2], granted[3]
    if id == before[1] and key == before[2] then
      granted[4] = ''
    end
    before = { id, key }
    out[#out + 1] = granted
  end
  return out
end

-- extend TOKEN TTL_MS FRAME [PROGRESS] -> 1, or 0 when the lease is gone or (FRAME not empty) has not this frame. A
-- frame is named before it is begun: a drained VM begins none; and later with its progress in thousandths.
local function extend(_, args)
  local token, ttl, frame, progress = args[1], ttl_of(args[2]), args[3] or '', args[4]
  if not redis.call('ZSCORE', 'cleave:leases', token) then
    return 0
  end
  local key, now = 'cleave:lease:' .. token, now_ms()
  local id, _, _, vm = string.match(redis.call('HGET', key, 'of') or '', Scope.LEASE_PATTERN)
  if not id then
    return 0
  elseif frame ~= '' and not progress then
    Drain.check(vm)
  end
  redis.call('ZADD', 'cleave:leases', text(now + ttl), token)
  if frame == '' then
    return 1
  elseif not Scope.is_holder(redis.call('HGET', 'cleave:running:' .. id, frame), token) then
    return 0
  elseif progress then
    redis.call('HSET', key, 'progress', progress)
  else
    redis.call('HSET', key, 'hand', frame, 'begun', text(now))
    redis.call('HDEL', key, 'progress')
  end
  return 1
end

-- -- ending ---------------------------------------------------------------------------------------

-- What a commit tells of the job and its worker. Once a lease will do for frames that take no time.
local function learn(id, its_key, worker, took, has_rested)
  local key = 'cleave:job:' .. id
  local by, by2, before = unpack(redis.call('HMGET', key, 'by', 'by2', 'took:' .. its_key))
  local is_other = by ~= worker
  if is_other then
    by, by2 = worker, by
  end
  if took > 0 then
    redis.call('HSET', key, 'by', by, 'by2', by2 or '', 'took:' .. its_key, Job.took_add(before, took))
  elseif is_other then
    redis.call('HSET', key, 'by', by, 'by2', by2 or '')
  end
  Try.pardon(worker, has_rested)
end

-- Who renders the frame as well loses: its lease ends, the frames that it has not begun go back.
local function lose(id, token, frame, limits, now)
  Scope.count(id, limits, -1)
  local n = tonumber(redis.call('HGET', 'cleave:lease:' .. token, 'n') or 1) - 1
  lease_left(token, n)
  if n > 0 and redis.call('HGET', 'cleave:lease:' .. token, 'hand') == frame then
    lease_return(token, nil, now)
  end
end

local QUICK_MS = 200           -- of such frames one a lease is measured and told of

-- commit TOKEN FRAME [TOOK_MS] -> 1, or 0 when the frame is not this lease's any more. This is called most often.
local function commit(_, args)
  local token, frame, took = args[1], args[2], tonumber(args[3]) or 0
  local key = 'cleave:lease:' .. token
  local n, of = unpack(redis.call('HMGET', key, 'n', 'of'))
  local id, its_key, worker, _, _, _, tried, _, limits = string.match(of or '', Scope.LEASE_PATTERN)
  local running = id and 'cleave:running:' .. id
  local value = id and redis.call('HGET', running, frame)
  if value ~= token and not Scope.is_holder(value, token) then
    return redis.call('HEXISTS', key, 'done:' .. frame)
  end
  local left = tonumber(n or 1) - 1
  redis.call('HDEL', running, frame)
  redis.call('HSET', key, 'n', text(left), 'done:' .. frame, '')
  local before = limits ~= '' and Scope.load()
  Scope.count(id, limits, -1)
  if value ~= token then
    local first, second = Scope.holders_of(value)
    lose(id, first == token and second or first, frame, limits, now_ms())
  end
  if tried ~= '' then
    redis.call('HDEL', 'cleave:tries:' .. id, frame)
  end
  local is_told = left <= 0 or took >= QUICK_MS
  if is_told then
    learn(id, its_key, worker, took, string.find(tried, 'rested', 1, true))
  end
  if left <= 0 then
    lease_end(token)
    if redis.call('HLEN', running) == 0 then
      Job.settle(id)
    end
  end
  Idle.wake_limited(limits, before)
  if is_told then
    notice('commit', id, frame)
  end
  return 1
end

-- fail TOKEN FRAME REASON HOW -> 1 queued again, 2 given up, 0 not this lease's any more. HOW is retry, final or
-- vram; workers of before version 3 say 1 (retry) or 0.
local function fail(_, args)
  local token, frame, how = args[1], args[2], ({ ['1'] = 'retry', ['0'] = 'final' })[args[4]] or args[4]
  local lease, now = Scope.read_lease(token), now_ms()
  local value = lease and redis.call('HGET', 'cleave:running:' .. lease.job, frame)
  if how ~= 'retry' and how ~= 'final' and how ~= 'vram' then
    refuse('INVALID', 'a frame fails with retry, final or vram, not ' .. how)
  elseif not Scope.is_holder(value, token) then
    return 0
  end
  local id, limits = lease.job, redis.call('HGET', 'cleave:job:' .. lease.job, 'limits')
  local failure = { worker = lease.worker, reason = args[3], how = how, vram = tonumber(lease.vram or 0) }
  local before = limits and limits ~= '' and Scope.load()
  local other = release(id, token, frame, value)
  redis.call('HINCRBY', 'cleave:totals', 'failed', '1')
  Scope.count(id, limits, -1)
  lease_left(token, lease.n - 1)
  local again, is_due = true, false
  if not other and how == 'vram' and failure.vram > 0 then
    again, is_due = Try.count_vram(id, tonumber(frame), lease.key, failure, now)
  elseif not other then
    again, is_due = Try.count(id, tonumber(frame), lease.key, failure, now)
  end
  Job.settle(id)
  Idle.wake(id, is_due and 1 or 0)
  Idle.wake_limited(limits, before)
  return again and 1 or 2
end

-- give_back TOKEN -> 1, or 0 when the lease is gone
local function give_back(_, args)
  if not redis.call('ZSCORE', 'cleave:leases', args[1]) then
    return 0
  end
  lease_return(args[1], nil, now_ms())
  notice('back', args[1])
  return 1
end

redis.register_function('cleave_lease', lease)
redis.register_function('cleave_lease_several', lease_several)
redis.register_function('cleave_extend', extend)
redis.register_function('cleave_commit', commit)
redis.register_function('cleave_fail', fail)
redis.register_function('cleave_give_back', give_back)
redis.register_function('cleave_reap', reap)
