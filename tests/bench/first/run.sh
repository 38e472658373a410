#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh: boots a guest that counts instructions, one a nanosecond, with one CPU; runs
# guest.sh in it, and writes build/bench/first_packet.json and its table. KERNEL=6.12,
# VMS=, PAUSE=, DELAYS=.
set -euo pipefail
cd "$(dirname "$0")/../../.."
version=$(tests/tools/guest-kernels.sh "${KERNEL:-6.12}")
export RIG_NAME=${RIG_NAME:-bench-first} RIG_ICOUNT=shift=0,sleep=off RIG_TIMEOUT=${RIG_TIMEOUT:-3600}
export RIG_ENV="VMS PAUSE DELAYS REPORT_FROM"
tests/qemu/boot.sh "$version" tests/bench/first/guest.sh
mkdir -p build/bench
jq -s . "build/logs/$RIG_NAME/first.json" >build/bench/first_packet.json
printf '%-38s %9s %9s %9s %9s  %s\n' "us from in to out" median p99 worst second lost
jq -r '.[] | [.case, .first_median_us, .first_p99_us, .first_worst_us, .second_median_us, .first_lost] | @tsv' \
	build/bench/first_packet.json |
	awk -F'\t' '{ printf "%-38s %9.1f %9.1f %9.1f %9.1f  %s\n", $1, $2, $3, $4, $5, $6 }'
jq -r '.[] | select(.controller_median_us) | "\(.case): \(.controller_median_us) us of the median at the controller, " +
	"\(.network_median_us) on the network, \(.gateway_median_us) at the gateway; " +
	"CPU for each, agent \(.agent_cpu_us) us, controller \(.controller_cpu_us) us"' build/bench/first_packet.json
