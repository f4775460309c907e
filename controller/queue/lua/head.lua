#!lua name=cleave
-- All that must be atomic about jobs, leases and the job owner, as one Redis function library.
--
-- In: ranges "first:last:step:key", JSON for a job's meta and a worker's capabilities. Out: arrays of
-- strings. The clock is Redis's own. A function checks everything before its first write, and refuses
-- with an error whose first word (FENCED, STALE, DRAINED, INVALID) the C side knows.
--
-- cleave:jobs           zset  job id -> urgency (rank * 1e6 - priority, lower first)
-- cleave:ready          zset  those of them that have queued frames and are not paused
-- cleave:tail           zset  those of them that only have running ones, and are not paused
-- cleave:job:<id>       hash  meta (job.lua), epoch, task:<key>, took:<key> (ms of the last frames),
--                             by and by2 (the last two workers that committed), tried ("1": some frame failed),
--                             terms (JSON of what leasing asks of its meta), waits (ms since it has queued frames)
-- cleave:totals         hash  what went wrong since Redis was empty: expired leases, failed attempts
-- cleave:todo:<id>      zset  "first:last:step:key" -> its place in the job's order (order.lua)
-- cleave:again:<id>     zset  "frame:key" of frames that failed and are queued again -> when they may be taken
-- cleave:due            zset  "frame job" -> the same times, of all jobs
-- cleave:running:<id>   hash  frame -> token, or two of them parted by a space (tail.lua)
-- cleave:tries:<id>     hash  frame -> JSON of what went wrong with it (try.lua)
-- cleave:failed:<id>    hash  frame -> JSON of key, reason, tries, worker, cause, workers
-- cleave:counts         hash  scope -> frames running: project:<name>, label:<key>=<value>
-- cleave:leases         zset  token -> deadline in ms
-- cleave:lease:<token>  hash  n (how many are left), of (lines: what lease_text() names), hand and begun (the frame in
--                             hand), progress; done:<frame> for ten minutes longer, so that a repeated commit gets the
--                             same answer
-- cleave:workers        zset  name -> last heartbeat in ms;  cleave:worker:<name> hash of facts
-- cleave:can            hash  name -> capabilities as the worker told them last
-- cleave:waiting        zset  workers that found nothing -> when they look again by themselves
-- cleave:wake:<name>    list  on which such a worker blocks
-- cleave:blame:<name>   hash  "frame job" that failed on this worker -> when
-- cleave:rest           hash  name of a worker that gets nothing for a while -> "until times reason"
-- cleave:hosts, cleave:host:<name>  as fleet.lua says
-- cleave:homes          hash  VM -> the host that has it
-- cleave:drain          hash  UUID of a VM that takes no new work -> "ms when that began, reason"
-- cleave:rollout:slots  zset  host whose turn it is -> until when in ms
-- cleave:rollout:hosts  hash  host -> "1" or "0" (all of it Ready), a space, its revision
-- cleave:owner          hash  holder, fence, deadline;  cleave:epoch  number;  cleave:epoch-of, -gone  see owner.c

local VERSION = 7
local OLDEST = 5               -- programs of this version and newer get from these functions what they ask for
local CHUNK_MAX = 10000
local REAP_MAX = 100           -- leases a call, and frames after which none follows: no call may hold Redis for long
local REAP_FRAMES = 10000
local DONE_MS = 600000
local WAKE_MS = 60000
local SILENT_MS = 60000        -- a worker without heartbeat for so long is not woken
local FORGET_MS = 86400000     -- and forgotten after so long

local function refuse(word, sentence)
  error({ err = word .. ' ' .. sentence })
end

-- Lua prints large numbers as 1.7e+15, and Redis prints a number that it is given as the double it is, which takes as
-- long as a small command does: what is called often gives texts.
local EXACT = 2 ^ 53
local function text(n)
  return string.format(n % 1 == 0 and n < EXACT and n > -EXACT and '%d' or '%.0f', n)
end

-- What a text says, read once for as many calls as it comes in: workers tell the same with each lease. It is shared,
-- so nobody may write to it. `read` NIL: it is JSON.
local known, n_known = {}, 0
local KNOWN_MAX = 1000
local function decode(json, read)
  read = read or cjson.decode
  local value = known[read] and known[read][json]
  if value == nil then
    value = read(json)
    if n_known >= KNOWN_MAX then
      known, n_known = {}, 0
    end
    known[read] = known[read] or {}
    known[read][json], n_known = value, n_known + 1
  end
  return value
end

local function now_us()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000000 + tonumber(t[2])
end

local function now_ms()
  return math.floor(now_us() / 1000)
end

local function notice(...)
  redis.call('PUBLISH', 'cleave:notice', table.concat({ ... }, ' '))
end

-- What one file has for others, a table each: a file is a block, since Lua allows 200 local names and no more.
local Range, Order, Scope, Job, Idle, Try, Drain, Choose, Tail, Lease, Owner =
  {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}

redis.register_function({
  function_name = 'cleave_version',
  callback = function() return VERSION end,
  flags = { 'no-writes' },
})
redis.register_function({
  function_name = 'cleave_oldest',
  callback = function() return OLDEST end,
  flags = { 'no-writes' },
})
