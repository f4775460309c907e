"""Redis's protocol, as much of it as the checks need: one connection, commands in, Python values out.

The harness speaks to Redis itself, and not through cleave, so that what it finds there is not what cleave believes.
"""
import socket


class RedisError(Exception):
    """Redis answered with an error."""


class Redis:
    """Connects at the first command and again after Redis was away; raises OSError while it is."""

    def __init__(self, port, timeout=5):
        self.port, self.timeout = port, timeout
        self.sock = self.file = None

    def close(self):
        if self.sock:
            self.file.close()
            self.sock.close()
        self.sock = self.file = None

    def __call__(self, *words):
        if not self.sock:
            self.sock = socket.create_connection(('127.0.0.1', self.port), self.timeout)
            self.file = self.sock.makefile('rb')
        data = b'*%d\r\n' % len(words)
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            data += b'$%d\r\n%s\r\n' % (len(word), word)
        try:
            self.sock.sendall(data)
            return self._read()
        except OSError:
            self.close()
            raise

    def function(self, name, *arguments):
        """One of cleave's functions (controller/queue/lua)."""
        return self('FCALL', 'cleave_' + name, 0, *arguments)

    def _line(self):
        line = self.file.readline()
        if not line.endswith(b'\r\n'):
            raise ConnectionError('Redis closed the connection')
        return line[:-2]

    def _read(self):
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b'+':
            return rest.decode()
        if kind == b'-':
            raise RedisError(rest.decode())
        if kind == b':':
            return int(rest)
        if kind == b'$':
            n = int(rest)
            data = self.file.read(n + 2)[:-2] if n >= 0 else None
            return data.decode('utf-8', 'replace') if data is not None else None
        if kind == b'*':
            return [self._read() for _ in range(int(rest))] if int(rest) >= 0 else None
        raise RedisError(f'unknown reply {line!r}')
