-- The names under which the functions are called. This runs while the library is loaded, when Redis lets
-- a script see nothing but `redis`.
--
-- A chunk of Lua has 200 local names at most, and the library is one: what is called from outside is in `commands`, and
-- files whose names no other file uses are blocks of their own.
redis.register_function('cleave_own', commands.own)
redis.register_function('cleave_disown', commands.disown)
redis.register_function('cleave_pass', commands.pass)
redis.register_function('cleave_enqueue', commands.enqueue)
redis.register_function('cleave_update', commands.update)
redis.register_function('cleave_cancel', commands.cancel)
redis.register_function('cleave_plain_push', commands.plain_push)
redis.register_function('cleave_plain_note', commands.plain_note)
redis.register_function('cleave_plain_drop', commands.plain_drop)
redis.register_function({ function_name = 'cleave_plain_show', callback = commands.plain_show, flags = { 'no-writes' } })
redis.register_function('cleave_lease', commands.lease)
redis.register_function('cleave_extend', commands.extend)
redis.register_function('cleave_commit', commands.commit)
redis.register_function('cleave_fail', commands.fail)
redis.register_function('cleave_give_back', commands.give_back)
redis.register_function('cleave_reap', commands.reap)
redis.register_function('cleave_wait', commands.wait)
redis.register_function('cleave_recount', commands.recount)
redis.register_function('cleave_beat', commands.beat)
redis.register_function('cleave_leave', commands.leave)
redis.register_function('cleave_drain', commands.drain)
redis.register_function('cleave_undrain', commands.undrain)
redis.register_function('cleave_home_take', commands.home_take)
redis.register_function('cleave_home_leave', commands.home_leave)
redis.register_function({ function_name = 'cleave_homes', callback = commands.homes, flags = { 'no-writes' } })
redis.register_function({ function_name = 'cleave_owner', callback = commands.owner_now, flags = { 'no-writes' } })
redis.register_function({ function_name = 'cleave_show', callback = commands.show, flags = { 'no-writes' } })
redis.register_function({ function_name = 'cleave_list', callback = commands.list, flags = { 'no-writes' } })
redis.register_function({ function_name = 'cleave_drained', callback = commands.drained, flags = { 'no-writes' } })
redis.register_function({ function_name = 'cleave_workers', callback = commands.workers, flags = { 'no-writes' } })
redis.register_function({
  function_name = 'cleave_version',
  callback = function() return VERSION end,
  flags = { 'no-writes' },
})
