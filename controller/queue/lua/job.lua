-- A job: its backlog, its meta, and who is woken when there is more of it.

local function todo_add(id, ranges)
  local n = 0
  for _, r in ipairs(ranges) do
    redis.call('ZADD', 'cleave:todo:' .. id, text(r[1]), range_text(r))
    n = n + range_count(r)
  end
  return n
end

local function todo_load(id)
  local list = {}
  for i, s in ipairs(redis.call('ZRANGE', 'cleave:todo:' .. id, 0, -1)) do
    list[i] = range_parse(s)
    list[i].text = s
    list[i].left = { list[i] }
  end
  return index(list)
end

-- Takes `r` out of an index made by todo_load(); todo_store() writes what changed.
local function todo_cut(t, r)
  t.left = cut_all(t.left, r)
  t.changed = true
end

local function todo_store(id, todo)
  for _, t in ipairs(todo) do
    if t.changed then
      redis.call('ZREM', 'cleave:todo:' .. id, t.text)
      todo_add(id, t.left)
    end
  end
end

local function job_number(id, field, default)
  return tonumber(redis.call('HGET', 'cleave:job:' .. id, field) or default)
end

-- After every change of a job: it is ready, it waits, or nothing is left and it is forgotten.
local function settle(id)
  local job = 'cleave:job:' .. id
  local n_todo = redis.call('ZCARD', 'cleave:todo:' .. id)
  if n_todo + redis.call('HLEN', 'cleave:running:' .. id) + redis.call('HLEN', 'cleave:failed:' .. id) == 0 then
    redis.call('DEL', job, 'cleave:tries:' .. id)
    redis.call('ZREM', 'cleave:jobs', id)
    redis.call('ZREM', 'cleave:ready', id)
    return
  end
  local score = job_number(id, 'rank', 0) * 1000000 - job_number(id, 'priority', 0)
  redis.call('ZADD', 'cleave:jobs', score, id)
  if n_todo > 0 and redis.call('HGET', job, 'paused') ~= '1' then
    redis.call('ZADD', 'cleave:ready', score, id)
  else
    redis.call('ZREM', 'cleave:ready', id)
  end
end

local META = { rank = 'number', priority = 'number', chunk = 'number', retries = 'number', paused = 'boolean',
               blender = 'string', requires = 'table' }

local function meta_decode(json)
  local ok, meta = pcall(cjson.decode, json)
  if not ok or type(meta) ~= 'table' then
    refuse('INVALID', 'the meta of a job is a JSON object')
  end
  for name, value in pairs(meta) do
    if type(value) ~= META[name] then
      refuse('INVALID', 'the meta of a job has no ' .. tostring(name) .. ' of type ' .. type(value))
    end
  end
  return meta
end

local function meta_store(id, meta)
  for name, value in pairs(meta) do
    if type(value) == 'boolean' then
      value = value and '1' or '0'
    elseif type(value) == 'table' then
      value = #value > 0 and cjson.encode(value) or '[]'
    elseif type(value) == 'number' then
      value = text(value)
    end
    redis.call('HSET', 'cleave:job:' .. id, name, value)
  end
end

local function is_among(id, jobs)
  for _, job in ipairs(jobs) do
    if job == id then
      return true
    end
  end
  return false
end

-- Does a worker with these capabilities do for this job? With `jobs` who asks knows which do, whatever they require. "3.4" is content with 3.4.1.
local function is_capable(id, capabilities)
  if capabilities.jobs then
    return is_among(id, capabilities.jobs)
  end
  local job = redis.call('HMGET', 'cleave:job:' .. id, 'blender', 'requires')
  local has, labels = not job[1] or job[1] == '', {}
  for _, version in ipairs(capabilities.blenders or {}) do
    has = has or version == job[1] or string.sub(version, 1, #job[1] + 1) == job[1] .. '.'
  end
  for _, label in ipairs(capabilities.labels or {}) do
    labels[label] = true
  end
  for _, label in ipairs(cjson.decode(job[2] or '[]')) do
    has = has and labels[label]
  end
  return has
end

-- Wakes as many idle workers as `n_frames` more queued frames can feed.
local function wake(id, n_frames)
  if n_frames == 0 or not redis.call('ZSCORE', 'cleave:ready', id) then
    return
  end
  local n = math.ceil(n_frames / job_number(id, 'chunk', 1))
  local idle, since = redis.call('HGETALL', 'cleave:idle'), now_ms() - SILENT_MS
  for i = 1, #idle, 2 do
    local name = idle[i]
    local seen = tonumber(redis.call('ZSCORE', 'cleave:workers', name) or 0)
    if seen < since then
      redis.call('HDEL', 'cleave:idle', name)
    elseif n > 0 and is_capable(id, cjson.decode(idle[i + 1])) then
      redis.call('HDEL', 'cleave:idle', name)
      redis.call('RPUSH', 'cleave:wake:' .. name, id)
      redis.call('PEXPIRE', 'cleave:wake:' .. name, WAKE_MS)
      n = n - 1
    end
  end
end
