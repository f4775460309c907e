"""What goes wrong: a table, a row an event.

A row: its name, when it may come, what does it and what undoes it, how long it is held, and what it may cost: how many
frames may be rendered once more although a first result was verified. In: the farm, the job, a seeded random.Random.
"""
import collections
import errno
import os
import signal
import time

import check
from farm import WORKERS, Trouble
from resp import RedisError

HOLD_S = (0.2, 1.5)
OVER_LEASE_S = (2.6, 3.5)

# -- processes ----------------------------------------------------------------------------------------------------


def kill_worker(f):
    f.victim = f.random.choice(WORKERS)
    f.farm.end(f.victim)


def start_worker(f):
    f.farm.start_worker(f.victim)


def kill_blender(f):
    """One that works, if there is one."""
    found = check.processes()
    blenders = [pid for w in WORKERS if w in f.farm.processes for pid in check.descendants(f.farm.processes[w].pid, found)
                if found[pid][0] == 'blender']
    f.missed = not blenders
    if blenders:
        os.kill(f.random.choice(sorted(blenders)), signal.SIGKILL)


def kill_redis(f):
    f.farm.end('redis')
    f.farm.redis.close()


def start_redis(f):
    f.farm.start_redis()


def start_redis_empty(f):
    for path in (f.farm.work / 'redis').rglob('*'):
        if path.is_file():
            path.unlink()
    f.farm.start_redis()


def flush(f):
    f.farm.redis('FLUSHALL')


def kill_controller(f):
    """Not its parent, which only reaps (controller/host/reaper.h) and ends with it."""
    process = f.farm.processes.pop('h1')
    for pid in check.children(process.pid, check.processes()):
        os.kill(pid, signal.SIGKILL)
    process.wait(30)


def start_controller(f):
    f.farm.start_controller()


def stop_worker(f):
    f.victim = f.random.choice(WORKERS)
    f.farm.send(f.victim, signal.SIGSTOP)


def go_on(f):
    f.farm.send(f.victim, signal.SIGCONT)


# -- a worker that falls asleep between two steps -----------------------------------------------------------------


def is_stopped(farm, name):
    process = farm.processes.get(name)
    return process and check.processes().get(process.pid, ('', '', 0))[1] == 'T'


def stop_at(point):
    def do(f):
        """The next worker that comes to the point stops; there may be none before the job is over."""
        (f.farm.faults / point).touch()
        end = time.monotonic() + 10
        f.victim = None
        while not f.victim and time.monotonic() < end and len(f.job.visible(f.farm)) < f.job.n:
            f.victim = next((w for w in WORKERS if is_stopped(f.farm, w)), None)
            time.sleep(0.02)
        f.missed = not f.victim
    return do


def go_on_from(point):
    def undo(f):
        (f.farm.faults / point).unlink(missing_ok=True)
        for name in WORKERS:
            if is_stopped(f.farm, name):
                f.farm.send(name, signal.SIGCONT)
    return undo


# -- the network --------------------------------------------------------------------------------------------------


def part_workers(f):
    f.farm.to_workers.part()


def join_workers(f):
    f.farm.to_workers.join(cut=f.random.random() < 0.5)


def part_controllers(f):
    f.farm.to_controllers.part()


def join_controllers(f):
    f.farm.to_controllers.join(cut=f.random.random() < 0.5)


# -- the root and the scene ---------------------------------------------------------------------------------------


def fill_disk(f):
    """To the last byte: first by large pieces, then by what is left."""
    fd = os.open(f.farm.disk / 'full', os.O_WRONLY | os.O_CREAT)
    for size in (1 << 20, 1 << 12, 1):
        try:
            while os.write(fd, b'\0' * size):
                pass
        except OSError as why:
            if why.errno != errno.ENOSPC:
                raise
    os.close(fd)


def free_disk(f):
    (f.farm.disk / 'full').unlink()


def unmount(f):
    f.farm.unmount()


def mount_again(f):
    left = [p.name for p in f.farm.frames.rglob('*')]
    if left:
        raise Trouble(f'written below the mount point of a root that was not mounted: {left}')
    f.farm.mount()


def save_scene_over(f):
    f.farm.save_scene('plain')


def restore_scene(f):
    f.farm.save_scene('slow')


# -- a finished job -----------------------------------------------------------------------------------------------


def delete_half(f):
    visible = f.job.visible(f.farm)
    f.lost = {p: p.read_bytes() for p in (f.job.path(f.farm, n) for n in f.random.sample(visible, len(visible) // 2))}
    f.rendered_before = check.Manifest(f.farm.disk / 'frames', f.job.folder).rendered
    for path in f.lost:
        path.unlink()


def heal_half(f):
    """`heal: always` brings them back by itself; else they are told, and only a person brings them back."""
    if f.job.heal == 'always':
        return
    f.farm.wait('the job says FramesLost', 30, lambda: f.farm.condition(f.job)[:2] == ('Stalled', 'FramesLost'))
    time.sleep(1.5)
    if check.Manifest(f.farm.disk / 'frames', f.job.folder).rendered != f.rendered_before:
        raise Trouble('frames of a complete job were rendered again without being asked')
    for path, data in f.lost.items():
        path.with_suffix('.back').write_bytes(data)
        os.replace(path.with_suffix('.back'), path)


# -- controllers and reports --------------------------------------------------------------------------------------


def second_controller(f):
    """One that reads an older commit becomes the job owner: the first one is stopped, or not."""
    f.first_leaves = f.random.random() < 0.7
    if f.first_leaves:
        f.farm.end('h1', signal.SIGTERM)
    f.farm.start_controller('h2')


def end_second_controller(f):
    f.farm.end('h2', signal.SIGTERM)
    if f.first_leaves:
        f.farm.start_controller()


def change_back(f):
    """Some of the frames got other values, and a controller that reads the commit before becomes the job owner."""
    f.job.changed = [n for n in range(1, f.job.n + 1) if n not in f.job.slow][::2]
    f.farm.age_old_repository()
    f.farm.write_job(f.job)
    f.farm.push(f'{f.job.name}, changed')
    f.farm.wait('the changed job is complete', 60, lambda: f.farm.is_at_rest(f.job), 0.2)
    f.changed = {p: p.read_bytes() for p in (f.job.path(f.farm, n) for n in range(1, f.job.n + 1))}
    f.farm.end('h1', signal.SIGTERM)
    f.farm.start_controller('h2')


def end_change_back(f):
    undone = [p.name for p, data in f.changed.items() if p.read_bytes() != data]
    f.farm.end('h2', signal.SIGTERM)
    f.farm.start_controller()
    if undone:
        raise Trouble(f'a controller one commit behind undid {undone}')


def report_again(f):
    """Reports that come twice, late, from nobody, or for frames of others: none is believed."""
    redis = f.farm.redis
    for token, frame in check.Manifest(f.farm.disk / 'frames', f.job.folder).tokens():
        before = redis('HGET', f'cleave:running:{f.job.id}', frame)
        answer = redis.function('commit', token, frame, 5)
        after = redis('HGET', f'cleave:running:{f.job.id}', frame)
        if answer == 0 and before != after and before and token in before.split():
            raise Trouble(f'a report of {token} that was refused changed frame {frame}: {before} → {after}')
        holders = (before or '').split()
        if token not in holders and (redis.function('fail', token, frame, 'late', 'retry'), redis.function('extend', token, 2000, frame)) != (0, 0):
            raise Trouble(f'{token}, which does not have frame {frame} any more, could fail or extend it')
    held = redis('HGETALL', f'cleave:running:{f.job.id}')
    for frame, holders in zip(held[::2], held[1::2]):
        for token in ('1-1', f'{time.time_ns() // 1000}-9', *[t for o in held[1::2] for t in o.split()]):
            if token not in holders.split() and redis('HGET', f'cleave:running:{f.job.id}', frame) == holders:
                try:
                    answer = redis.function('commit', token, frame, 5)
                except RedisError as why:
                    answer = str(why)
                if answer == 1 and not redis('HEXISTS', f'cleave:lease:{token}', f'done:{frame}'):
                    raise Trouble(f'a report of {token} for frame {frame} of {holders} was believed')


def report_more(f):
    report_again(f)


# -- the table ----------------------------------------------------------------------------------------------------

Event = collections.namedtuple('Event', 'name do undo hold when cost area')
# when: running, or done (after the job was complete) · cost: frames rendered once more; 'lost': as many as were deleted
# area: two events of one area do not go together
EVENTS = [
    # Between its manifest line and its commit the frame is verified, and the queue does not know it.
    Event('worker killed', kill_worker, start_worker, HOLD_S, 'running', 1, 'worker'),
    Event('Blender killed', kill_blender, None, HOLD_S, 'running', 0, 'worker'),
    # Who waits for Redis with a verified frame keeps it; its lease may have run out, and another rendered it. Both may.
    Event('Redis killed', kill_redis, start_redis, HOLD_S, 'running', 2, 'redis'),
    Event('Redis killed, file lost', kill_redis, start_redis_empty, HOLD_S, 'running', 2, 'redis'),
    Event('FLUSHALL', flush, None, HOLD_S, 'running', 2, 'redis'),
    Event('controller killed', kill_controller, start_controller, HOLD_S, 'running', 0, 'controller'),
    Event('worker stopped', stop_worker, go_on, OVER_LEASE_S, 'running', 1, 'worker'),
    Event('worker stopped before commit', stop_at('verified'), go_on_from('verified'), OVER_LEASE_S, 'running', 1, 'worker'),
    Event('worker stopped before rename', stop_at('committed'), go_on_from('committed'), OVER_LEASE_S, 'running', 0, 'worker'),
    Event('workers parted', part_workers, join_workers, (0.5, 4), 'running', 2, 'net'),
    Event('controller parted', part_controllers, join_controllers, (0.5, 4), 'running', 0, 'net'),
    Event('disk full', fill_disk, free_disk, (0.5, 2.5), 'running', 0, 'root'),
    Event('root unmounted', unmount, mount_again, (0.5, 3), 'running', 0, 'root'),
    Event('scene saved over', save_scene_over, restore_scene, (0.5, 2.5), 'running', 0, 'scene'),
    Event('half deleted', delete_half, heal_half, HOLD_S, 'done', 'lost', 'done'),
    Event('controller behind', second_controller, end_second_controller, (1.5, 3), 'running', 0, 'controller'),
    Event('controller behind a change', change_back, end_change_back, (3, 4), 'done', 0, 'controller'),
    Event('reports again', report_again, report_more, HOLD_S, 'running', 0, 'redis'),
]
