"""The farm that chaos works on: folders, mounts, a repository, and the processes, all of them real.

Everything runs in namespaces of its own (tests/chaos/run): mounts are seen by nobody else, and no process outlives it.
The frames' root is a bind mount of a folder on a small tmpfs, so that it can be filled, and taken away without being lost.
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from proxy import Proxy
from resp import Redis

E2E = pathlib.Path(__file__).resolve().parent.parent / 'e2e'
DISK_SIZE = '24m'
LEASE = '2s'
RETRIES = 60          # what an event breaks may be tried again
WORKERS = ('w1', 'w2')


class Trouble(Exception):
    """An invariant does not hold, or the farm does not come to rest."""


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def frames_with(frames, samples):
    return f'{{frames: "{",".join(map(str, frames))}", samples: {samples}}}'


class Farm:
    def __init__(self, work, build):
        self.work, self.build = pathlib.Path(work), pathlib.Path(build)
        self.disk, self.frames = self.work / 'disk', self.work / 'frames'
        self.scenes, self.faults, self.specs = self.work / 'scenes', self.work / 'faults', self.work / 'specs'
        self.processes = {}
        self.redis_port = free_port()
        self.redis = Redis(self.redis_port)
        self.env = dict(os.environ, GIT_CONFIG_GLOBAL='/dev/null', GIT_CONFIG_SYSTEM='/dev/null', GIT_AUTHOR_NAME='t',
                        GIT_AUTHOR_EMAIL='t@example.org', GIT_COMMITTER_NAME='t', GIT_COMMITTER_EMAIL='t@example.org',
                        CLEAVE_FAULT_STOP=str(self.faults), CLEAVE_CACHE=str(self.work / 'cache'),
                        CLEAVE_DRAIN_FILE=str(self.work / 'drain'))
        for name in [n for n in self.env if n.startswith('CLEAVE_') and n not in ('CLEAVE_FAULT_STOP', 'CLEAVE_CACHE',
                                                                                  'CLEAVE_DRAIN_FILE')]:
            del self.env[name]

    # -- folders ------------------------------------------------------------------------------------------------

    def set_up(self):
        for folder in (self.disk, self.frames, self.scenes, self.faults, self.work / 'redis', self.work / 'cache'):
            folder.mkdir()
        self.command('mount', '-t', 'tmpfs', '-o', f'size={DISK_SIZE}', 'chaos', self.disk)
        (self.disk / 'frames').mkdir()
        (self.disk / 'frames/.cleave-root').write_text('frames\n')
        (self.scenes / '.cleave-root').write_text('scenes\n')
        self.mount()
        for kind in ('slow', 'plain'):
            self.command('blender', '-b', '--factory-startup', '--python-exit-code', '3', '--python',
                         E2E / 'queue_scene.py', '--', self.work / f'{kind}.blend', kind)
        self.save_scene('slow')
        self.command('git', 'init', '-q', '--bare', '-b', 'main', self.work / 'specs.git')
        self.command('git', 'clone', '-q', self.work / 'specs.git', self.specs)
        self.command('git', 'init', '-q', '--bare', '-b', 'main', self.work / 'old.git')
        self.start_redis()
        self.to_workers, self.to_controllers = Proxy(self.redis_port), Proxy(self.redis_port)
        self.write_farm()

    def mount(self):
        self.command('mount', '--bind', self.disk / 'frames', self.frames)

    def unmount(self):
        self.command('umount', '--lazy', self.frames)

    def save_scene(self, kind):
        """As a program saves that does it well: the new file takes the old one's name."""
        shutil.copy(self.work / f'{kind}.blend', self.scenes / 'new')
        os.replace(self.scenes / 'new', self.scenes / 'shot.blend')

    # -- specs --------------------------------------------------------------------------------------------------

    def write_farm(self):
        (self.specs / 'farm.yaml').write_text(f'''apiVersion: cleave/v1alpha1
kind: Farm
metadata: {{name: chaos}}
spec:
  redis: {{url: "redis://127.0.0.1:{self.to_controllers.port}/0"}}
  roots: {{frames: {{path: {self.frames}}}, scenes: {{path: {self.scenes}}}}}
  lease: {LEASE}
---
apiVersion: cleave/v1alpha1
kind: Host
metadata: {{name: h1}}
---
apiVersion: cleave/v1alpha1
kind: Host
metadata: {{name: h2}}
''')

    def write_job(self, job):
        overrides = f'  overrides: [{frames_with(job.slow, job.slow_samples)}'
        overrides += f', {frames_with(job.changed, 2)}]\n' if job.changed else ']\n'
        (self.specs / f'{job.name}.yaml').write_text(f'''apiVersion: cleave/v1alpha1
kind: RenderJob
metadata: {{name: {job.name}}}
spec:
  project: p
  scene: {{file: "scenes:shot.blend"}}
  frames: 1-{job.n}
  chunk: {job.chunk}
  samples: 1
  resolution: 32x32
  retries: {RETRIES}
  heal: {job.heal}
  output: "frames:{job.name}/f_####.png"
{overrides}''')

    def push(self, message):
        for words in (('add', '-A'), ('commit', '-qm', message), ('push', '-q', 'origin', 'main')):
            self.command('git', '-C', self.specs, *words)

    def age_old_repository(self):
        """What the second controller reads; from here on it is behind whatever comes."""
        self.command('git', '-C', self.specs, 'push', '-q', self.work / 'old.git', 'main')

    # -- processes ----------------------------------------------------------------------------------------------

    def command(self, *argv):
        done = subprocess.run([str(a) for a in argv], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise Trouble(f'{" ".join(map(str, argv))}: exit {done.returncode}: {done.stdout[-2000:]}')
        return done.stdout

    def start(self, name, *argv):
        with open(self.work / f'{name}.log', 'ab') as log:
            self.processes[name] = subprocess.Popen([str(a) for a in argv], env=self.env, stdin=subprocess.DEVNULL,
                                                    stdout=log, stderr=log)

    def send(self, name, number):
        self.processes[name].send_signal(number)

    def end(self, name, number=signal.SIGKILL):
        process = self.processes.pop(name)
        process.send_signal(number)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Trouble(f'{name} does not end within 30 s of signal {number}') from None

    def end_all(self):
        for name in list(self.processes):
            process = self.processes.pop(name)
            process.kill()
            process.wait()

    def start_redis(self):
        self.start('redis', 'redis-server', '--port', self.redis_port, '--bind', '127.0.0.1', '--dir', self.work / 'redis',
                   '--appendonly', 'yes', '--save', '', '--maxmemory-policy', 'noeviction')
        self.wait('Redis answers', 20, self.redis_answers)

    def redis_answers(self):
        try:
            return self.redis('PING') == 'PONG'
        except Exception: # noqa: B902 - loading, refused, reset: not yet
            return False

    def start_worker(self, name):
        self.start(name, self.build / 'cleave-worker', '--redis', f'redis://127.0.0.1:{self.to_workers.port}/0', '--mount',
                   f'frames={self.frames}', '--mount', f'scenes={self.scenes}', '--name', name, '--lease', LEASE)

    def start_controller(self, host='h1'):
        repository = 'specs.git' if host == 'h1' else 'old.git'
        self.start(host, self.build / 'cleave', 'run', '--specs', self.work / repository, '--host', host, '--state',
                   self.work / f'state-{host}', '--libvirt', 'none', '--interval', '1s')

    def cleave(self, *words):
        """What the first host's controller answers: (exit code, output)."""
        done = subprocess.run([str(self.build / 'cleave'), *words, '--specs', str(self.work / 'specs.git'), '--host', 'h1',
                               '--state', str(self.work / 'state-h1'), '--libvirt', 'none'], env=self.env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=60, check=False)
        return done.returncode, done.stdout

    # -- what is said -------------------------------------------------------------------------------------------

    def condition(self, job):
        """('Ready', 'Complete', message) as `cleave get` tells it; empty while nobody answers."""
        code, out = self.cleave('get', '-o', 'json', 'job', job.id)
        if code:
            return ('', '', out)
        try:
            objects = json.loads(out)
            for c in objects[0]['status']['conditions']:
                if c.get('status', 'True') in ('True', True):
                    return (c['type'], c.get('reason', ''), c.get('message', ''))
        except (ValueError, KeyError, IndexError, TypeError):
            pass
        return ('', '', out)

    def is_at_rest(self, job):
        """Complete, and by a fresh look there is nothing left to do."""
        return self.condition(job)[:2] == ('Ready', 'Complete') and 'nothing to do' in self.cleave('plan')[1]

    @staticmethod
    def wait(what, seconds, is_true, pause=0.1):
        end = time.monotonic() + seconds
        while not is_true():
            if time.monotonic() > end:
                raise Trouble(f'not within {seconds:g} s: {what}')
            time.sleep(pause)


class Job:
    def __init__(self, name, n, chunk, slow, slow_samples, heal='always'):
        self.name, self.id, self.n, self.chunk = name, f'p/{name}', n, chunk
        self.slow, self.slow_samples, self.heal = slow, slow_samples, heal
        self.folder, self.changed = f'p+{name}', []

    def path(self, farm, frame):
        # below the disk: the mount may be away
        return farm.disk / 'frames' / self.name / f'f_{frame:04d}.png'

    def visible(self, farm):
        return [f for f in range(1, self.n + 1) if self.path(farm, f).exists()]
