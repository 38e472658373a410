#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guest.sh: in a guest whose clock counts instructions (one for each nanosecond), what
# a packet costs on its way through this machine, ours and the peers'
# (paths.sh). Writes one JSON object for each path to $RIG_OUT/packet.jsonl. PATHS=regex
# chooses, COUNT=packets, BIG=mappings.
set -u
here=$(cd "$(dirname "$0")" && pwd)
count=${COUNT:-20000} big=${BIG:-1000000}
rows=/run/packet.jsonl told=0
. "$here/paths.sh"

# For profile.py, which traces each instruction between "ready" and "traced".
profile() {
	cp /proc/kallsyms "$RIG_OUT/kallsyms"
	: >"$RIG_OUT/ready"
	until [ -e "$RIG_OUT/go" ]; do :; done
	generate "$1" 16 "${@:2}" >/dev/null
	: >"$RIG_OUT/traced"
	exit 0
}

# measure PATH DEV TO MAPPINGS WARM SETTING...: after WARM packets, the cost of one;
# all have to come out of TO, unless that is "-".
measure() {
	local path=$1 dev=$2 to=$3 mappings=$4 warm=$5 ns before=0 after
	shift 5
	generate "$dev" "$warm" "$@" >/dev/null
	[ "${PROFILE:-}" != "$path" ] || profile "$dev" "$@"
	[ "$to" = - ] || before=$(sent_by "$to")
	ns=$(generate "$dev" "$count" "$@") || exit 1
	if [ "$to" != - ]; then
		after=$(sent_by "$to")
		[ $((after - before)) = "$count" ] ||
			die "$path: $((after - before)) of $count packets came out of $to"
	fi
	printf '{"path":"%s","mappings":%d,"all":%s}\n' "$path" "$mappings" "$ns" >>"$rows"
}

# path NAME COMMAND...: if it is wanted. What it measured is told afterwards: while the
# guest waits for the host, its clock runs ahead, by minutes if that one is busy, and
# flows and bindings would end.
path() {
	wanted "$1" || return 0
	"${@:2}"
	tail -n +$((told + 1)) "$rows" | tee -a "$RIG_OUT/packet.jsonl"
	told=$(wc -l <"$rows")
}

fast=(-f in0 -f out0)
links
: >"$rows"
path generator generator
path plain plain
path tc_nat tc_nat
path nft_map nft_map 1024
path nft_snat nft_snat
path address_hook address hook 1024
path address_hook address hook "$big"
path address_hook_v6 address6 hook 1024
path address_hook_v6 address6 hook "$big"
path session_hook session hook 8
path address_fast address fast 1024 "${fast[@]}"
path address_fast address fast "$big" "${fast[@]}"
path address_fast_v6 address6 fast 1024 "${fast[@]}"
path address_fast_v6 address6 fast "$big" "${fast[@]}"
path session_fast session fast 8 "${fast[@]}"
exit 0
