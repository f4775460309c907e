-- Arithmetic on stepped ranges, by their ends: ten million frames cost what five cost.
-- {first, last, step, key}; last is a member, a single frame has step 1.

function Range.text(r)
  return string.format('%d:%d:%d:', r[1], r[2], r[3]) .. r[4]
end

function Range.parse(s)
  local first, last, step, key = string.match(s, '^(-?%d+):(-?%d+):(%d+):(.*)$')
  if not first then
    refuse('INVALID', 'a range is first:last:step:key, not ' .. s)
  end
  local r = { tonumber(first), tonumber(last), tonumber(step), key }
  if r[3] < 1 or r[2] < r[1] or (r[2] - r[1]) % r[3] ~= 0 then
    refuse('INVALID', 'a range ascends and ends with a member, not ' .. s)
  end
  return r
end

function Range.count(r)
  return (r[2] - r[1]) / r[3] + 1
end

function Range.add(out, first, last, step, key)
  if first > last then
    return
  end
  last = first + math.floor((last - first) / step) * step
  out[#out + 1] = { first, last, first == last and 1 or step, key }
end

local function gcd(a, b)
  while b ~= 0 do
    a, b = b, a % b
  end
  return a
end

-- x with a * x % m == 1, for a and m without a common divisor.
local function inverse(a, m)
  local r0, r1, x0, x1 = m, a % m, 0, 1
  while r1 > 0 do
    local q = math.floor(r0 / r1)
    r0, r1, x0, x1 = r1, r0 - q * r1, x1, x0 - q * x1
  end
  return x0 % m
end

-- First and last frame that both ranges have, and their distance from each other; or nothing.
function Range.common_ends(a, b)
  local from, limit = math.max(a[1], b[1]), math.min(a[2], b[2])
  local g = gcd(a[3], b[3])
  if from > limit or (b[1] - a[1]) % g ~= 0 then
    return nil
  end
  local turns, lcm = b[3] / g, a[3] / g * b[3]
  local m = a[1]
  if turns > 1 then
    m = m + (b[1] - a[1]) / g % turns * inverse(a[3] / g, turns) % turns * a[3]
  end
  m = m + math.ceil((from - m) / lcm) * lcm
  if m > limit then
    return nil
  end
  return m, m + math.floor((limit - m) / lcm) * lcm, lcm
end

-- Appends to `out` what of `a` is not in `b`. Between the first and the last common frame `a` loses
-- one frame in `lcm`: what stays is written as residue classes or as gaps, whichever are fewer.
local function cut(a, b, out)
  local m, last, lcm = Range.common_ends(a, b)
  if not m then
    out[#out + 1] = a
    return
  end
  local step, key = a[3], a[4]
  local classes, gaps = lcm / step - 1, (last - m) / lcm
  Range.add(out, a[1], m - step, step, key)
  if classes <= gaps then
    for i = 1, classes do
      Range.add(out, m + i * step, m + i * step + (gaps - 1) * lcm, lcm, key)
    end
  else
    for i = 0, gaps - 1 do
      Range.add(out, m + i * lcm + step, m + (i + 1) * lcm - step, step, key)
    end
  end
  Range.add(out, last + step, a[2], step, key)
end

function Range.cut_all(parts, b)
  local out = {}
  for _, a in ipairs(parts) do
    cut(a, b, out)
  end
  return out
end

-- Frames, in any order, as ranges.
function Range.of_frames(frames, key)
  local out, r = {}, nil
  for i = 2, #frames do
    if frames[i] < frames[i - 1] then
      table.sort(frames)
      break
    end
  end
  for _, frame in ipairs(frames) do
    if r and (r[1] == r[2] or frame - r[2] == r[3]) then
      r[2], r[3] = frame, frame - r[2]
    else
      r = { frame, frame, 1, key }
      out[#out + 1] = r
    end
  end
  return out
end

-- Ranges sorted by their first frame, with the largest last frame so far beside each: overlapping()
-- then looks at few of them.
function Range.index(list)
  table.sort(list, function(a, b) return a[1] < b[1] end)
  local top = -math.huge
  for _, r in ipairs(list) do
    top = math.max(top, r[2])
    r.top = top
  end
  return list
end

function Range.overlapping(list, r)
  local low, high = 0, #list
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if list[middle][1] <= r[2] then low = middle else high = middle - 1 end
  end
  local i = low + 1
  return function()
    i = i - 1
    while i >= 1 and list[i].top >= r[1] do
      if list[i][2] >= r[1] then
        return list[i]
      end
      i = i - 1
    end
  end
end

-- The frames of a hash "frame -> value" as an index of one-frame ranges with their values.
function Range.load_frames(key)
  local list, all = {}, redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    local frame = tonumber(all[i])
    list[#list + 1] = { frame, frame, 1, value = all[i + 1] }
  end
  return Range.index(list)
end
