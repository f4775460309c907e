-- Stragglers: when nothing of a job is queued any more and a worker has nothing to do, a frame that runs much
-- longer than the others is leased a second time. The first commit counts; the other lease is revoked.

local STRAGGLER_MS = 30000     -- no frame is a straggler before that
local TAIL_JOBS, TAIL_FRAMES = 16, 2000

-- The frame that each lease of the job has in hand: the one it named, else its lowest.
local function in_hand(id)
  local out = {}
  for token, frames in pairs((Scope.held_load(id))) do
    local lease = Scope.read_lease(token) or { key = '', worker = '' }
    table.sort(frames)
    local frame = frames[1]
    for _, f in ipairs(frames) do
      frame = f == tonumber(lease.hand) and f or frame
    end
    out[#out + 1] = { token = token, key = lease.key, worker = lease.worker, frame = frame,
                      begun = tonumber(lease.begun or lease.since) }
  end
  table.sort(out, function(a, b) return (a.begun or 0) < (b.begun or 0) end)
  return out
end

-- A straggler of the job for this worker as {frame, key, token}; or nil, and when the next frame will be one.
local function straggler_of(id, worker, now)
  local next_at = math.huge
  if redis.call('HLEN', 'cleave:running:' .. id) > TAIL_FRAMES then
    return nil, next_at
  end
  for _, l in ipairs(in_hand(id)) do
    local usual = l.begun and Job.took_of(id, l.key)
    local _, failed_on = Try.workers(Try.load(id, l.frame, now))
    local _, second = Scope.holders_of(redis.call('HGET', 'cleave:running:' .. id, text(l.frame)))
    if usual and l.worker ~= worker and not second and not failed_on[worker] then
      local at = l.begun + math.max(2 * usual, STRAGGLER_MS)
      if at <= now then
        return l, at
      end
      next_at = math.min(next_at, at)
    end
  end
  return nil, next_at
end

local function choose_straggler_of(id, worker, can, counts, now)
  local job = Job.read(id)
  if not Idle.is_capable(job, can) or Scope.room_of(job.limits, counts) <= 0 then
    return nil
  end
  local l, at = straggler_of(id, worker, now)
  return l and { job = job, key = l.key, frames = { l.frame }, first = l.token }, at
end

-- {job, key, frames, first}, or nil, and when to look again.
function Tail.straggler(worker, can, counts, now)
  local next_at = math.huge
  for _, id in ipairs(redis.call('ZRANGE', 'cleave:tail', 0, TAIL_JOBS - 1)) do
    local taken, at = Job.guarded(id, choose_straggler_of, worker, can, counts, now)
    if taken then
      return taken
    end
    next_at = math.min(next_at, at or next_at)
  end
  return nil, next_at
end

-- wait NAME MS -> for how many ms the worker may block: until a lease may run out, a frame that failed is due, one
-- becomes a straggler, or its rest ends.
local function wait(_, args)
  local name, now = args[1], now_ms()
  local at = now + tonumber(args[2])
  local lease = redis.call('ZRANGE', 'cleave:leases', 0, 0, 'WITHSCORES')[2]
  local due = redis.call('ZRANGEBYSCORE', 'cleave:due', text(now + 1), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  local rest, can = Idle.rests_until(name), redis.call('HGET', 'cleave:can', name)
  at = math.min(at, tonumber(lease or at) + 1, tonumber(due or at))
  if rest > now then
    at = math.min(at, rest)
  elseif can then
    local _, straggles = Tail.straggler(name, Idle.can_stored(can) or {}, Scope.load(), now)
    at = math.min(at, straggles or now)
  end
  redis.call('ZADD', 'cleave:waiting', 'XX', text(at), name)
  return math.max(at - now, 1)
end

redis.register_function('cleave_wait', wait)
