#!/usr/bin/env python3
"""A render worker as people write it: BRPOP a task, run Blender on it, set a status. It knows nothing of cleave.

plain_worker.py PORT LIST [MODE]; MODE honest (the default), or what goes wrong with such workers:
nofile (done, without rendering), empty (done, with 0-byte files), fail (an error), slow (renders, then waits 8 s
before it says done), twice (says done, renders the same task again, says done again)."""
import json
import os
import subprocess
import sys
import time

port, list_name = sys.argv[1], sys.argv[2]
mode = sys.argv[3] if len(sys.argv) > 3 else "honest"


def redis(*args):
    out = subprocess.run(["redis-cli", "-p", port, "--no-auth-warning", *os.environ.get("REDIS_ARGS", "").split(), *args],
                         capture_output=True, text=True)
    return out.stdout.rstrip("\n")


def status(task, text):
    redis("HSET", f"job:{task['id']}", "status", text)


def render(task):
    samples = f"import bpy; bpy.context.scene.cycles.samples = {task['samples']}"
    run = subprocess.run(["blender", "-b", task["blend"], "-E", "CYCLES", "--python-expr", samples, *task["extra"],
                          "-o", task["output"], "-f", task["frames"]], capture_output=True, text=True)
    return run.returncode


def work(task):
    status(task, "running")
    if mode == "fail":
        status(task, "error:out of paint")
        return
    if mode == "empty":
        for frame in task["frames"].split(","):
            open(task["output"].replace("#####", f"{int(frame):05d}") + ".png", "wb").close()
    elif mode != "nofile":
        code = render(task)
        if code:
            status(task, f"error:Blender ended with {code}")
            return
    if mode == "slow":
        time.sleep(8)
    status(task, "done")
    if mode == "twice":
        render(task)
        status(task, "done")


while True:
    popped = redis("BRPOP", list_name, "5")
    if not popped:
        if os.getppid() == 1:
            break
        continue
    try:
        task = json.loads(popped.split("\n", 1)[1])
    except (ValueError, IndexError):
        time.sleep(1)
        continue
    print(task["id"], task["frames"], flush=True)
    work(task)
