-- What a worker gets: the most urgent job it can do; among equals the project with the fewest frames running, then
-- the job with the fewest; of it a chunk of frames, as far as limits allow.

local AGAIN_MAX = 64           -- frames queued again that a lease looks at

-- May this worker try the frame that failed? Another one comes first, as long as there is one.
local function may_try(job, frame, worker, can, now, crew)
  local record = Try.load(job.id, frame, now)
  if record.vram and (tonumber(can.vram) or 0) <= record.vram then
    return false
  end
  local _, failed_on = Try.workers(record)
  return not failed_on[worker] or not Idle.any_other(job, now, crew, function(name, other)
    return not failed_on[name] and (not record.vram or (tonumber(other.vram) or 0) > record.vram)
  end)
end

-- Frames with one key that failed before and are due.
local function take_again(job, worker, can, room, now)
  local key, frames, crew = nil, {}, Idle.crew_lazy()
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', 'cleave:again:' .. job.id, '-inf', now, 'LIMIT', 0, AGAIN_MAX)) do
    local frame, its_key = string.match(member, '^(-?%d+):(.*)$')
    frame = tonumber(frame)
    if #frames < room and (not key or key == its_key) and may_try(job, frame, worker, can, now, crew) then
      key = its_key
      room = math.min(room, Job.chunk_of(job, key))
      frames[#frames + 1] = frame
      Try.again_remove(job.id, member)
    end
  end
  return key, frames
end

-- How many frames of the range come before the next range, which may lie between its steps. A range with another key
-- is no bound: it would tear chunks apart.
local function before_next(job, r, s, place)
  if not s or job.order == 'interleave' or Range.parse(s)[4] ~= r[4] then
    return math.huge
  end
  local gap = tonumber(place) - (job.order == 'reverse' and -r[2] or r[1])
  return math.max(math.ceil(gap / r[3]), 1)
end

-- Moves up to `room` frames of the range to `frames`; what is left of it goes back to its place.
local function take_range(job, r, place, room, frames)
  local n, rest = math.min(room, Range.count(r)), {}
  local from = r[1]
  if job.order == 'reverse' then
    from = r[2] - (n - 1) * r[3]
    Range.add(rest, r[1], from - r[3], r[3], r[4])
  else
    Range.add(rest, r[1] + n * r[3], r[2], r[3], r[4])
  end
  for i = 0, n - 1 do
    frames[#frames + 1] = from + i * r[3]
  end
  if rest[1] then
    Job.put_todo(job.id, rest[1], job.order, job.order == 'interleave' and place or nil)
  end
  return n, not rest[1]
end

-- Adds to `frames` up to a chunk of frames with one key, NIL: any, off the front of the backlog. Second: its last
-- range was used up.
local function take_todo(job, room, key, frames)
  local todo, is_last = 'cleave:todo:' .. job.id, false
  while room > 0 do
    local s, place, next_s, next_place = unpack(redis.call('ZRANGE', todo, '0', '1', 'WITHSCORES'))
    local r = s and Range.parse(s)
    if not r or (key and key ~= r[4]) then
      break
    end
    if not key then
      key, room = r[4], math.min(room, Job.chunk_of(job, r[4]))
    end
    redis.call('ZREM', todo, s)
    local n, is_used_up = take_range(job, r, tonumber(place), math.min(room, before_next(job, r, next_s, next_place)),
                                     frames)
    room, is_last = room - n, is_used_up
  end
  return key, is_last
end

-- {job, key, frames}, or nil when this job has nothing for the worker now.
local function attempt(id, worker, can, counts, now)
  local job = Job.read(id)
  local room = Idle.is_capable(job, can) and Scope.room_of(job.limits, counts) or 0
  if room <= 0 then
    return nil
  end
  local key, frames, is_last = nil, {}, nil
  if job.tried == '1' then
    key, frames = take_again(job, worker, can, math.min(room, CHUNK_MAX), now)
    room = key and math.min(room, Job.chunk_of(job, key)) - #frames or room
  end
  key, is_last = take_todo(job, room, key, frames)
  return key and { job = job, key = key, frames = frames, settles = is_last or job.tried == '1' }
end

local EQUALS_MAX = 64          -- jobs of which the one with the fewest running is looked for

local function n_running(id)
  return redis.call('HLEN', 'cleave:running:' .. id)
end

-- Sorts jobs of projects with equally many frames running by their own.
local function sort_by_running(jobs)
  for i, job in ipairs(jobs) do
    job.running = #jobs > 1 and i <= EQUALS_MAX and Job.guarded(job.id, n_running) or 0
  end
  table.sort(jobs, function(a, b) return a.running < b.running or (a.running == b.running and a.id < b.id) end)
end

-- Of jobs that are equally urgent.
local function choose_fairly(equals, worker, can, counts, now)
  if #equals == 1 then
    return Job.guarded(equals[1].id, attempt, worker, can, counts, now)
  end
  local by_count, levels = {}, {}
  for _, job in ipairs(equals) do
    local n = counts[Scope.project_of(job.id)] or 0
    if not by_count[n] then
      by_count[n] = {}
      levels[#levels + 1] = n
    end
    table.insert(by_count[n], job)
  end
  table.sort(levels)
  for _, n in ipairs(levels) do
    sort_by_running(by_count[n])
    for _, job in ipairs(by_count[n]) do
      local taken = Job.guarded(job.id, attempt, worker, can, counts, now)
      if taken then
        return taken
      end
    end
  end
end

function Choose.one(worker, can, counts, now)
  local equals, level, at, batch = {}, nil, 0, 128
  while true do
    local jobs = redis.call('ZRANGE', 'cleave:ready', text(at), text(at + batch - 1), 'WITHSCORES')
    for i = 1, #jobs, 2 do
      local id = jobs[i]
      if level and jobs[i + 1] ~= level then
        local taken = choose_fairly(equals, worker, can, counts, now)
        if taken then
          return taken
        end
        equals = {}
      end
      level = jobs[i + 1]
      equals[#equals + 1] = { id = id }
    end
    if #jobs < 2 * batch then
      return choose_fairly(equals, worker, can, counts, now)
    end
    at, batch = at + batch, 1024
  end
end
