"""The rounds: which events when, and what they lead to.

In: the options of tests/chaos/run. Out: lines on stdout, 0 or 1. The choice of a round depends on the seed and its number
alone, so that one round can be had again with --seed and --only.
"""
import collections
import os
import random
import shutil
import sys
import time
import traceback

import check
from events import EVENTS
from farm import WORKERS, Farm, Job, Trouble

REST_S = 60                # within which a job is complete after everything is as it was
SLOW_S = 0.8               # what a slow frame should take
KEPT_JOBS = 2              # rounds that a finished job stays wanted


class Round:
    """One job and what happens to it; events keep what they need to undo themselves in a Scene each."""

    def __init__(self, farm, number, seed, rows, slow_samples):
        self.farm, self.number = farm, number
        self.random = random.Random(f'{seed}/{number}')
        n = self.random.randint(8, 16)
        slow = sorted(self.random.sample(range(1, n + 1), n // 3))
        self.rows, self.scenes = self.choose(rows), []
        heal = self.random.choice(['always', 'untilComplete']) if any(r.when == 'done' for r in self.rows) else 'always'
        self.job = Job(f'r{number}', n, self.random.choice([1, 2, 4]), slow, slow_samples, heal)

    def choose(self, rows):
        first = self.random.choice(rows)
        others = [r for r in rows if r.area != first.area]
        return [first, self.random.choice(others)] if others and self.random.random() < 0.5 else [first]

    def begin(self, when):
        return [Scene(self, r) for r in self.rows if r.when == when]

    def cost(self):
        return sum(self.job.n // 2 * (self.job.heal == 'always') if r.cost == 'lost' else r.cost for r in self.rows)

    def say(self):
        return ' + '.join(r.name for r in self.rows)


class Scene:
    """An event in its round."""

    def __init__(self, of, row):
        self.farm, self.job, self.random, self.row = of.farm, of.job, of.random, row
        self.missed = False          # it found nothing to break, or nothing that was still to do
        of.scenes.append(self)

    def wait_for_moment(self, most_s):
        """When so many frames are visible, and a bit later; or when nothing goes on for so long."""
        n, delay = self.random.randint(0, self.job.n * 2 // 3), self.random.uniform(0, 0.4)
        end = time.monotonic() + most_s
        while self.row.when == 'running' and len(self.job.visible(self.farm)) < n and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(delay)

    def do(self, most_s):
        self.wait_for_moment(most_s)
        is_late = self.row.when == 'running' and len(self.job.visible(self.farm)) == self.job.n
        self.row.do(self)
        self.missed = self.missed or is_late

    def undo(self):
        time.sleep(self.random.uniform(*self.row.hold))
        if self.row.undo:
            self.row.undo(self)


class Chaos:
    def __init__(self, args):
        self.args, self.rows = args, EVENTS
        if args.only:
            self.rows = [r for r in EVENTS if r.name in args.only.split(',')]
        self.farm, self.staging = Farm(args.inside, args.build), check.Staging()
        self.before = collections.deque()          # (job, path → bytes) of finished rounds that are still wanted
        self.gone = []                             # jobs that are wanted no more
        self.count, self.sum, self.slow_samples = collections.Counter(), collections.Counter(), 0

    # -- a round ------------------------------------------------------------------------------------------------

    def run(self):
        print(f'# seed {self.args.seed}, {self.args.rounds} rounds, events: {", ".join(r.name for r in self.rows)}', flush=True)
        number = 0
        try:
            if not self.rows:
                raise Trouble(f'there is no event {self.args.only}')
            self.set_up()
            for number in range(1, self.args.rounds + 1):
                self.play(Round(self.farm, number, self.args.seed, self.rows, self.slow_samples))
            self.wait_for_staging()
        except Exception as why: # noqa: B902 - whatever it is, it is told with its round
            self.tell(number, why)
            return 1
        finally:
            self.farm.end_all()
        print('# ' + self.summary())
        return 0

    def set_up(self):
        self.farm.set_up()
        self.farm.push('a farm')
        for name in WORKERS:
            self.farm.start_worker(name)
        self.farm.start_controller()
        self.slow_samples = 2000
        job = Job('r0', 4, 1, [1, 2, 3, 4], self.slow_samples)
        self.push(job)
        self.rest(job, 120)
        # A worker's first frame takes longer than those that follow.
        took = min(r['seconds'] for all_ in self.manifest(job).accepted.values() for r in all_)
        self.slow_samples = max(1, min(200000, int(self.slow_samples * SLOW_S / max(took, 0.01))))
        self.finish(job)

    def push(self, job):
        self.farm.age_old_repository()
        while len(self.before) > KEPT_JOBS:
            old = self.before.popleft()[0]
            (self.farm.specs / f'{old.name}.yaml').unlink()
            self.gone.append(old)
        self.farm.write_job(job)
        self.farm.push(job.name)

    def play(self, it):
        begun = time.monotonic()
        self.current = it
        self.push(it.job)
        running = it.begin('running')
        for i, scene in enumerate(running):
            scene.do(20 if i == 0 else 2)
        for scene in reversed(running):
            scene.undo()
        self.rest(it.job, REST_S)
        for scene in it.begin('done'):
            scene.do(0)
            scene.undo()
            self.rest(it.job, REST_S)
        figures = self.check(it)
        self.finish(it.job)
        missed = [s.row.name for s in it.scenes if s.missed]
        self.count.update(r.name for r in it.rows if r.name not in missed)
        self.sum.update(figures)
        print(f'round {it.number}: {it.say()}: {it.job.n} frames, {figures["again"]} rendered twice, '
              f'{figures["superseded"]} superseded, {time.monotonic() - begun:.1f} s' +
              (f' (missed: {", ".join(missed)})' if missed else ''), flush=True)

    def rest(self, job, seconds):
        self.farm.wait(f'{job.id} is Ready Complete, and nothing to do', seconds, lambda: self.farm.is_at_rest(job), 0.2)

    def manifest(self, job):
        return check.Manifest(self.farm.disk / 'frames', job.folder)

    def check(self, it):
        manifest = self.manifest(it.job)
        again = sum(manifest.again().values())
        # what a worker was doing for nothing when the job was done, it notices within a lease
        self.farm.wait('no lease is left', 10, lambda: not self.farm.redis('ZCARD', 'cleave:leases'))
        problems = check.check_frames(self.farm, it.job, manifest) + check.check_queue(self.farm, it.job)
        problems += check.check_processes(self.farm) + self.staging.check(self.farm)
        if again > it.cost():
            problems.append(f'rendered twice: {manifest.again()}, and {it.cost()} at most may be')
        for job, files in self.before:
            problems += [f'{job.id}, which was complete, lost or changed {path.name}' for path, data in files.items()
                         if not path.is_file() or path.read_bytes() != data]
        if problems:
            raise Trouble('\n'.join(problems))
        return {'frames': it.job.n, 'again': again, 'superseded': manifest.superseded, 'torn': manifest.torn,
                'renders': manifest.rendered}

    def finish(self, job):
        files = {job.path(self.farm, f): job.path(self.farm, f).read_bytes() for f in range(1, job.n + 1)}
        self.before.append((job, files))
        self.clear()

    def clear(self):
        """Room on the small disk: jobs that nobody wants, once cleave has cleared up after their attempts."""
        for job in list(self.gone):
            own = self.farm.disk / 'frames/.cleave' / job.folder
            if not any(path.is_relative_to(own) for path in check.staged(self.farm)):
                shutil.rmtree(own)
                shutil.rmtree(self.farm.disk / 'frames' / job.name)
                self.gone.remove(job)

    def wait_for_staging(self):
        self.farm.wait('staging is empty', check.GRACE_S + check.LATE_S, lambda: not check.staged(self.farm), 1)

    # -- what is told -------------------------------------------------------------------------------------------

    def summary(self):
        kinds = ', '.join(f'{name} {self.count[name]}' for name in sorted(self.count))
        s = self.sum
        return (f'{self.args.rounds} rounds, seed {self.args.seed}; events: {kinds}; {s["frames"]} frames, {s["renders"]} renders, '
                f'{s["superseded"]} superseded, {s["again"]} rendered twice, {s["torn"]} torn lines; none lost')

    def tell(self, number, why):
        it = getattr(self, 'current', None)
        print(f'FAILED: seed {self.args.seed}, round {number}, events: {it.say() if it else "none yet"}\n{why}', flush=True)
        if not isinstance(why, Trouble):
            traceback.print_exc(file=sys.stdout)
        try:
            self.tell_state(it)
        except Exception: # noqa: B902 - the farm may be broken in any way
            traceback.print_exc(file=sys.stdout)
        # The disk ends with the namespace.
        shutil.copytree(self.farm.disk, self.farm.work / 'disk-as-it-was', symlinks=True, dirs_exist_ok=True)
        sys.stdout.flush()

    def tell_state(self, it):
        for name in ('h1', 'h2', *WORKERS):
            log = self.farm.work / f'{name}.log'
            if log.exists():
                print(f'-- {name}', *log.read_text(errors='replace').splitlines()[-25:], sep='\n')
        if it:
            print('-- plan', self.farm.cleave('plan')[1], '-- get', self.farm.cleave('get')[1], sep='\n')
            print(f'-- job {it.job.n} frames, slow {it.job.slow}, heal {it.job.heal}, visible {it.job.visible(self.farm)}')
        if self.farm.redis_answers():
            for key in sorted(self.farm.redis('KEYS', 'cleave:*')):
                print(f'   {key} {self.farm.redis("TYPE", key)}')
        for path in check.staged(self.farm):
            print(f'   staged {path.relative_to(self.farm.disk)}')
        print(f'-- processes of {os.getpid()}: {check.processes()}')
