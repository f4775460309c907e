# shellcheck shell=bash
# What the end-to-end tests share: a private Redis, a bare repository, specs, a controller, workers.
# In: BUILD (folder with the programs). Everything lies in $work, and ends with the script.

work=$(mktemp -d "${TMPDIR:-/tmp}/cleave-e2e.XXXXXX")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
pids=()
n=0
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.org \
    GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.org
export CLEAVE_STATE=$work/state CLEAVE_HOST=h1
unset CLEAVE_SPECS CLEAVE_REDIS CLEAVE_LIBVIRT CLEAVE_ROOT CLEAVE_SYSFS

finish() {
    local pid
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    # A QEMU of the embedded driver outlives its controller.
    for pid in "$work"/libvirt/run/qemu/*.pid; do
        if [ -f "$pid" ]; then kill -KILL "$(cat "$pid")" 2>/dev/null || true; fi
    done
    if [ -n "${KEEP:-}" ]; then echo "# kept: $work"; else rm -rf "$work"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM

ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() {
    n=$((n + 1))
    echo "not ok $n - $1"
    shift
    printf '# %s\n' "$@"
    # The controller's and worker's last words, so that a failure in CI can be read.
    tail -n 15 "$work"/controller.log "$work"/worker*.log 2>/dev/null | sed 's/^/# /' || true
}
skip() { n=$((n + 1)); echo "ok $n # SKIP $1: $2"; }
# check NAME COMMAND...: one test.
check() {
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "failed: $*" "${out:0:2000}"; fi
}
# wait_for SECONDS COMMAND...: polls; 1 when it does not come true.
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.2
    done
}

start_redis() {
    mkdir -p "$work/redis"
    for _ in 1 2 3 4 5; do
        redis_port=$((20000 + RANDOM % 20000))
        redis-server --port $redis_port --bind 127.0.0.1 --dir "$work/redis" --appendonly yes --save '' \
            --maxmemory-policy noeviction >"$work/redis.log" 2>&1 &
        redis_pid=$!
        if wait_for 5 redis-cli -p $redis_port ping; then
            pids+=("$redis_pid")
            return
        fi
        kill $redis_pid 2>/dev/null || true
    done
    echo "Bail out! redis-server does not start"
    exit 1
}
stop_redis() { kill -KILL "$redis_pid"; wait "$redis_pid" 2>/dev/null || true; }
start_redis_again() {
    redis-server --port "$redis_port" --bind 127.0.0.1 --dir "$work/redis" --appendonly yes --save '' \
        >>"$work/redis.log" 2>&1 &
    redis_pid=$!
    pids+=("$redis_pid")
    wait_for 5 redis-cli -p "$redis_port" ping
}
rc() { redis-cli -p "$redis_port" "$@"; }

make_root() {
    mkdir -p "$work/frames"
    echo frames >"$work/frames/.cleave-root"
}
make_scene() {
    blender -b --factory-startup --python-exit-code 3 --python "$here/queue_scene.py" -- "$work/frames/a.blend" \
        >"$work/scene.log" 2>&1
}
make_repository() {
    git init -q --bare -b main "$work/specs.git"
    git clone -q "$work/specs.git" "$work/specs" 2>/dev/null
    git -C "$work/specs" checkout -q -b main 2>/dev/null || true
}
# push MESSAGE: all of the work tree.
push() {
    git -C "$work/specs" add -A
    git -C "$work/specs" commit -qm "$1"
    git -C "$work/specs" push -q origin main
}
cleave() { "$BUILD/cleave" "$@"; }
start_controller() {
    "$BUILD/cleave" run --specs "$work/specs.git" --interval "${INTERVAL:-2s}" "$@" >>"$work/controller.log" 2>&1 &
    controller_pid=$!
    pids+=("$controller_pid")
}
start_worker() {
    "$BUILD/cleave-worker" --redis "redis://127.0.0.1:$redis_port/0" --mount "frames=$work/frames" --name "${1:-w1}" \
        --lease 5s >>"$work/worker.log" 2>&1 &
    worker_pid=$!
    pids+=("$worker_pid")
}
is_ready() { cleave get --specs "$work/specs.git" "$@" | grep -q "Ready"; }
condition() { cleave get --specs "$work/specs.git" "$1" "$2" | awk 'NR > 1 { print $3, $4 }'; }
is_condition() { [ "$(condition "$1" "$2")" = "$3" ]; }
# Frames rendered so far: frame lines of all manifests.
rendered() { cat "$work"/frames/.cleave/*/manifest/*.log 2>/dev/null | grep -c '"type":"frame"' || true; }
