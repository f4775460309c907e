-- In which order the frames of a job are taken: the place of its ranges in the backlog, lowest first.
--
-- forward: by the first frame. reverse: by the last one, and taken from the end. interleave: a range is spread
-- into classes, every 65536th frame, those halfway between, and so on: a rough animation first, and a million
-- frames are seventeen ranges. Taking never spreads; only what is new or changes its order is.

local SPREAD_MIN = 8           -- frames that a coarsest class has at most
local FINEST = 2 ^ 31          -- more than a frame number: the coarser class comes first, whatever its frames
Order.FIRST_PLACE = -2 ^ 60

function Order.place_of(r, order)
  if order == 'reverse' then
    return -r[2]
  elseif order == 'interleave' then
    return r[1] - r[3] * FINEST
  end
  return r[1]
end

local function spread(out, r)
  local top, n = r[3], Range.count(r)
  while n * r[3] / top > SPREAD_MIN do
    top = top * 2
  end
  Range.add(out, r[1], r[2], top, r[4])
  while top > r[3] do
    Range.add(out, r[1] + top / 2, r[2], top, r[4])
    top = top / 2
  end
end

function Order.spread_all(ranges)
  local out = {}
  for _, r in ipairs(ranges) do
    spread(out, r)
  end
  return out
end

-- Two ranges with one step whose frames lie halfway between each other: what overlaps becomes one range of
-- half the step, `out` gets the ends.
local function interlace(a, b, out)
  if b[1] < a[1] then
    a, b = b, a
  end
  local step, half = a[3], a[3] / 2
  local from, to = b[1] - half, math.min(a[2], b[2]) + half
  Range.add(out, a[1], from - step, step, a[4])
  if a[2] > b[2] then
    Range.add(out, to + step, a[2], step, a[4])
  else
    Range.add(out, to + step, b[2], step, a[4])
  end
  return { from, to, half, a[4] }
end

local function class_of(r, shift)
  return r[4] .. ' ' .. text((r[1] + shift) % r[3])
end

-- Ranges with one step, joined in pairs where they fit: what is joined goes to `finer`, the rest to `out`.
local function braid_step(list, finer, out)
  local classes = {}
  for _, r in ipairs(list) do
    local partners = classes[class_of(r, r[3] / 2)] or {}
    local partner
    for i, p in ipairs(partners) do
      if math.min(p[2], r[2]) >= math.max(p[1], r[1]) then
        partner = table.remove(partners, i)
        break
      end
    end
    if partner then
      finer[#finer + 1] = interlace(partner, r, out)
    else
      local own = class_of(r, 0)
      classes[own] = classes[own] or {}
      table.insert(classes[own], r)
    end
  end
  for _, left in pairs(classes) do
    for _, r in ipairs(left) do
      out[#out + 1] = r
    end
  end
end

-- Undoes what spread() did, as far as the frames are still there.
function Order.braid(ranges)
  local by_step, out = {}, {}
  for _, r in ipairs(ranges) do
    by_step[r[3]] = by_step[r[3]] or {}
    table.insert(by_step[r[3]], r)
  end
  while true do
    local step
    for s in pairs(by_step) do
      step = math.max(step or s, s)
    end
    if not step then
      break
    end
    local list, finer = by_step[step], by_step[step / 2] or {}
    by_step[step] = nil
    if step % 2 == 0 then
      braid_step(list, finer, out)
      by_step[step / 2] = #finer > 0 and finer or nil
    else
      for _, r in ipairs(list) do
        out[#out + 1] = r
      end
    end
  end
  table.sort(out, function(a, b) return a[1] < b[1] end)
  return out
end
