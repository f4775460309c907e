-- What counts as running at once: of a project, and of each label that has a limit. The numbers
-- change with cleave:running in the same call, so they are exact; recount() compares and mends them.

local function project_of(id)
  return 'project:' .. (string.match(id, '^(.-)/') or id)
end

-- Scopes of a job that has these limits ("scope=n" lines).
local function scopes_of(id, limits)
  local scopes = { project_of(id) }
  if limits and limits ~= '' then
    for scope in string.gmatch(limits, '([^\n]+)=%d+') do
      if scope ~= scopes[1] then
        scopes[#scopes + 1] = scope
      end
    end
  end
  return scopes
end

-- Adds n, which may be negative, to the counts of the job.
local function count(id, limits, n)
  for _, scope in ipairs(scopes_of(id, limits)) do
    if redis.call('HINCRBY', 'cleave:counts', scope, n) <= 0 then
      redis.call('HDEL', 'cleave:counts', scope)
    end
  end
end

local function counts_load()
  local counts, all = {}, redis.call('HGETALL', 'cleave:counts')
  for i = 1, #all, 2 do
    counts[all[i]] = tonumber(all[i + 1])
  end
  return counts
end

-- Counts that are loaded when the first is asked for: most leases need none.
local function counts_lazy()
  local counts
  return setmetatable({}, { __index = function(_, scope)
    counts = counts or counts_load()
    return counts[scope]
  end })
end

-- How many frames more the job's limits allow.
local function room_of(limits, counts)
  local room = math.huge
  for scope, n in string.gmatch(limits or '', '([^\n]+)=(%d+)') do
    room = math.min(room, tonumber(n) - (counts[scope] or 0))
  end
  return room
end

-- Tokens of a value of cleave:running: one, or two.
local function holders_of(value)
  local first, second = string.match(value or '', '^(%S+) ?(%S*)$')
  return first, second ~= '' and second or nil
end

local function is_holder(value, token)
  local first, second = holders_of(value)
  return first == token or second == token
end

-- Frames of the running leases of a job, by token; their number.
local function held_load(id)
  local held, n, all = {}, 0, redis.call('HGETALL', 'cleave:running:' .. id)
  for i = 1, #all, 2 do
    local first, second = holders_of(all[i + 1])
    for _, token in ipairs({ first, second }) do
      held[token] = held[token] or {}
      table.insert(held[token], tonumber(all[i]))
      n = n + 1
    end
  end
  return held, n
end

-- recount MENDS -> how many counts were wrong. With MENDS "1" they are set right, as after the library was
-- replaced by one that counts more.
function commands.recount(_, args)
  local stored, right, wrong = counts_load(), {}, 0
  for _, id in ipairs(redis.call('ZRANGE', 'cleave:jobs', 0, -1)) do
    local held, n = held_load(id)
    local limits = redis.call('HGET', 'cleave:job:' .. id, 'limits') or ''
    for _, scope in ipairs(n > 0 and scopes_of(id, limits) or {}) do
      right[scope] = (right[scope] or 0) + n
    end
    for token, frames in pairs(held) do
      local lease, ranges = 'cleave:lease:' .. token, {}
      local its_n, its_limits = unpack(redis.call('HMGET', lease, 'n', 'limits'))
      if tonumber(its_n or -1) ~= #frames or (its_limits or '') ~= limits then
        wrong = wrong + 1
        for i, r in ipairs(ranges_of(frames, '')) do
          ranges[i] = range_text(r)
        end
        if args[1] == '1' then
          redis.call('HSET', lease, 'n', #frames, 'frames', table.concat(ranges, ' '), 'limits', limits)
        end
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
