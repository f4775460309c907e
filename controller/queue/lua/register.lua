-- The names under which the functions are called. This runs while the library is loaded, when Redis lets
-- a script see nothing but `redis`.
--
-- A chunk of Lua has 200 local names at most, and the library is one: files whose names no other file uses are blocks
-- of their own, and register at their end.
redis.register_function('cleave_own', own)
redis.register_function('cleave_disown', disown)
redis.register_function('cleave_pass', pass)
redis.register_function('cleave_enqueue', enqueue)
redis.register_function('cleave_update', update)
redis.register_function('cleave_cancel', cancel)
redis.register_function('cleave_lease', lease)
redis.register_function('cleave_extend', extend)
redis.register_function('cleave_commit', commit)
redis.register_function('cleave_fail', fail)
redis.register_function('cleave_give_back', give_back)
redis.register_function('cleave_reap', reap)
redis.register_function('cleave_wait', wait)
redis.register_function('cleave_recount', recount)
redis.register_function('cleave_drain', drain)
redis.register_function('cleave_undrain', undrain)
redis.register_function({ function_name = 'cleave_owner', callback = owner_now, flags = { 'no-writes' } })
redis.register_function({ function_name = 'cleave_show', callback = show, flags = { 'no-writes' } })
redis.register_function({ function_name = 'cleave_list', callback = list, flags = { 'no-writes' } })
redis.register_function({ function_name = 'cleave_drained', callback = drained, flags = { 'no-writes' } })
redis.register_function({
  function_name = 'cleave_version',
  callback = function() return VERSION end,
  flags = { 'no-writes' },
})
