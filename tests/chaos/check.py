"""What must hold when a round is over, looked at without cleave's own code.

In: the farm and a job. Out: a list of sentences, one a violation, and figures. PNG chunks are checked with zlib's CRC32,
manifest lines are parsed here, the queue is asked in Redis itself.
"""
import collections
import hashlib
import json
import pathlib
import struct
import time
import zlib

GRACE_S = 60          # how long cleave leaves an attempt's folder alone (controller/observe/observe_store.c)
LATE_S = 45           # what a look, and a busy machine, may take beyond that


def png_problem(data, width, height):
    """None for a whole PNG of this size, 8 or 16 bits a sample, not interlaced."""
    if data[:8] != b'\x89PNG\r\n\x1a\n':
        return 'no PNG'
    at, image, header, kind = 8, b'', None, None
    while at < len(data):
        if len(data) - at < 12:
            return 'ends within a chunk'
        size, kind = struct.unpack('>I4s', data[at:at + 8])
        body, crc = data[at + 8:at + 8 + size], data[at + 8 + size:at + 12 + size]
        if len(body) != size or len(crc) != 4 or zlib.crc32(kind + body) != struct.unpack('>I', crc)[0]:
            return f'chunk {kind!r} at {at} is damaged'
        if kind == b'IHDR':
            header = struct.unpack('>IIBBBBB', body)
        if kind == b'IDAT':
            image += body
        at += 12 + size
    if kind != b'IEND' or not header or header[:2] != (width, height):
        return f'header {header}, last chunk {kind!r}'
    row = 1 + width * {0: 1, 2: 3, 4: 2, 6: 4}[header[3]] * header[2] // 8
    try:
        n = len(zlib.decompress(image))
    except zlib.error as why:
        return f'its pixels do not unpack: {why}'
    return None if n == row * height else f'{n} bytes of pixels, not {row * height}'


class Manifest:
    """All segments of a job: accepted frame records by (frame, key), and counts."""

    def __init__(self, root, folder):
        self.problems, self.torn, records, void = [], 0, [], set()
        for segment in sorted((pathlib.Path(root) / '.cleave' / folder / 'manifest').glob('*.log')):
            lines = segment.read_bytes().splitlines(keepends=True)
            for i, line in enumerate(lines):
                record = self._parse(line)
                if record is None and i == len(lines) - 1 and not line.endswith(b'\n'):
                    self.torn += 1      # its writer died; the next one cuts it off
                elif record is None:
                    self.problems.append(f'{segment.name}:{i + 1}: damaged line {line[:60]!r}')
                elif record['type'] == 'frame':
                    records.append(record)
                elif record['type'] == 'superseded':
                    void.add((record['frame'], record['token']))
        self.rendered = len(records)
        self.superseded = sum((r['frame'], r['token']) in void for r in records)
        self.accepted = collections.defaultdict(list)
        for r in records:
            if (r['frame'], r['token']) not in void:
                self.accepted[(r['frame'], r['key'])].append(r)

    @staticmethod
    def _parse(line):
        crc, _, body = line.partition(b' ')
        try:
            if line.endswith(b'\n') and int(crc, 16) == zlib.crc32(body[:-1]):
                return json.loads(body)
        except ValueError:
            pass
        return None

    def again(self):
        """Accepted renders of a (frame, key) beyond the first."""
        return {frame: len(all_) - 1 for (frame, _), all_ in self.accepted.items() if len(all_) > 1}

    def tokens(self):
        return [(r['token'], r['frame']) for all_ in self.accepted.values() for r in all_]


def check_frames(farm, job, manifest):
    """Every wanted frame is there, whole, and what one accepted record says; and nothing else is there."""
    problems = list(manifest.problems)
    for frame in range(1, job.n + 1):
        path = job.path(farm, frame)
        if not path.is_file():
            problems.append(f'frame {frame} is lost: {path} is not there')
            continue
        data = path.read_bytes()
        if why := png_problem(data, 32, 32):
            problems.append(f'frame {frame} is no whole PNG: {why}')
        keys = [key for (f, key) in manifest.accepted if f == frame]
        digest = hashlib.sha256(data).hexdigest()
        newest = max(keys, key=lambda k, f=frame: max(r['time'] for r in manifest.accepted[(f, k)]), default='')
        if len(keys) != 1 + (frame in job.changed):
            problems.append(f'frame {frame} has records of {len(keys)} keys')
        elif digest not in [r['sha256'] for r in manifest.accepted[(frame, newest)]]:
            problems.append(f'frame {frame} is not what an accepted record says')
    expected = {job.path(farm, f).name for f in range(1, job.n + 1)}
    for path in (farm.disk / 'frames' / job.name).iterdir():
        if path.name not in expected:
            problems.append(f'a foreign file among the frames: {path.name}')
    return problems


def check_queue(farm, job):
    """The queue has nothing of the job, and nobody holds a lease."""
    problems = []
    for kind in ('todo', 'running', 'again', 'failed'):
        key = f'cleave:{kind}:{job.id}'
        if farm.redis('EXISTS', key):
            problems.append(f'Redis still has {key}')
    if n := farm.redis('ZCARD', 'cleave:leases'):
        problems.append(f'{n} leases are left: {farm.redis("ZRANGE", "cleave:leases", 0, -1)}')
    return problems


def processes():
    """pid → (name, state, parent) of all in this namespace."""
    found = {}
    for stat in pathlib.Path('/proc').glob('[0-9]*/stat'):
        try:
            text = stat.read_text()
        except OSError:
            continue
        name, rest = text[text.index('(') + 1:text.rindex(')')], text[text.rindex(')') + 2:].split()
        found[int(stat.parent.name)] = (name, rest[0], int(rest[1]))
    return found


def children(root, found):
    return [pid for pid, (_, _, parent) in found.items() if parent == root]


def descendants(root, found):
    own = children(root, found)
    return own + [pid for child in own for pid in descendants(child, found)]


def check_processes(farm):
    """What was started runs, and no Blender runs without its worker."""
    problems, found = [], processes()
    for name, process in farm.processes.items():
        if (code := process.poll()) is not None:
            problems.append(f'{name} ended by itself with {code}')
        elif found.get(process.pid, ('', '', 0))[1] == 'T':
            problems.append(f'{name} is stopped')
    kept = [pid for p in farm.processes.values() for pid in [p.pid, *descendants(p.pid, found)]]
    for pid, (name, state, _) in found.items():
        if pid not in kept and state != 'Z' and name in ('blender', 'bwrap', 'cleave-worker', 'cleave', 'redis-server'):
            problems.append(f'process {pid} ({name}) is left behind')
    return problems


def staged(farm):
    """path → when it was changed last, of all that lies in staging folders of any job."""
    found = {}
    for path in (farm.disk / 'frames/.cleave').glob('*/staging/**/*'):
        try:
            found[path] = path.stat().st_mtime
        except OSError:
            pass
    return found


class Staging:
    """Files may lie in staging only for a while: from when they were first seen at rest."""

    def __init__(self):
        self.since = {}

    def check(self, farm):
        now, there = time.time(), staged(farm)
        self.since = {path: self.since.get(path, now) for path in there}
        return [f'in staging for {now - since:.0f} s: {path.relative_to(farm.disk)}' for path, since in self.since.items()
                if now - max(since, there[path]) > GRACE_S + LATE_S]
