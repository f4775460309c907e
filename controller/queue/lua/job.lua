-- A job: its backlog, its meta, and whether it is ready.

-- `place` NULL: where the order puts it.
function Job.put_todo(id, r, order, place)
  redis.call('ZADD', 'cleave:todo:' .. id, text(place or Order.place_of(r, order)), Range.text(r))
end

function Job.order_of(id)
  return redis.call('HGET', 'cleave:job:' .. id, 'order') or ''
end

-- New frames.
function Job.add_todo(id, ranges, order)
  local n = 0
  for _, r in ipairs(order == 'interleave' and Order.spread_all(ranges) or ranges) do
    Job.put_todo(id, r, order)
    n = n + Range.count(r)
  end
  return n
end

-- Frames that had been taken: with interleave their place in the order is not seen in their step any more.
function Job.return_todo(id, ranges)
  local order = Job.order_of(id)
  for _, r in ipairs(ranges) do
    Job.put_todo(id, r, order, order == 'interleave' and Order.FIRST_PLACE or nil)
  end
end

function Job.load_todo(id)
  local list = {}
  local all = redis.call('ZRANGE', 'cleave:todo:' .. id, 0, -1, 'WITHSCORES')
  for i = 1, #all, 2 do
    local r = Range.parse(all[i])
    r.text, r.place, r.left = all[i], tonumber(all[i + 1]), { r }
    list[#list + 1] = r
  end
  return Range.index(list)
end

-- Takes `r` out of an index made by todo_load(); todo_store() writes what changed.
function Job.cut_todo(t, r)
  t.left = Range.cut_all(t.left, r)
  t.changed = true
end

function Job.store_todo(id, todo)
  local order = Job.order_of(id)
  for _, t in ipairs(todo) do
    if t.changed then
      redis.call('ZREM', 'cleave:todo:' .. id, t.text)
      for _, r in ipairs(t.left) do
        Job.put_todo(id, r, order, order == 'interleave' and t.place or nil)
      end
    end
  end
end

-- Puts the whole backlog in another order.
local function todo_reorder(id, order)
  local ranges = Order.braid(Job.load_todo(id))
  redis.call('DEL', 'cleave:todo:' .. id)
  Job.add_todo(id, ranges, order)
end

local TERMS = { 'chunk', 'chunk_seconds', 'order', 'blender', 'installable', 'requires', 'labels', 'vram', 'gpus', 'limits' }

-- What taking asks of a job's meta, as one text.
local function terms_of(id)
  local terms = {}
  for i, value in ipairs(redis.call('HMGET', 'cleave:job:' .. id, unpack(TERMS))) do
    terms[TERMS[i]] = value or nil
  end
  return cjson.encode(terms)
end

-- The fields that taking needs; nil where it has none. Jobs of before version 5 have no terms until they are updated.
function Job.read(id)
  local terms, tried = unpack(redis.call('HMGET', 'cleave:job:' .. id, 'terms', 'tried'))
  local job = { id = id, tried = tried }
  for name, value in pairs(decode(terms or terms_of(id))) do
    job[name] = value
  end
  return job
end

function Job.number(id, field, default)
  return tonumber(redis.call('HGET', 'cleave:job:' .. id, field) or default)
end

local function list_in(key, id, score, belongs)
  if belongs then
    redis.call('ZADD', key, score, id)
  else
    redis.call('ZREM', key, id)
  end
end

-- After every change of a job: it is ready, it waits, or nothing is left and it is forgotten.
function Job.settle(id)
  local job = 'cleave:job:' .. id
  local n_todo = redis.call('ZCARD', 'cleave:todo:' .. id) + redis.call('ZCARD', 'cleave:again:' .. id)
  local n_running = redis.call('HLEN', 'cleave:running:' .. id)
  if n_todo + n_running + redis.call('HLEN', 'cleave:failed:' .. id) == 0 then
    redis.call('DEL', job, 'cleave:tries:' .. id)
    for _, key in ipairs({ 'cleave:jobs', 'cleave:ready', 'cleave:tail' }) do
      redis.call('ZREM', key, id)
    end
    return
  end
  local rank, priority, paused = unpack(redis.call('HMGET', job, 'rank', 'priority', 'paused'))
  local score = tonumber(rank or 0) * 1000000 - tonumber(priority or 0)
  redis.call('ZADD', 'cleave:jobs', score, id)
  if n_todo == 0 then
    redis.call('HDEL', job, 'waits')
  elseif redis.call('HEXISTS', job, 'waits') == 0 then
    redis.call('HSET', job, 'waits', text(now_ms()))
  end
  list_in('cleave:ready', id, score, n_todo > 0 and paused ~= '1')
  list_in('cleave:tail', id, score, n_todo == 0 and n_running > 0 and paused ~= '1')
end

-- -- somebody else's keys ---------------------------------------------------------------------------

local KEY_TYPES = { job = 'hash', todo = 'zset', again = 'zset', running = 'hash', tries = 'hash', failed = 'hash' }

-- Takes away what can be nothing of ours; the owner queues again what is missing then. Whether there was any.
local function mend(id)
  local is_mended, has_meta = false, true
  for name, wanted in pairs(KEY_TYPES) do
    local key = 'cleave:' .. name .. ':' .. id
    local found = redis.call('TYPE', key).ok
    if found ~= wanted and found ~= 'none' then
      redis.call('DEL', key)
      is_mended, has_meta = true, has_meta and name ~= 'job'
    end
  end
  for _, s in ipairs(redis.call('ZRANGE', 'cleave:todo:' .. id, 0, -1)) do
    if not pcall(Range.parse, s) then
      redis.call('ZREM', 'cleave:todo:' .. id, s)
      is_mended = true
    end
  end
  if not has_meta then -- the tasks went with it
    redis.call('DEL', 'cleave:todo:' .. id, 'cleave:again:' .. id)
  end
  return is_mended
end

-- f(id, ...), or nil: what lies under one job's keys does not stop the others. Redis's log says what it was.
function Job.guarded(id, f, ...)
  local ok, first, second = pcall(f, id, ...)
  if ok then
    return first, second
  end
  redis.log(redis.LOG_WARNING, 'cleave: job ' .. id .. ' has keys that are not the queue\'s: ' ..
            tostring(type(first) == 'table' and first.err or first))
  if mend(id) then
    Job.settle(id)
    ok, first, second = pcall(f, id, ...)
    if ok then
      return first, second
    end
  end
  redis.call('ZREM', 'cleave:ready', id)
  redis.call('ZREM', 'cleave:tail', id)
end

-- -- meta -----------------------------------------------------------------------------------------

local META = { rank = 'number', priority = 'number', chunk = 'number', chunk_seconds = 'number', order = 'string',
               retries = 'number', paused = 'boolean', blender = 'string', installable = 'boolean', requires = 'table',
               labels = 'table',
               vram = 'number', gpus = 'number', limits = 'table', backoff = 'number' }
local ORDERS = { forward = true, reverse = true, interleave = true }

local function check_limits(limits)
  for _, limit in ipairs(limits or {}) do
    if type(limit) ~= 'table' or type(limit.scope) ~= 'string' or type(limit.n) ~= 'number' or
       not string.match(limit.scope, '^%l+:[^\n]+$') then
      refuse('INVALID', 'a limit of a job is {"scope": "project:NAME" or "label:KEY=VALUE", "n": frames}')
    end
  end
end

function Job.decode_meta(json)
  local ok, meta = pcall(cjson.decode, json)
  if not ok or type(meta) ~= 'table' then
    refuse('INVALID', 'the meta of a job is a JSON object')
  end
  for name, value in pairs(meta) do
    if type(value) ~= META[name] then
      refuse('INVALID', 'the meta of a job has no ' .. tostring(name) .. ' of type ' .. type(value))
    end
  end
  if meta.order and not ORDERS[meta.order] then
    refuse('INVALID', 'the order of a job is forward, reverse or interleave, not ' .. meta.order)
  end
  check_limits(meta.limits)
  return meta
end

local function limits_text(limits)
  local lines = {}
  for i, limit in ipairs(limits) do
    lines[i] = limit.scope .. '=' .. text(limit.n)
  end
  return table.concat(lines, '\n')
end

-- Stored as text; what runs is counted under the scopes that the job has now.
function Job.store_meta(id, meta)
  local job = 'cleave:job:' .. id
  local order, limits = unpack(redis.call('HMGET', job, 'order', 'limits'))
  for name, value in pairs(meta) do
    if name == 'limits' then
      value = limits_text(value)
    elseif type(value) == 'boolean' then
      value = value and '1' or '0'
    elseif type(value) == 'table' then
      value = #value > 0 and cjson.encode(value) or '[]'
    elseif type(value) == 'number' then
      value = text(value)
    end
    redis.call('HSET', job, name, value)
  end
  if meta.order and meta.order ~= (order or 'forward') then
    todo_reorder(id, meta.order)
  end
  redis.call('HSET', job, 'terms', terms_of(id))
  local now = redis.call('HGET', job, 'limits') or ''
  if now ~= (limits or '') then
    local held, n = Scope.held_load(id)
    for token in pairs(held) do
      local lease = Scope.read_lease(token)
      if lease then
        lease.limits = now
        Scope.store_lease(lease, lease.n)
      end
    end
    if n > 0 then
      Scope.count(id, limits, -n)
      Scope.count(id, now, n)
    end
  end
end

-- -- measured -------------------------------------------------------------------------------------

local TOOK_MAX = 15            -- frames that the median is made of

-- Median of "120,97,…" in ms, or nil.
function Job.median(took)
  local all = {}
  for ms in string.gmatch(took or '', '%d+') do
    all[#all + 1] = tonumber(ms)
  end
  table.sort(all)
  return all[math.ceil(#all / 2)]
end

function Job.took_add(took, ms)
  local all = text(ms)
  local n = 1
  for old in string.gmatch(took or '', '%d+') do
    if n == TOOK_MAX then
      break
    end
    all, n = all .. ',' .. old, n + 1
  end
  return all
end

function Job.took_of(id, key)
  return Job.median(redis.call('HGET', 'cleave:job:' .. id, 'took:' .. key))
end

-- Frames that a lease of the job has at most, if limits allow. By seconds: the first one shows how long a frame takes.
function Job.chunk_of(job, key)
  local seconds, n = tonumber(job.chunk_seconds or 0), tonumber(job.chunk or 1)
  if seconds > 0 then
    local ms = Job.took_of(job.id, key)
    n = ms and math.floor(seconds * 1000 / math.max(ms, 1)) or 1
  end
  return math.min(math.max(n, 1), CHUNK_MAX)
end
