#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh: what a packet takes by the host's clock. Starts a User-mode Linux, which has one
# CPU and as much of the host's as that leaves it, runs guest.sh in it, and writes
# build/bench/wall.json and its table. PATHS=regex, COUNT=, BIG=, ROUNDS=.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../.."
dir=$(tests/debug/build.sh uml-plain)
version=$(cat "$dir/version")
export RIG_ACCEL=uml RIG_VMLINUX=$dir/vmlinux RIG_NAME=${RIG_NAME:-bench-wall} RIG_MEM=${RIG_MEM:-4096}
export RIG_TIMEOUT=${RIG_TIMEOUT:-3600} RIG_ENV="PATHS COUNT BIG ROUNDS"
before=$(cut -d' ' -f2 /proc/loadavg)
tests/qemu/boot.sh "$version" tests/bench/wall/guest.sh
mkdir -p build/bench
"$here/table.py" "$version" "$before" "$(cut -d' ' -f2 /proc/loadavg)" \
	"build/logs/$RIG_NAME/wall.jsonl" build/bench/wall.json
