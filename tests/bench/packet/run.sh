#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh: boots a guest that counts instructions, runs guest.sh in it, and writes
# build/bench/packet.json and its table. KERNEL=6.12, PATHS=regex, COUNT=, BIG=.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
cd "$top"
version=$(tests/tools/guest-kernels.sh "${KERNEL:-6.12}")
export RIG_NAME=${RIG_NAME:-bench-packet} RIG_ICOUNT=shift=0,sleep=off RIG_MEM=${RIG_MEM:-2048}
export RIG_TIMEOUT=${RIG_TIMEOUT:-3600} RIG_ENV="PATHS COUNT BIG SIZE"
# The last one that changed the module; with a + if it is not as it is there.
commit=$(git log -1 --abbrev=7 --format=%h -- kmod include)$(git diff --quiet HEAD -- kmod include || echo +)
tests/qemu/boot.sh "$version" tests/bench/packet/guest.sh
mkdir -p build/bench
"$here/table.py" "$version" "$commit" "build/logs/$RIG_NAME/packet.jsonl" build/bench/packet.json
