-- Which worker does for a job, and how those that found nothing come back: woken when there is more to do, or by
-- themselves at the earliest time at which there may be.

-- Is this version among the installed ones? "3.4" is content with 3.4.1.
local function has_blender(wanted, installed)
  for _, version in ipairs(installed or {}) do
    if version == wanted or string.sub(version, 1, #wanted + 1) == wanted .. '.' then
      return true
    end
  end
  return false
end

local function has_labels(requires, labels)
  if not requires or requires == '[]' then
    return true
  end
  local has = {}
  for _, label in ipairs(labels or {}) do
    has[label] = true
  end
  for _, label in ipairs(decode(requires)) do
    if not has[label] then
      return false
    end
  end
  return true
end

local function is_among(id, jobs)
  for _, job in ipairs(jobs) do
    if job == id then
      return true
    end
  end
  return false
end

-- Does a worker with these capabilities do for this job (of job_read())? With `jobs` who asks knows which do, whatever
-- they require.
function Idle.is_capable(job, can)
  if can.jobs then
    return is_among(job.id, can.jobs)
  end
  if job.blender and job.blender ~= '' and not has_blender(job.blender, can.blenders) and
     not (job.installable == '1' and can.installs) then
    return false
  end
  return tonumber(job.vram or 0) <= (tonumber(can.vram) or 0) and tonumber(job.gpus or 0) <= (tonumber(can.gpus) or 0) and
         has_labels(job.requires, can.labels) and has_labels(job.labels, can.labels)
end

local function is_alive(name, now)
  return tonumber(redis.call('ZSCORE', 'cleave:workers', name) or 0) >= now - SILENT_MS
end

-- Until when the worker gets nothing; 0: it does not rest.
function Idle.rests_until(name)
  return tonumber(string.match(redis.call('HGET', 'cleave:rest', name) or '', '^(%d+)') or 0)
end

-- What a worker says it can do. It is kept, and read for others' sake too, so that nothing else gets in.
local function can_read(json)
  local ok, can = pcall(cjson.decode, json)
  if not ok or type(can) ~= 'table' then
    refuse('INVALID', 'the capabilities of a worker are a JSON object')
  end
  for _, name in ipairs({ 'jobs', 'blenders', 'labels' }) do
    if can[name] ~= nil and type(can[name]) ~= 'table' then
      refuse('INVALID', 'the ' .. name .. ' of a worker are a list')
    end
    for _, text_ in ipairs(can[name] or {}) do
      if type(text_) ~= 'string' then
        refuse('INVALID', 'the ' .. name .. ' of a worker are a list of texts')
      end
    end
  end
  return can
end

function Idle.can_decode(json)
  return decode(json, can_read)
end

-- The same of a row that was stored; nil: no worker wrote that.
function Idle.can_stored(json)
  local ok, can = pcall(Idle.can_decode, json)
  return ok and can or nil
end

-- The capabilities of all workers, {name, can} each, read when they are asked for first.
function Idle.crew_lazy()
  local crew
  return function()
    if not crew then
      crew = {}
      local all = redis.call('HGETALL', 'cleave:can')
      for i = 1, #all, 2 do
        crew[#crew + 1] = { all[i], Idle.can_stored(all[i + 1]) }
      end
    end
    return crew
  end
end

-- Does `suits(name, can)` hold for any worker that lives, does not rest, and can do the job?
function Idle.any_other(job, now, crew, suits)
  for _, member in ipairs(crew()) do
    local name, can = member[1], member[2]
    if can and suits(name, can) and is_alive(name, now) and Idle.rests_until(name) <= now and Idle.is_capable(job, can) and
       redis.call('HGET', 'cleave:worker:' .. name, 'state') ~= 'drained' then
      return true
    end
  end
  return false
end

-- -- waking ---------------------------------------------------------------------------------------

function Idle.wake_worker(name, word)
  redis.call('ZREM', 'cleave:waiting', name)
  redis.call('RPUSH', 'cleave:wake:' .. name, word)
  redis.call('PEXPIRE', 'cleave:wake:' .. name, WAKE_MS)
end

-- Wakes up to n waiting workers for which `suits` holds.
local function wake_some(n, now, word, suits)
  for _, name in ipairs(n > 0 and redis.call('ZRANGE', 'cleave:waiting', 0, -1) or {}) do
    if not is_alive(name, now) then
      redis.call('ZREM', 'cleave:waiting', name)
    elseif n > 0 and suits(name) then
      Idle.wake_worker(name, word)
      n = n - 1
    end
  end
end

-- Wakes as many waiting workers as `n_frames` more queued frames can feed.
function Idle.wake(id, n_frames)
  if n_frames == 0 or redis.call('ZCARD', 'cleave:waiting') == 0 or not redis.call('ZSCORE', 'cleave:ready', id) then
    return
  end
  local job = Job.read(id)
  local chunk = tonumber(job.chunk_seconds or 0) > 0 and 1 or tonumber(job.chunk or 1)
  wake_some(math.ceil(n_frames / chunk), now_ms(), id, function(name)
    local can = redis.call('HGET', 'cleave:can', name)
    return not can or Idle.is_capable(job, Idle.can_stored(can) or {})
  end)
end

-- Something is to be done at `due`: who waits longer than that has to wait shorter. Who should look already does.
function Idle.watch(due, now)
  local first = redis.call('ZRANGEBYSCORE', 'cleave:waiting', now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if first[1] and tonumber(first[2]) > due then
    wake_some(1, now, 'watch', function() return true end)
  end
end

-- Frames of these limits ended: somebody may have waited for that.
function Idle.wake_limited(limits, counts_before)
  if limits and limits ~= '' and redis.call('ZCARD', 'cleave:waiting') > 0 and Scope.room_of(limits, counts_before) <= 0 then
    wake_some(1, now_ms(), 'limit', function() return true end)
  end
end
