-- Which host has a VM.

-- home_take VM HOST -> the host that has it: HOST, or who was first
local function home_take(_, args)
  redis.call('HSETNX', 'cleave:homes', args[1], args[2])
  return redis.call('HGET', 'cleave:homes', args[1])
end

-- home_leave VM HOST -> 1 when HOST ('': any) had it
local function home_leave(_, args)
  local home = redis.call('HGET', 'cleave:homes', args[1])
  if home and (args[2] == '' or args[2] == home) then
    redis.call('HDEL', 'cleave:homes', args[1])
    notice('home', args[1])
    return 1
  end
  return 0
end

-- homes VM... -> a host each, '' for none
local function homes(_, args)
  local out = {}
  for i, vm in ipairs(args) do
    out[i] = redis.call('HGET', 'cleave:homes', vm) or ''
  end
  return out
end

redis.register_function('cleave_home_take', home_take)
redis.register_function('cleave_home_leave', home_leave)
redis.register_function({ function_name = 'cleave_homes', callback = homes, flags = { 'no-writes' } })
