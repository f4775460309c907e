#!/usr/bin/env python3
"""In journald's place: journal.py SOCKET. A line of JSON for each entry.

An entry is lines of NAME=VALUE; of a value with line breaks the name stands alone, then its size as eight bytes, the
lowest first, the value, and a line break (https://systemd.io/JOURNAL_NATIVE_PROTOCOL)."""
import json
import socket
import sys


def fields_of(data):
    fields = {}
    while data:
        line, _, rest = data.partition(b'\n')
        name, is_short, value = line.partition(b'=')
        if not is_short:
            size = int.from_bytes(rest[:8], 'little')
            value, rest = rest[8:8 + size], rest[8 + size + 1:]
        fields[name.decode()] = value.decode()
        data = rest
    return fields


server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(sys.argv[1])
while True:
    print(json.dumps(fields_of(server.recv(1 << 20))), flush=True)
