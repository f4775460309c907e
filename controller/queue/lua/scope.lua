-- What counts as running at once: of a project, and of each label that has a limit. The numbers
-- change with cleave:running in the same call, so they are exact; recount() compares and mends them.

function Scope.project_of(id)
  return 'project:' .. (string.match(id, '^(.-)/') or id)
end

-- Scopes of a job that has these limits ("scope=n" lines).
local function scopes_of(id, limits)
  local scopes = { Scope.project_of(id) }
  if limits and limits ~= '' then
    for scope in string.gmatch(limits, '([^\n]+)=%d+') do
      if scope ~= scopes[1] then
        scopes[#scopes + 1] = scope
      end
    end
  end
  return scopes
end

local function count_scope(scope, n)
  if redis.call('HINCRBY', 'cleave:counts', scope, n) <= 0 then
    redis.call('HDEL', 'cleave:counts', scope)
  end
end

-- Adds n, which may be negative, to the counts of the job.
function Scope.count(id, limits, n)
  n = text(n)
  if not limits or limits == '' then
    return count_scope(Scope.project_of(id), n)
  end
  for _, scope in ipairs(scopes_of(id, limits)) do
    count_scope(scope, n)
  end
end

function Scope.load()
  local counts, all = {}, redis.call('HGETALL', 'cleave:counts')
  for i = 1, #all, 2 do
    counts[all[i]] = tonumber(all[i + 1])
  end
  return counts
end

-- Counts that are loaded when the first is asked for: most leases need none.
function Scope.lazy()
  local counts
  return setmetatable({}, { __index = function(_, scope)
    counts = counts or Scope.load()
    return counts[scope]
  end })
end

-- How many frames more the job's limits allow.
function Scope.room_of(limits, counts)
  local room = math.huge
  for scope, n in string.gmatch(limits or '', '([^\n]+)=(%d+)') do
    room = math.min(room, tonumber(n) - (counts[scope] or 0))
  end
  return room
end

-- Tokens of a value of cleave:running: one, or two.
function Scope.holders_of(value)
  local first, second = string.match(value or '', '^(%S+) ?(%S*)$')
  return first, second ~= '' and second or nil
end

function Scope.is_holder(value, token)
  local first, second = Scope.holders_of(value)
  return first == token or second == token
end

-- Frames of the running leases of a job, by token; their number.
function Scope.held_load(id)
  local held, n, all = {}, 0, redis.call('HGETALL', 'cleave:running:' .. id)
  for i = 1, #all, 2 do
    local first, second = Scope.holders_of(all[i + 1])
    for _, token in ipairs({ first, second }) do
      held[token] = held[token] or {}
      table.insert(held[token], tonumber(all[i]))
      n = n + 1
    end
  end
  return held, n
end

-- What of a lease stays as it is, in one field: a commit reads two fields, whatever the lease has. The limits are the
-- job's; they have lines of their own.
local LEASE_LINES = { 'job', 'key', 'worker', 'vm', 'vram', 'since', 'tried', 'frames', 'limits' }
local LINE = '([^\n]*)\n'
Scope.LEASE_PATTERN = '^' .. LINE .. LINE .. LINE .. LINE .. LINE .. LINE .. LINE .. LINE .. '(.*)$'

local function lease_text(lease)
  local lines = {}
  for i, name in ipairs(LEASE_LINES) do
    lines[i] = lease[name] or ''
  end
  return table.concat(lines, '\n')
end

-- A lease with its lines, n, hand, begun and progress; or nil. Leases of before version 5 have fields for lines.
function Scope.read_lease(token)
  local key = 'cleave:lease:' .. token
  local of, n, hand, begun, progress = unpack(redis.call('HMGET', key, 'of', 'n', 'hand', 'begun', 'progress'))
  local values = of and { string.match(of, Scope.LEASE_PATTERN) } or redis.call('HMGET', key, unpack(LEASE_LINES))
  if not values[1] then
    return nil
  end
  local lease = { token = token, n = tonumber(n or 0), hand = hand, begun = begun, progress = progress }
  for i, name in ipairs(LEASE_LINES) do
    lease[name] = values[i] or ''
  end
  return lease
end

-- How many frames it has left is counted while they leave; the rest is stored as it was read.
function Scope.store_lease(lease, n)
  redis.call('HSET', 'cleave:lease:' .. lease.token, 'n', text(n), 'of', lease_text(lease))
end

-- recount MENDS -> how many counts were wrong. With MENDS "1" they are set right, as after the library was
-- replaced by one that counts more.
local function recount(_, args)
  local stored, right, wrong = Scope.load(), {}, 0
  for _, id in ipairs(redis.call('ZRANGE', 'cleave:jobs', 0, -1)) do
    local held, n = Scope.held_load(id)
    local limits = redis.call('HGET', 'cleave:job:' .. id, 'limits') or ''
    for _, scope in ipairs(n > 0 and scopes_of(id, limits) or {}) do
      right[scope] = (right[scope] or 0) + n
    end
    for token, frames in pairs(held) do
      local lease, ranges = Scope.read_lease(token) or { token = token, job = id, n = -1 }, {}
      wrong = wrong + ((lease.n ~= #frames or lease.limits ~= limits) and 1 or 0)
      for i, r in ipairs(Range.of_frames(frames, '')) do
        ranges[i] = Range.text(r)
      end
      lease.frames, lease.limits = table.concat(ranges, ' '), limits
      if args[1] == '1' then
        Scope.store_lease(lease, #frames)
      end
    end
  end
  for scope, n in pairs(right) do
    wrong = wrong + (stored[scope] == n and 0 or 1)
  end
  for scope in pairs(stored) do
    wrong = wrong + (right[scope] and 0 or 1)
  end
  if args[1] == '1' then
    redis.call('DEL', 'cleave:counts', 'cleave:idle')
    for scope, n in pairs(right) do
      redis.call('HSET', 'cleave:counts', scope, n)
    end
  end
  return wrong
end

redis.register_function('cleave_recount', recount)
