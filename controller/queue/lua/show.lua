-- What is there, for observing. Nothing here writes.

local function flat_meta(id)
  local out, all = {}, redis.call('HGETALL', 'cleave:job:' .. id)
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 5) ~= 'task:' then
      out[#out + 1] = all[i]
      out[#out + 1] = all[i + 1]
    end
  end
  return out
end

-- {token, key, worker, ms to its deadline, range...} a lease.
local function running_rows(id)
  local by_token, order, rows, now = {}, {}, {}, now_ms()
  for _, r in ipairs(load_frames('cleave:running:' .. id)) do
    if not by_token[r.value] then
      by_token[r.value] = {}
      order[#order + 1] = r.value
    end
    table.insert(by_token[r.value], r[1])
  end
  for i, token in ipairs(order) do
    local key, worker = unpack(redis.call('HMGET', 'cleave:lease:' .. token, 'key', 'worker'))
    local deadline = tonumber(redis.call('ZSCORE', 'cleave:leases', token) or now)
    rows[i] = { token, key or '', worker or '', text(deadline - now) }
    for _, r in ipairs(ranges_of(by_token[token], '')) do
      table.insert(rows[i], range_text(r))
    end
  end
  return rows
end

local function failed_rows(id)
  local rows = {}
  for i, r in ipairs(load_frames('cleave:failed:' .. id)) do
    local row = cjson.decode(r.value)
    rows[i] = { text(r[1]), row.key, row.reason, text(row.tries), row.worker }
  end
  return rows
end

-- show ID -> {meta, queued ranges, running leases, failed frames}
local function show(_, args)
  local id = args[1]
  return { flat_meta(id), redis.call('ZRANGE', 'cleave:todo:' .. id, 0, -1), running_rows(id), failed_rows(id) }
end

-- list -> {id, frames queued, running, failed} a job, most urgent first
local function list()
  local out = {}
  for i, id in ipairs(redis.call('ZRANGE', 'cleave:jobs', 0, -1)) do
    local n = 0
    for _, s in ipairs(redis.call('ZRANGE', 'cleave:todo:' .. id, 0, -1)) do
      n = n + range_count(range_parse(s))
    end
    out[i] = { id, text(n), text(redis.call('HLEN', 'cleave:running:' .. id)),
               text(redis.call('HLEN', 'cleave:failed:' .. id)) }
  end
  return out
end
