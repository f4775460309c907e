-- What is there, for observing. Nothing here writes.

local function flat_meta(id)
  local out, all = {}, redis.call('HGETALL', 'cleave:job:' .. id)
  for i = 1, #all, 2 do
    if not string.match(all[i], '^t%l+:') and all[i] ~= 'terms' and all[i] ~= 'waits' then
      out[#out + 1] = all[i]
      out[#out + 1] = all[i + 1]
    end
  end
  return out
end

-- Queued ranges: the backlog as it was before it was spread, and what failed and is queued again.
local function queued_rows(id)
  local rows, by_key = {}, {}
  for _, r in ipairs(Try.again_load(id)) do
    by_key[r[4]] = by_key[r[4]] or {}
    table.insert(by_key[r[4]], r[1])
  end
  for _, r in ipairs(Order.braid(Job.load_todo(id))) do
    rows[#rows + 1] = Range.text(r)
  end
  for key, frames in pairs(by_key) do
    for _, r in ipairs(Range.of_frames(frames, key)) do
      rows[#rows + 1] = Range.text(r)
    end
  end
  return rows
end

-- {token, key, worker, ms to its deadline, range..., fact=value...} a lease, by its lowest frame.
local function running_rows(id)
  local rows, now = {}, now_ms()
  for token, frames in pairs((Scope.held_load(id))) do
    table.sort(frames)
    local lease = Scope.read_lease(token) or { key = '', worker = '', since = '' }
    local deadline = tonumber(redis.call('ZSCORE', 'cleave:leases', token) or now)
    local row = { token, lease.key, lease.worker, text(deadline - now), lowest = frames[1] }
    for _, r in ipairs(Range.of_frames(frames, '')) do
      row[#row + 1] = Range.text(r)
    end
    row[#row + 1] = 'age=' .. text(now - (tonumber(lease.since) or now))
    if lease.hand and Scope.is_holder(redis.call('HGET', 'cleave:running:' .. id, lease.hand), token) then
      row[#row + 1] = 'hand=' .. lease.hand
      row[#row + 1] = 'begun=' .. text(now - tonumber(lease.begun or now))
      row[#row + 1] = 'progress=' .. (lease.progress or '-1')
    end
    rows[#rows + 1] = row
  end
  table.sort(rows, function(a, b) return a.lowest < b.lowest or (a.lowest == b.lowest and a[1] < b[1]) end)
  return rows
end

-- {frame, ms until it is due, vram, {worker, reason, ms ago}...} a frame that failed and is not given up.
local function tried_rows(id)
  local rows, now, due = {}, now_ms(), {}
  for _, r in ipairs(Try.again_load(id)) do
    due[r[1]] = math.max(r.due - now, 0)
  end
  for _, r in ipairs(Range.load_frames('cleave:tries:' .. id)) do
    local record = Try.load(id, r[1], now)
    local row = { text(r[1]), text(due[r[1]] or 0), text(record.vram or 0) }
    for _, try in ipairs(record.tries) do
      row[#row + 1] = { try.w, try.r or '', text(now - try.t) }
    end
    if redis.call('HEXISTS', 'cleave:failed:' .. id, text(r[1])) == 0 and (#record.tries > 0 or record.vram) then
      rows[#rows + 1] = row
    end
  end
  return rows
end

-- The median in ms of the last frames of all keys, 0: not known.
local function measured(id)
  local all, hash = {}, redis.call('HGETALL', 'cleave:job:' .. id)
  for i = 1, #hash, 2 do
    if string.sub(hash[i], 1, 5) == 'took:' then
      all[#all + 1] = hash[i + 1]
    end
  end
  return Job.median(table.concat(all, ',')) or 0
end

local function failed_rows(id)
  local rows = {}
  for i, r in ipairs(Range.load_frames('cleave:failed:' .. id)) do
    local row = cjson.decode(r.value)
    rows[i] = { text(r[1]), row.key, row.reason, text(row.tries), row.worker, row.cause or '', row.workers or row.worker }
  end
  return rows
end

-- show ID -> {meta, queued ranges, running leases, failed frames, tried frames, ms a frame}
local function show(_, args)
  local id = args[1]
  return { flat_meta(id), queued_rows(id), running_rows(id), failed_rows(id), tried_rows(id), text(measured(id)) }
end

local function counts_row(id)
  local n = redis.call('ZCARD', 'cleave:again:' .. id)
  for _, s in ipairs(redis.call('ZRANGE', 'cleave:todo:' .. id, 0, -1)) do
    n = n + Range.count(Range.parse(s))
  end
  return { id, text(n), text(redis.call('HLEN', 'cleave:running:' .. id)),
           text(redis.call('HLEN', 'cleave:failed:' .. id)) }
end

-- A job whose keys are somebody else's has none; showing it says why.
-- list -> {id, frames queued, running, failed} a job, most urgent first
local function list()
  local out = {}
  for i, id in ipairs(redis.call('ZRANGE', 'cleave:jobs', 0, -1)) do
    local ok, row = pcall(counts_row, id)
    out[i] = ok and row or { id, '0', '0', '0' }
  end
  return out
end

redis.register_function({ function_name = 'cleave_show', callback = show, flags = { 'no-writes' } })
redis.register_function({ function_name = 'cleave_list', callback = list, flags = { 'no-writes' } })
