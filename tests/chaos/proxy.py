"""A TCP proxy on loopback that stands between cleave and Redis, to part them.

While it is parted nothing is forwarded, as on a network that lost its route: connections stay open, new ones are
accepted and hear nothing. Afterwards what was held back either arrives late or the connections are cut.
"""
import socket
import threading


class Proxy:
    def __init__(self, target_port):
        self.target_port = target_port
        self.open = threading.Event()
        self.open.set()
        self.pairs, self.lock = set(), threading.Lock()
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def part(self):
        self.open.clear()

    def join(self, cut):
        """Together again: late words arrive, or (cut) all connections end."""
        if cut:
            with self.lock:
                pairs = list(self.pairs)
            for pair in pairs:
                self._end(pair)
        self.open.set()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        self.open.wait()
        try:
            server = socket.create_connection(('127.0.0.1', self.target_port), 5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        pair = (client, server)
        for s in pair:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.pairs.add(pair)
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(pair, source, sink), daemon=True).start()

    def _pump(self, pair, source, sink):
        try:
            while data := source.recv(65536):
                self.open.wait()
                sink.sendall(data)
        except OSError:
            pass
        self._end(pair)

    def _end(self, pair):
        with self.lock:
            if pair not in self.pairs:
                return
            self.pairs.discard(pair)
        for s in pair:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
