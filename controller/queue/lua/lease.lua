-- The worker's side: taking frames, keeping them, and the three ways a frame leaves its lease.

local function lease_drop(token)
  redis.call('DEL', 'cleave:lease:' .. token, 'cleave:frames:' .. token)
  redis.call('ZREM', 'cleave:leases', token)
end

-- The frame leaves its lease; a lease without frames ends.
local function lease_release(id, token, frame)
  redis.call('SREM', 'cleave:frames:' .. token, frame)
  redis.call('HDEL', 'cleave:running:' .. id, frame)
  if redis.call('SCARD', 'cleave:frames:' .. token) == 0 then
    lease_drop(token)
  end
end

-- job, key, worker of a lease that still has the frame, or nothing.
local function lease_of(token, frame)
  if redis.call('SISMEMBER', 'cleave:frames:' .. token, frame) == 0 then
    return nil
  end
  return unpack(redis.call('HMGET', 'cleave:lease:' .. token, 'job', 'key', 'worker'))
end

local function give_up(id, frame, key, worker, reason, tries)
  local row = { key = key, worker = worker, reason = string.sub(reason, 1, 1000), tries = tries }
  redis.call('HSET', 'cleave:failed:' .. id, text(frame), cjson.encode(row))
  notice('failed', id, text(frame))
end

-- One attempt at a frame went wrong. Returns whether it is queued again.
local function count_try(id, frame, key, worker, reason, may_retry)
  local tries = redis.call('HINCRBY', 'cleave:tries:' .. id, text(frame), 1)
  if may_retry and tries <= job_number(id, 'retries', 0) then
    todo_add(id, { { frame, frame, 1, key } })
    return true
  end
  give_up(id, frame, key, worker, reason, tries)
  return false
end

-- All frames of a lease go back. With a reason, the lowest one, which the worker had in hand (it renders
-- in ascending order), counts as tried; the others have not been touched.
local function lease_return(token, reason)
  local id, key, worker = unpack(redis.call('HMGET', 'cleave:lease:' .. token, 'job', 'key', 'worker'))
  local frames = {}
  for i, frame in ipairs(redis.call('SMEMBERS', 'cleave:frames:' .. token)) do
    frames[i] = tonumber(frame)
    redis.call('HDEL', 'cleave:running:' .. id, frame)
  end
  lease_drop(token)
  table.sort(frames)
  local n = #frames
  if reason and n > 0 then
    count_try(id, table.remove(frames, 1), key, worker, reason, true)
  end
  todo_add(id, ranges_of(frames, key))
  settle(id)
  wake(id, n)
end

local function reap_expired()
  local now = now_ms()
  local gone = redis.call('ZRANGEBYSCORE', 'cleave:leases', '-inf', now, 'LIMIT', 0, REAP_MAX)
  for _, token in ipairs(gone) do
    if redis.call('EXISTS', 'cleave:lease:' .. token) == 1 then
      local worker = redis.call('HGET', 'cleave:lease:' .. token, 'worker')
      lease_return(token, 'worker ' .. worker .. ' was not heard of any more')
      notice('expired', token)
    else
      redis.call('ZREM', 'cleave:leases', token)
    end
  end
  redis.call('ZREMRANGEBYSCORE', 'cleave:workers', '-inf', now - FORGET_MS)
  return #gone
end

-- The most urgent ready job this worker can do; among equals the one with the fewest frames running.
local function choose(capabilities)
  local best, best_score, best_running
  local at, batch = 0, 64
  while true do
    local jobs = redis.call('ZRANGE', 'cleave:ready', at, at + batch - 1, 'WITHSCORES')
    for i = 1, #jobs, 2 do
      local id, score = jobs[i], tonumber(jobs[i + 1])
      if best and score > best_score then
        return best
      end
      if is_capable(id, capabilities) then
        local running = redis.call('HLEN', 'cleave:running:' .. id)
        if not best or running < best_running then
          best, best_score, best_running = id, score, running
        end
      end
    end
    if #jobs < 2 * batch then
      return best
    end
    at = at + batch
  end
end

-- Takes up to a chunk of frames with one key off the front of the backlog.
local function take(id)
  local todo, frames, key = 'cleave:todo:' .. id, {}, nil
  local room = math.min(math.max(job_number(id, 'chunk', 1), 1), CHUNK_MAX)
  while room > 0 do
    local s = redis.call('ZRANGE', todo, 0, 0)[1]
    local r = s and range_parse(s)
    if not r or (key and key ~= r[4]) then
      break
    end
    key = r[4]
    redis.call('ZREM', todo, s)
    local n = math.min(room, range_count(r))
    for i = 0, n - 1 do
      frames[#frames + 1] = r[1] + i * r[3]
    end
    local rest = {}
    add_range(rest, r[1] + n * r[3], r[2], r[3], key)
    todo_add(id, rest)
    room = room - n
  end
  return key, frames
end

-- lease WORKER TTL_MS CAPABILITIES UUID -> nil | {token, job, key, task, range...}; workers of before
-- version 2 tell no UUID
local function lease(_, args)
  local worker, ttl, capabilities, uuid = args[1], tonumber(args[2]), cjson.decode(args[3]), args[4] or ''
  check_drained(uuid)
  reap_expired()
  redis.call('ZADD', 'cleave:workers', now_ms(), worker)
  redis.call('HDEL', 'cleave:idle', worker)
  redis.call('DEL', 'cleave:wake:' .. worker)
  local id = choose(capabilities)
  if not id then
    redis.call('HSET', 'cleave:idle', worker, args[3])
    return false
  end
  local key, frames = take(id)
  local token = text(now_us()) .. '-' .. text(redis.call('INCR', 'cleave:serial'))
  for _, frame in ipairs(frames) do
    redis.call('HSET', 'cleave:running:' .. id, text(frame), token)
    redis.call('SADD', 'cleave:frames:' .. token, text(frame))
  end
  redis.call('HSET', 'cleave:lease:' .. token, 'job', id, 'key', key, 'worker', worker, 'vm', uuid)
  redis.call('ZADD', 'cleave:leases', now_ms() + ttl, token)
  settle(id)
  notice('lease', id, token)
  local out = { token, id, key, redis.call('HGET', 'cleave:job:' .. id, 'task:' .. key) or '' }
  for _, r in ipairs(ranges_of(frames, key)) do
    out[#out + 1] = range_text(r)
  end
  return out
end

-- extend TOKEN TTL_MS FRAME -> 1, or 0 when the lease is gone or (FRAME not empty) has not this frame. A frame
-- is named before it is begun: a drained VM begins none.
local function extend(_, args)
  local token, ttl, frame = args[1], tonumber(args[2]), args[3]
  if redis.call('EXISTS', 'cleave:lease:' .. token) == 0 then
    return 0
  end
  if frame ~= '' then
    check_drained(redis.call('HGET', 'cleave:lease:' .. token, 'vm') or '')
  end
  redis.call('ZADD', 'cleave:leases', now_ms() + ttl, token)
  if frame ~= '' then
    return redis.call('SISMEMBER', 'cleave:frames:' .. token, frame)
  end
  return 1
end

-- commit TOKEN FRAME -> 1, or 0 when the frame is not this lease's any more
local function commit(_, args)
  local token, frame = args[1], args[2]
  local id = lease_of(token, frame)
  if not id then
    return redis.call('SISMEMBER', 'cleave:done:' .. token, frame)
  end
  redis.call('SADD', 'cleave:done:' .. token, frame)
  redis.call('PEXPIRE', 'cleave:done:' .. token, DONE_MS)
  lease_release(id, token, frame)
  redis.call('HDEL', 'cleave:tries:' .. id, frame)
  settle(id)
  notice('commit', id, frame)
  return 1
end

-- fail TOKEN FRAME REASON HOW -> 1 queued again, 2 given up, 0 not this lease's any more
local function fail(_, args)
  local token, frame, reason, may_retry = args[1], args[2], args[3], args[4] == '1' or args[4] == 'retry' or args[4] == 'vram'
  local id, key, worker = lease_of(token, frame)
  if not id then
    return 0
  end
  lease_release(id, token, frame)
  local again = count_try(id, tonumber(frame), key, worker, reason, may_retry)
  settle(id)
  wake(id, again and 1 or 0)
  return again and 1 or 2
end

-- give_back TOKEN -> 1, or 0 when the lease is gone
local function give_back(_, args)
  if redis.call('EXISTS', 'cleave:lease:' .. args[1]) == 0 then
    return 0
  end
  lease_return(args[1])
  notice('back', args[1])
  return 1
end
