#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh: boots a guest that counts instructions, runs guest.sh in it, and writes
# build/bench/scale.json and its table. KERNEL=6.12, CASES=regex, BIG=, SMALL=.
# TRACE=1: what ran around the latest packet of each stall, beside scale.jsonl.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../.."
version=$(tests/tools/guest-kernels.sh "${KERNEL:-6.12}")
export RIG_NAME=${RIG_NAME:-bench-scale} RIG_ICOUNT=shift=0,sleep=off RIG_MEM=${RIG_MEM:-6144}
export RIG_TIMEOUT=${RIG_TIMEOUT:-3600} RIG_ENV="CASES BIG SMALL TRACE"
tests/qemu/boot.sh "$version" tests/bench/scale/guest.sh
mkdir -p build/bench
"$here/table.py" "$version" "build/logs/$RIG_NAME/scale.jsonl" build/bench/scale.json
