#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh: what a second CPU adds. Boots a guest of two CPUs that take turns and whose clock
# counts what both execute: a lock that one of them waits for shows, whatever the host
# does, and a cache line that goes to and fro does not. Then one whose CPUs are two threads
# of the emulator, by the host's clock, which should have two CPUs to spare. Writes
# build/bench/smp.json and its table. KERNEL=6.12, PATHS=regex, COUNT=, BIG=, ROUNDS=.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
cd "$top"
version=$(tests/tools/guest-kernels.sh "${KERNEL:-6.12}")
name=${RIG_NAME:-bench-smp}
export RIG_SMP=2 RIG_MEM=${RIG_MEM:-2048}
export RIG_TIMEOUT=${RIG_TIMEOUT:-1800} RIG_ENV="PATHS COUNT BIG ROUNDS"
mkdir -p build/bench
RIG_NAME=$name-turns RIG_ICOUNT=shift=0,sleep=off ROUNDS=3 tests/qemu/boot.sh "$version" tests/bench/smp/guest.sh
load=$(cut -d' ' -f1 /proc/loadavg)
RIG_NAME=$name tests/qemu/boot.sh "$version" tests/bench/smp/guest.sh
"$here/table.py" "$version" "$load" "build/logs/$name-turns/smp.jsonl" "build/logs/$name/smp.jsonl" build/bench/smp.json
