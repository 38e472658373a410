#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guest.sh: in a guest with two CPUs, how many packets a second each of them forwards
# alone and how many both do at once, through the same interfaces and tables (paths.sh).
# Writes one JSON object for each round of each path to $RIG_OUT/smp.jsonl. Where the clock
# is the host's, only what was measured within a second of one another is compared.
set -u
here=$(cd "$(dirname "$0")" && pwd)
count=${COUNT:-50000} big=${BIG:-100000} rounds=${ROUNDS:-9}
. "$here/../packet/paths.sh"

# rate CPU...: packets a second, of all of them together, from the first to the last. Uses
# dev and settings.
rate() {
	local cpu
	for cpu in 0 1; do echo rem_device_all >$pg/kpktgend_$cpu; done
	for cpu; do arm "$cpu" "$dev@$cpu" "$count" "${settings[@]}"; done
	echo start >$pg/pgctrl
	for cpu; do took "$dev@$cpu" >/dev/null; done
	for cpu; do sed -n 's/.*started: \([0-9]*\)us.*stopped: \([0-9]*\)us.*/\1 \2/p' "$pg/$dev@$cpu"; done |
		awk "NR == 1 || \$1 < from { from = \$1 } \$2 > to { to = \$2 }
			END { if (NR != $#) exit 1; printf \"%.0f\\n\", NR * $count * 1e6 / (to - from) }"
}

measure() { # PATH DEV TO MAPPINGS WARM SETTING...; only forward
	local path=$1 dev=$2 to=$3 mappings=$4 i before settings
	case $path in *_rev) return ;; esac
	settings=("${@:6}")
	generate "$dev" "$5" "${settings[@]}" >/dev/null
	for i in $(seq "$rounds"); do
		before=$(sent_by "$to")
		printf '{"path":"%s","mappings":%d,"cpu0":%s,"cpu1":%s,"both":%s}\n' "$path" "$mappings" \
			"$(rate 0)" "$(rate 1)" "$(rate 0 1)" | tee -a "$RIG_OUT/smp.jsonl"
		[ $(($(sent_by "$to") - before)) = $((4 * count)) ] || die "$path: packets did not come out of $to"
	done
}
path() { if wanted "$1"; then "${@:2}"; fi; }

[ "$(nproc)" -ge 2 ] || die "one CPU only"
links
fast=(-f in0 -f out0)
path plain both plain 0 2000 $SRC.0.0 "$SRC_LAST"
path nft_map nft_map 1024
path nft_snat nft_snat
path address_hook address hook "$big"
path session_hook session hook 8
path address_fast address fast "$big" "${fast[@]}"
path session_fast session fast 8 "${fast[@]}"
exit 0
