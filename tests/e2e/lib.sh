# shellcheck shell=bash
# shellcheck disable=SC2120 # functions whose arguments all have defaults
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

# A QEMU of the embedded driver outlives its controller. Its number is in NAME.pid; driver.pid is libvirt's own.
kill_qemu() {
    local file
    for file in "$work"/libvirt/run/qemu/*.pid; do
        if [ -f "$file" ] && grep -qa "$work/libvirt" "/proc/$(cat "$file")/cmdline" 2>/dev/null; then
            kill -KILL "$(cat "$file")" 2>/dev/null || true
        fi
    done
}
finish() {
    local pid
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    # One that a test stopped hears it only then.
    for pid in "${pids[@]}"; do kill -CONT "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    kill_qemu
    if [ -n "${KEEP:-}" ]; then echo "# kept: $work"; else rm -rf "$work"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM
# end PID [SIGNAL]: one of ours, waited for; its number is forgotten, since another may get it.
# Returns its exit status.
end() {
    local pid left=() code=0
    kill "-${2:-TERM}" "$1" 2>/dev/null || true
    kill -CONT "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || code=$?
    for pid in "${pids[@]}"; do [ "$pid" = "$1" ] || left+=("$pid"); done
    pids=("${left[@]}")
    return $code
}

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
    local name=$1 out code=0
    shift
    out=$("$@" 2>&1) || code=$?
    if [ $code = 0 ]; then ok "$name"; else not_ok "$name" "failed with $code: $*" "${out:0:2000}"; fi
}
# exits CODE COMMAND...: it ends with this code.
exits() {
    local want=$1 code=0
    shift
    "$@" </dev/null || code=$?
    [ $code = "$want" ] || { echo "exit code $code, not $want"; return 1; }
}
not() { ! "$@"; }
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
stop_redis() { end "$redis_pid" KILL || true; }
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
# make_scene [NAME [KIND]]
make_scene() {
    blender -b --factory-startup --python-exit-code 3 --python "$here/queue_scene.py" -- \
        "$work/frames/${1:-a}.blend" "${2:-plain}" >"$work/scene.log" 2>&1
}
make_kernel() {
    gcc -m32 -nostdlib -static -Wl,--build-id=none -Wl,-Ttext=0x100000 -e start -o "$work/halt.elf" "$here/halt.S"
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

# -- specs --------------------------------------------------------------------------------------------
write_farm() {
    cat >"$work/specs/farm.yaml" <<Y
apiVersion: cleave/v1alpha1
kind: Farm
metadata: {name: e2e}
spec:
  redis: {url: "redis://127.0.0.1:$redis_port/0"}
  roots: {frames: {path: $work/frames}}
  lease: 5s
---
apiVersion: cleave/v1alpha1
kind: Host
metadata: {name: h1}
spec: {libvirt: "qemu:///embed?root=$work/libvirt"}
Y
}
# write_vm [MEMORY [STATE]]
write_vm() {
    cat >"$work/specs/vm.yaml" <<Y
apiVersion: cleave/v1alpha1
kind: VM
metadata: {name: tiny}
spec:
  host: h1
  accelerator: tcg
  memory: ${1:-64MiB}
  boot: {kernel: $work/halt.elf}
  shutdownTimeout: 2s
  networks: [{user: true}]
  state: ${2:-running}
Y
}
# write_job FRAMES PRIORITY [LINE...]; the rest is in variables, so that no key comes twice.
job_name=spin job_scene=a job_samples=2 job_heal=always
write_job() {
    local frames=$1 priority=$2
    shift 2
    cat >"$work/specs/job.yaml" <<Y
apiVersion: cleave/v1alpha1
kind: RenderJob
metadata: {name: $job_name}
spec:
  project: p
  scene: {file: "frames:$job_scene.blend"}
  frames: $frames
  chunk: 2
  samples: $job_samples
  resolution: 64x48
  priority: $priority
  heal: $job_heal
  output: "frames:$job_name/f_####.png"
$([ $# = 0 ] || printf '  %s\n' "$@")
Y
}

# -- programs -----------------------------------------------------------------------------------------
specs=(--specs "$work/specs.git")
cleave() { "$BUILD/cleave" "$@"; }
apply() { cleave apply -y "${specs[@]}"; }
# The first look is over when it answers: nobody may open libvirt's folder before it.
controller_answers() { [ -S "$CLEAVE_STATE/control.sock" ] && cleave get "${specs[@]}"; }
start_controller() {
    "$BUILD/cleave" run "${specs[@]}" --interval "${INTERVAL:-2s}" "$@" >>"$work/controller.log" 2>&1 &
    controller_pid=$!
    pids+=("$controller_pid")
    wait_for 30 controller_answers || not_ok "the controller answers" "$(cleave get "${specs[@]}" 2>&1)"
}
start_worker() {
    "$BUILD/cleave-worker" --redis "redis://127.0.0.1:$redis_port/0" --mount "frames=$work/frames" --name "${1:-w1}" \
        --lease 5s >>"$work/worker.log" 2>&1 &
    worker_pid=$!
    pids+=("$worker_pid")
}

# -- what is there ------------------------------------------------------------------------------------
is_ready() { cleave get "${specs[@]}" "$@" | grep -q "Ready"; }
# condition KIND NAME: "Ready Complete"
condition() { cleave get "${specs[@]}" | awk -v kind="${1/job/renderjob}" -v id="$2" 'tolower($1) == kind && $2 == id { print $3, $4 }'; }
is_condition() { [ "$(condition "$1" "$2")" = "$3" ]; }
# says PATTERN COMMAND...: its output has a line like that.
says() {
    local pattern=$1 out code=0
    shift
    out=$("$@" 2>&1) || code=$?
    grep -q -- "$pattern" <<<"$out" || { echo "ends with $code and says no \`$pattern\`: $out"; return 1; }
}
nothing_to_do() { says 'nothing to do' cleave plan "${specs[@]}"; }
job_done() { is_condition job "p/$job_name" "Ready Complete"; }
applied_and_done() { apply >/dev/null && job_done; }
# Frames rendered so far: frame lines of all manifests.
rendered() { cat "$work"/frames/.cleave/*/manifest/*.log 2>/dev/null | grep -c '"type":"frame"' || true; }
# expect_rendered NAME N: exactly N frame records more than before.
before=0
expect_rendered() {
    local now
    now=$(rendered)
    if [ $((now - before)) = "$2" ]; then ok "$1: rendered $2"; else
        not_ok "$1: rendered $((now - before)), not $2" "$(cleave get "${specs[@]}")"
    fi
    before=$now
}
# frame_file FRAME
frame_file() { printf '%s/frames/%s/f_%04d.png' "$work" "$job_name" "$1"; }
# pixels FRAME: a digest of the image data.
pixels() { "$here/pixels" "$(frame_file "$1")"; }
# frames_whole FRAMES [--again N]
frames_whole() { "$here/check_frames" "${@:2}" "$work/frames" "p+$job_name" "$job_name/f_####.png" "$1"; }
vm_pid() { cat "$work/libvirt/run/qemu/tiny.pid"; }
qemu_runs() { kill -0 "$(vm_pid)"; }
# has_memory MIB: QEMU was started with it.
has_memory() { tr '\0' ' ' <"/proc/$(vm_pid)/cmdline" | grep -q -- "-m [a-z=]*$(($1 * 1024))k\\|-m $1 \\|-m size=$1"; }
