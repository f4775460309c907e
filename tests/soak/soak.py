"""What a soak does and looks at. Run by tests/soak/run, inside its namespaces, with the farm's folder in SOAK_WORK.

The wanted state is kept here as values (VMs, jobs) and written as specs; what goes wrong is a table of events. Whether the
farm is at rest is asked of cleave, and then checked without it: virsh tells the domains, the folder the frames.
"""
import argparse
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True

REST_S = 120            # within which all is as the specs say once nothing goes wrong any more
EVENTS_A_REST = (4, 10)
PAUSE_S = (0.1, 2.0)
MEMORY_ROOM = 1.05, 1 << 20   # what the last third of a life may have more than the second: a share, and bytes
LEAST_SAMPLES = 9
WORK = pathlib.Path(os.environ['SOAK_WORK'])
BUILD = pathlib.Path(os.environ['BUILD'])
REDIS_PORT = int(os.environ['SOAK_REDIS_PORT'])
REPOSITORY = WORK / 'specs.git'


class Trouble(Exception):
    """The farm does not come to rest, or what it says is not so."""


def run(*argv, check=True):
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, timeout=300)
    if check and done.returncode:
        raise Trouble(f'{" ".join(map(str, argv))}: exit {done.returncode}: {done.stdout[-2000:]}')
    return done


def wait(what, seconds, is_true):
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            raise Trouble(f'not within {seconds} s: {what}')
        time.sleep(0.2)


# -- the farm ------------------------------------------------------------------------------------------------------


class Farm:
    def __init__(self, rng):
        self.random, self.specs = rng, WORK / 'specs'
        self.vms = {'a': {'memory': 64, 'state': 'running'}, 'b': {'memory': 64, 'state': 'running'}}
        self.jobs = {'one': {'n': 4, 'samples': 1, 'priority': 50}}
        self.processes, self.lives, self.n_names, self.n_asked = {}, [], 0, 0
        self.redis, self.libvirtd = int(os.environ['SOAK_REDIS_PID']), int(os.environ['SOAK_LIBVIRTD_PID'])

    def git(self, *words):
        return run('git', '-C', self.specs, *words)

    def write(self):
        for path in self.specs.glob('*.yaml'):
            path.unlink()
        (self.specs / 'farm.yaml').write_text(f'''apiVersion: cleave/v1alpha1
kind: Farm
metadata: {{name: soak}}
spec:
  redis: {{url: "redis://127.0.0.1:{REDIS_PORT}/0"}}
  roots: {{frames: {{path: {WORK}/frames}}}}
  lease: 3s
  policy: {{prune: true}}
---
apiVersion: cleave/v1alpha1
kind: Host
metadata: {{name: h1}}
spec: {{libvirt: "qemu:///system"}}
''')
        for name, vm in self.vms.items():
            (self.specs / f'vm-{name}.yaml').write_text(f'''apiVersion: cleave/v1alpha1
kind: VM
metadata: {{name: {name}}}
spec:
  host: h1
  accelerator: tcg
  memory: {vm["memory"]}MiB
  boot: {{kernel: {WORK}/button.elf}}
  state: {vm["state"]}
  update: now
  shutdownTimeout: 5s
''')
        for name, job in self.jobs.items():
            (self.specs / f'job-{name}.yaml').write_text(f'''apiVersion: cleave/v1alpha1
kind: RenderJob
metadata: {{name: {name}}}
spec:
  project: p
  scene: {{file: "frames:shot.blend"}}
  frames: 1-{job["n"]}
  samples: {job["samples"]}
  resolution: 32x32
  priority: {job["priority"]}
  retries: 100
  heal: always
  output: "frames:{name}/f_####.png"
''')

    def push(self, message, *options):
        self.write()
        self.git('add', '-A')
        self.git('commit', '-qm', message, '--allow-empty')
        self.git('push', '-q', *options, 'origin', 'main')

    def start(self, name, *argv):
        with open(WORK / f'{name}.log', 'ab') as log:
            self.processes[name] = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start_controller(self):
        self.start('controller', BUILD / 'cleave', 'run', '--specs', REPOSITORY, '--interval', '5s')
        self.lives.append([])

    def start_worker(self):
        self.start('worker', BUILD / 'cleave-worker', '--redis', f'redis://127.0.0.1:{REDIS_PORT}/0', '--mount',
                   f'frames={WORK}/frames', '--name', 'w1', '--lease', '3s')

    def controller(self):
        """The one that works: its parent only reaps (controller/host/reaper.h)."""
        pid = self.processes['controller'].pid
        children = pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
        return int(children[0]) if children else pid

    def kill(self, name):
        process = self.processes.pop(name)
        if name == 'controller':
            pid = process.pid
            for child in pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split():
                if pathlib.Path(f'/proc/{child}/comm').read_text().strip() == 'cleave':
                    os.kill(int(child), signal.SIGKILL)
        else:
            process.kill()
        process.wait(30)

    def cleave(self, *words):
        return run(BUILD / 'cleave', *words, '--specs', REPOSITORY, check=False)

    def new_name(self, kind):
        self.n_names += 1
        return f'{kind}{self.n_names}'

    # -- what is there ---------------------------------------------------------------------------------------------

    def problem(self):
        """None when all is as the specs say."""
        plan = self.cleave('plan', '--detailed-exitcode')
        if plan.returncode or 'nothing to do' not in plan.stdout:
            return plan.stdout
        domains = run('virsh', '-q', 'list', '--all', '--name', check=False).stdout.split()
        if sorted(domains) != sorted(self.vms):
            return f'domains {domains}'
        for name, vm in self.vms.items():
            state = run('virsh', '-q', 'domstate', name, check=False).stdout.strip()
            memory = run('virsh', '-q', 'dominfo', name, check=False).stdout
            if state != ('running' if vm['state'] == 'running' else 'shut off') or f'{vm["memory"] * 1024} KiB' not in memory:
                return f'domain {name}: {state}, wanted {vm}; {memory}'
        for name, job in self.jobs.items():
            if not all((WORK / f'frames/{name}/f_{i:04d}.png').exists() for i in range(1, job['n'] + 1)):
                return f'frames of {name} are missing'
        return None

    def is_at_rest(self):
        """What was put back five times waits for a person, who says go on."""
        if self.problem() is None:
            return True
        if 'Oscillating' in self.cleave('get').stdout:
            self.n_asked += 1
            run(BUILD / 'cleave', 'apply', '-y', check=False)
        return False

    def rest(self):
        wait('all is as the specs say', REST_S, self.is_at_rest)

    def measure(self):
        pid = self.controller()
        status = pathlib.Path(f'/proc/{pid}/status').read_text()
        memory = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith('RssAnon'))
        self.lives[-1].append((memory, len(os.listdir(f'/proc/{pid}/fd'))))
        return self.lives[-1][-1]


# -- events ----------------------------------------------------------------------------------------------------------


def pick(f, table):
    return f.random.choice(sorted(table)) if table else None


def resize_vm(f):
    if name := pick(f, f.vms):
        f.vms[name]['memory'] = f.random.choice([64, 80, 96, 112])
        f.push(f'{name}: other memory')


def switch_vm(f):
    if name := pick(f, f.vms):
        f.vms[name]['state'] = 'stopped' if f.vms[name]['state'] == 'running' else 'running'
        f.push(f'{name}: {f.vms[name]["state"]}')


def add_vm(f):
    if len(f.vms) < 4:
        f.vms[f.new_name('v')] = {'memory': 64, 'state': 'running'}
        f.push('one VM more')


def remove_vm(f):
    """One at a time: more than the budget would wait for a person."""
    if len(f.vms) > 1 and f.problem() is None:
        del f.vms[pick(f, f.vms)]
        f.push('one VM less')


def change_job(f):
    if name := pick(f, f.jobs):
        key, value = f.random.choice([('n', f.random.randint(2, 8)), ('samples', f.random.randint(1, 3)), ('priority', f.random.randint(1, 99))])
        f.jobs[name][key] = value
        f.push(f'{name}: {key} {value}')


def add_job(f):
    if len(f.jobs) < 3:
        f.jobs[f.new_name('j')] = {'n': f.random.randint(2, 6), 'samples': 1, 'priority': 50}
        f.push('one job more')


def remove_job(f):
    if len(f.jobs) > 1:
        del f.jobs[pick(f, f.jobs)]
        f.push('one job less')


def break_specs(f):
    """Not valid, for a while: what was in force stays."""
    f.write()
    (f.specs / 'farm.yaml').write_text('kind: Farm\nspec: [\n')
    f.git('add', '-A')
    f.git('commit', '-qm', 'not valid')
    f.git('push', '-q', 'origin', 'main')
    time.sleep(f.random.uniform(0.2, 2))
    f.push('valid again')


def force_push(f):
    f.git('commit', '-q', '--amend', '--allow-empty', '-m', f'amended {time.time()}')
    f.git('push', '-q', '--force', 'origin', 'main')


def pack(f):
    run('git', '-C', REPOSITORY, 'gc', '-q')


def destroy_vm(f):
    if name := pick(f, f.vms):
        run('virsh', '-q', 'destroy', name, check=False)


def undefine_vm(f):
    if name := pick(f, f.vms):
        run('virsh', '-q', 'undefine', name, check=False)


def edit_vm(f):
    name = pick(f, f.vms)
    done = run('virsh', '-q', 'dumpxml', name, '--inactive', '--security-info', check=False)
    if done.returncode == 0:
        lines = ["<memory unit='KiB'>57344</memory>" if '<memory ' in line else line
                 for line in done.stdout.splitlines() if '<currentMemory' not in line]
        (WORK / 'edited.xml').write_text('\n'.join(lines))
        run('virsh', '-q', 'define', WORK / 'edited.xml', check=False)


def frames_of(f):
    return sorted(path for job in f.jobs for path in (WORK / 'frames' / job).glob('*.png'))


def delete_frame(f):
    if found := frames_of(f):
        f.random.choice(found).unlink(missing_ok=True)


def cut_frame(f):
    if found := frames_of(f):
        path = f.random.choice(found)
        if path.exists():
            os.truncate(path, 100)


def kill_controller(f):
    f.kill('controller')
    f.start_controller()


def hang_controller(f):
    pid = f.controller()
    os.kill(pid, signal.SIGSTOP)
    time.sleep(f.random.uniform(0.5, 4))
    os.kill(pid, signal.SIGCONT)


def kill_worker(f):
    f.kill('worker')
    f.start_worker()


def redis_answers():
    return run('redis-cli', '-p', REDIS_PORT, 'ping', check=False).stdout.strip() == 'PONG'


def kill_redis(f):
    os.kill(f.redis, signal.SIGKILL)
    wait('Redis is gone', 10, lambda: not redis_answers())
    time.sleep(f.random.uniform(0, 2))
    f.start('redis', 'redis-server', '--port', REDIS_PORT, '--bind', '127.0.0.1', '--dir', WORK / 'redis', '--appendonly', 'yes',
            '--save', '', '--maxmemory-policy', 'noeviction')
    f.redis = f.processes.pop('redis').pid
    wait('Redis answers', 20, redis_answers)


def flush_redis(_):
    run('redis-cli', '-p', REDIS_PORT, 'FLUSHALL')


def kill_libvirtd(f):
    os.kill(f.libvirtd, signal.SIGKILL)
    time.sleep(f.random.uniform(0.1, 1))
    for path in ('/run/libvirtd.pid', '/run/libvirt/libvirt-sock'):
        pathlib.Path(path).unlink(missing_ok=True)
    f.start('libvirtd', 'libvirtd', '-p', '/run/libvirtd.pid')
    f.libvirtd = f.processes.pop('libvirtd').pid
    wait('libvirtd answers', 30, lambda: run('virsh', '-q', 'list', check=False).returncode == 0)


# name: how often, what
EVENTS = {
    'resize-vm': (6, resize_vm), 'switch-vm': (6, switch_vm), 'add-vm': (3, add_vm), 'remove-vm': (3, remove_vm),
    'change-job': (6, change_job), 'add-job': (3, add_job), 'remove-job': (3, remove_job), 'break-specs': (3, break_specs),
    'force-push': (2, force_push), 'pack': (1, pack), 'destroy-vm': (4, destroy_vm), 'undefine-vm': (2, undefine_vm),
    'edit-vm': (3, edit_vm), 'delete-frame': (3, delete_frame), 'cut-frame': (2, cut_frame), 'kill-controller': (1, kill_controller),
    'hang-controller': (2, hang_controller), 'kill-worker': (2, kill_worker), 'kill-redis': (2, kill_redis),
    'flush-redis': (1, flush_redis), 'kill-libvirtd': (2, kill_libvirtd),
}


# -- the run -----------------------------------------------------------------------------------------------------------


def judge_life(samples):
    """A sentence when memory or descriptors grew, over the second half of a life that was long enough."""
    third = len(samples) // 3
    if len(samples) < LEAST_SAMPLES:
        return None
    middle, last = samples[third:2 * third], samples[2 * third:]
    share, room = MEMORY_ROOM
    if statistics.median(s[0] for s in last) > statistics.median(s[0] for s in middle) * share + room:
        return f'memory grew: {[s[0] >> 10 for s in samples]} KiB'
    if statistics.median(s[1] for s in last) > statistics.median(s[1] for s in middle) + 1:
        return f'descriptors grew: {[s[1] for s in samples]}'
    return None


def soak(f, args):
    names = args.only.split(',') if args.only else sorted(EVENTS)
    weights = [EVENTS[name][0] for name in names]
    end, counts, n_rests, slowest = time.monotonic() + args.minutes * 60, dict.fromkeys(names, 0), 0, 0.0
    f.rest()
    while time.monotonic() < end:
        done = []
        for _ in range(f.random.randint(*EVENTS_A_REST)):
            name = f.random.choices(names, weights)[0]
            EVENTS[name][1](f)
            counts[name] += 1
            done.append(name)
            time.sleep(f.random.uniform(*PAUSE_S))
        begun = time.monotonic()
        f.last = done
        f.rest()
        n_rests += 1
        slowest = max(slowest, time.monotonic() - begun)
        memory, n_fds = f.measure()
        print(f'rest {n_rests}: after {time.monotonic() - begun:.1f} s; {memory >> 10} KiB, {n_fds} descriptors: {", ".join(done)}', flush=True)
    problems = [p for p in map(judge_life, f.lives) if p]
    longest = max(f.lives, key=len)
    print(f'{sum(counts.values())} events, {n_rests} rests, slowest {slowest:.1f} s; {f.n_asked} times a person let something go on; the longest life of the controller: {len(longest)} rests, '
          f'{longest[len(longest) // 3][0] >> 10} to {longest[-1][0] >> 10} KiB, {longest[len(longest) // 3][1]} to {longest[-1][1]} descriptors')
    print('events: ' + ', '.join(f'{name} {n}' for name, n in counts.items()))
    if problems:
        raise Trouble('\n'.join(problems))


def tell(f, why):
    print(f'FAILED after {", ".join(getattr(f, "last", []))}: {why}', flush=True)
    print(f.cleave('plan').stdout, f.cleave('get').stdout, f.problem(), sep='\n')
    for name in ('controller', 'worker'):
        lines = (WORK / f'{name}.log').read_text(errors='replace').splitlines()
        print(f'-- {name}', *lines[-40:], sep='\n')
    shutil.copy(WORK / 'controller.log', '/tmp/cleave-soak-controller.log')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--minutes', type=float, default=30)
    parser.add_argument('--seed', type=int, default=None)
    parser.add_argument('--only', default='', help='these events alone, by their names, with commas')
    args = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 31) if args.seed is None else args.seed
    print(f'# seed {seed}, {args.minutes:g} minutes', flush=True)
    f = Farm(random.Random(seed))
    try:
        f.push('a farm')
        f.start_controller()
        f.start_worker()
        soak(f, args)
    except Exception as why: # noqa: B902 - whatever it is, it is told with what came before
        tell(f, why)
        return 1
    finally:
        for name in list(f.processes):
            f.processes.pop(name).terminate()
        for pid in (f.redis, f.libvirtd):
            os.kill(pid, signal.SIGTERM)
    return 0


if __name__ == '__main__':
    sys.exit(main())
