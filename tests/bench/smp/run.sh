#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh: what a second CPU adds. Boots a guest of two CPUs, each a thread of the
# emulator, runs guest.sh in it, and writes build/bench/smp.json and its table. The host
# should have two CPUs to spare. KERNEL=6.12, PATHS=regex, COUNT=, BIG=, ROUNDS=.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
cd "$top"
version=$(tests/tools/guest-kernels.sh "${KERNEL:-6.12}")
export RIG_NAME=${RIG_NAME:-bench-smp} RIG_SMP=2 RIG_MEM=${RIG_MEM:-2048}
export RIG_TIMEOUT=${RIG_TIMEOUT:-1800} RIG_ENV="PATHS COUNT BIG ROUNDS"
load=$(cut -d' ' -f1 /proc/loadavg)
tests/qemu/boot.sh "$version" tests/bench/smp/guest.sh
mkdir -p build/bench
"$here/table.py" "$version" "$load" "build/logs/$RIG_NAME/smp.jsonl" build/bench/smp.json
