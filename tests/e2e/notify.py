#!/usr/bin/env python3
"""systemd's end of NOTIFY_SOCKET: notify.py SOCKET writes each line that comes, behind the time in seconds."""
import os
import socket
import sys
import time

path = sys.argv[1]
if os.path.exists(path):
    os.unlink(path)
end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
end.bind(path)
while True:
    for line in end.recv(65536).decode().splitlines():
        print(f'{time.time():.3f} {line}', flush=True)
