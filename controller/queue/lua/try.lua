-- What went wrong: attempts of a frame, workers on which frames fail, and when each gets another chance.
--
-- A frame that fails on three workers, or more often than its job allows, is given up. A worker on which three
-- frames fail of jobs that succeed elsewhere rests, and its failures are taken back. An hour mends both, and so
-- does a success.

local FADE_MS = 3600000
local BACKOFF = { 1, 5, 30, 120, 300 } -- times the job's pause, after the first failure, the second…
local BACKOFF_MS = 1000
local POISON_WORKERS = 3
local BAD_FRAMES = 3
local REST_MS, REST_MAX_MS = 60000, 3600000
local REASONS_MAX, REASON_LEN = 8, 300

-- {tries = {{w, r, t}…}, vram}: worker, reason, time of each attempt; vram: too small a memory.
function Try.load(id, frame, now)
  local stored = redis.call('HGET', 'cleave:tries:' .. id, text(frame))
  local record = stored and cjson.decode(stored)
  if type(record) ~= 'table' then
    return { tries = {} } -- none, or the number that it was before version 3
  end
  local left = {}
  for _, try in ipairs(record.tries or {}) do
    if try.t > now - FADE_MS then
      left[#left + 1] = try
    end
  end
  return { tries = left, vram = record.vram }
end

local function tries_store(id, frame, record)
  for i = 1, #record.tries - REASONS_MAX do
    record.tries[i].r = nil
  end
  redis.call('HSET', 'cleave:tries:' .. id, text(frame), cjson.encode(record))
  redis.call('HSET', 'cleave:job:' .. id, 'tried', '1')
end

function Try.workers(record)
  local list, seen = {}, {}
  for _, try in ipairs(record.tries) do
    if not seen[try.w] then
      seen[try.w] = true
      list[#list + 1] = try.w
    end
  end
  return list, seen
end

-- -- queued again ---------------------------------------------------------------------------------

local function again_add(id, frame, key, due, now)
  redis.call('ZADD', 'cleave:again:' .. id, due, text(frame) .. ':' .. key)
  redis.call('ZADD', 'cleave:due', due, text(frame) .. ' ' .. id)
  if due > now then
    Idle.watch(due, now)
  end
end

function Try.again_remove(id, member)
  local frame = string.match(member, '^(-?%d+):')
  redis.call('ZREM', 'cleave:again:' .. id, member)
  redis.call('ZREM', 'cleave:due', frame .. ' ' .. id)
end

-- An index of one-frame ranges with their key and due time.
function Try.again_load(id)
  local list, all = {}, redis.call('ZRANGE', 'cleave:again:' .. id, 0, -1, 'WITHSCORES')
  for i = 1, #all, 2 do
    local frame, key = string.match(all[i], '^(-?%d+):(.*)$')
    frame = tonumber(frame)
    list[#list + 1] = { frame, frame, 1, key, text = all[i], due = tonumber(all[i + 1]) }
  end
  return Range.index(list)
end

-- -- given up -------------------------------------------------------------------------------------

local function give_up(id, frame, key, record, failure)
  local row = { key = key, worker = failure.worker, reason = string.sub(failure.reason, 1, 1000), tries = #record.tries,
                cause = failure.cause, workers = table.concat(Try.workers(record), ', ') }
  redis.call('HSET', 'cleave:failed:' .. id, text(frame), cjson.encode(row))
  notice('failed', id, text(frame))
end

-- Why no attempt more is made, or nil.
local function verdict(id, record)
  if #Try.workers(record) >= POISON_WORKERS or #record.tries > Job.number(id, 'retries', 0) then
    return 'poison'
  end
end

-- -- bad workers ----------------------------------------------------------------------------------

local function succeeds_elsewhere(id, worker)
  local by, by2 = unpack(redis.call('HMGET', 'cleave:job:' .. id, 'by', 'by2'))
  return (by and by ~= worker) or (by2 and by2 ~= '' and by2 ~= worker) or false
end

-- Frames of others' jobs that failed on it lately.
local function blamed(worker, now)
  local key, out = 'cleave:blame:' .. worker, {}
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    local frame, id = string.match(all[i], '^(%S+) (.*)$')
    if tonumber(all[i + 1]) <= now - FADE_MS then
      redis.call('HDEL', key, all[i])
    elseif succeeds_elsewhere(id, worker) then
      out[#out + 1] = { id, tonumber(frame) }
    end
  end
  return out
end

-- The worker's attempts at this frame are taken back; a frame given up for them is queued again.
local function acquit(id, frame, worker, now)
  if redis.call('HEXISTS', 'cleave:tries:' .. id, text(frame)) == 0 then
    return -- done meanwhile
  end
  local record, left = Try.load(id, frame, now), {}
  for _, try in ipairs(record.tries) do
    if try.w ~= worker then
      left[#left + 1] = try
    end
  end
  record.tries = left
  tries_store(id, frame, record)
  local row = redis.call('HGET', 'cleave:failed:' .. id, text(frame))
  local failed = row and cjson.decode(row)
  if failed and failed.cause == 'poison' and not verdict(id, record) then
    redis.call('HDEL', 'cleave:failed:' .. id, text(frame))
    again_add(id, frame, failed.key, now, now)
    Job.settle(id)
    Idle.wake(id, 1)
  end
end

local function send_to_rest(worker, frames, now)
  local until_ms, times = string.match(redis.call('HGET', 'cleave:rest', worker) or '', '^(%d+) (%d+)')
  times = until_ms and tonumber(until_ms) > now - FADE_MS and tonumber(times) or 0
  local pause = math.min(REST_MS * 2 ^ times, REST_MAX_MS)
  local reason = #frames .. ' frames failed on it of jobs that succeed elsewhere'
  redis.call('HSET', 'cleave:rest', worker, text(now + pause) .. ' ' .. text(times + 1) .. ' ' .. reason)
  redis.call('DEL', 'cleave:blame:' .. worker)
  notice('rest', worker)
end

-- The frame failed on the worker. When that is the worker's fault: the frames that are to be acquitted.
local function blame(id, frame, worker, now)
  if string.sub(worker, 1, 6) == 'plain.' then
    return nil -- the name stands for many workers
  end
  redis.call('HSET', 'cleave:blame:' .. worker, text(frame) .. ' ' .. id, text(now))
  redis.call('PEXPIRE', 'cleave:blame:' .. worker, FADE_MS)
  local frames = blamed(worker, now)
  if #frames < BAD_FRAMES then
    return nil
  end
  send_to_rest(worker, frames, now)
  return frames
end

-- A success mends what is held against a worker.
function Try.pardon(worker, has_rested)
  redis.call('DEL', 'cleave:blame:' .. worker)
  if has_rested then
    redis.call('HDEL', 'cleave:rest', worker)
  end
end

-- -- an attempt that failed -----------------------------------------------------------------------

-- failure: worker, reason, how (retry, final), is_lost (the worker fell silent: no pause). Returns whether the frame
-- is queued again, and whether it may be taken at once.
function Try.count(id, frame, key, failure, now)
  local record = Try.load(id, frame, now)
  table.insert(record.tries, { w = failure.worker, r = string.sub(failure.reason, 1, REASON_LEN), t = now })
  tries_store(id, frame, record)
  local bad = failure.how ~= 'final' and blame(id, frame, failure.worker, now) or nil
  for _, f in ipairs(bad or {}) do
    acquit(f[1], f[2], failure.worker, now)
  end
  record = bad and Try.load(id, frame, now) or record
  failure.cause = failure.how == 'final' and 'final' or verdict(id, record)
  if failure.cause then
    give_up(id, frame, key, record, failure)
    return false
  end
  local pause = tonumber(redis.call('HGET', 'cleave:job:' .. id, 'backoff') or 0)
  pause = (pause > 0 and pause or BACKOFF_MS) * BACKOFF[math.min(math.max(#record.tries, 1), #BACKOFF)]
  local is_due = failure.is_lost or bad ~= nil
  again_add(id, frame, key, is_due and now or now + pause, now)
  return true, is_due
end

-- The worker's GPU was too small: only a larger one may try. Returns whether there is one.
function Try.count_vram(id, frame, key, failure, now)
  local record = Try.load(id, frame, now)
  record.vram = math.max(record.vram or 0, failure.vram)
  tries_store(id, frame, record)
  if Idle.any_other(Job.read(id), now, Idle.crew_lazy(), function(_, can) return (tonumber(can.vram) or 0) > record.vram end) then
    again_add(id, frame, key, now, now)
    return true, true
  end
  failure.cause = 'vram'
  failure.reason = string.format('needs more GPU memory than the %.1f GiB of %s, and no worker for it has more: %s',
                                 record.vram / 2 ^ 30, failure.worker, failure.reason)
  give_up(id, frame, key, record, failure)
  return false
end
