#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guest.sh: in a User-mode Linux, whose clock is the host's, what a packet takes on its
# way through this machine (paths.sh), with as many talkers at random as there are
# mappings. Beside it, in a network namespace of its own, the same packets are forwarded
# by nobody who translates: plain, path, plain, path... Writes one JSON object for each
# round to $RIG_OUT/wall.jsonl. PATHS=regex, COUNT=packets, BIG=mappings, ROUNDS=.
set -u
here=$(cd "$(dirname "$0")" && pwd)
count=${COUNT:-100000} big=${BIG:-1000000} rounds=${ROUNDS:-25}
. "$here/../packet/paths.sh"

beside() { ip netns exec plain "$here/guest.sh" "$@"; }

# took_ns DEV TO SETTING...: of one packet; all have to come out of TO, unless that is "-".
took_ns() {
	local to=$2 ns before=0
	[ "$to" = - ] || before=$(sent_by "$to")
	ns=$(generate "$1" "$count" "${@:3}") || exit 1
	[ "$to" = - ] || [ $(($(sent_by "$to") - before)) = "$count" ] ||
		die "$(($(sent_by "$to") - before)) of $count packets came out of $to"
	echo "$ns"
}

measure() { # PATH DEV TO MAPPINGS WARM SETTING...; only IPv4
	local path=$1 dev=$2 to=$3 mappings=$4 i warm plain ns
	case $path in *_v6*) return ;; esac
	# Most of the talkers, or of their sessions, once.
	warm=$((2 * (mappings > TALKERS ? mappings : TALKERS)))
	generate "$dev" "$warm" "${@:6}" >/dev/null
	for i in $(seq "$rounds"); do
		plain=$(beside took_ns "$dev" "${to/-/$(other "$dev")}" "${@:6}") || die "$path: plain, round $i"
		ns=$(took_ns "$dev" "$to" "${@:6}") || die "$path: round $i"
		printf '{"path":"%s","mappings":%d,"talkers":%d,"plain_ns":%s,"ns":%s}\n' "$path" "$mappings" \
			"$TALKERS" "$plain" "$ns" | tee -a "$RIG_OUT/wall.jsonl"
	done
}
other() { if [ "$1" = in0 ]; then echo out0; else echo in0; fi; }

# path TALKERS NAME COMMAND...
path() {
	wanted "$2" || return 0
	talkers "$1"
	"${@:3}"
}

if [ $# -gt 0 ]; then
	"$@"
	exit
fi
links
must ip netns add plain
beside links
# What is sent to public addresses goes inside there, too.
must ip -n plain route add $PUB.0.0/12 via 10.0.0.2

fast=(-f in0 -f out0)
path 1024 generator generator
path 1024 plain plain
path "$big" plain plain
path 1024 nft_map nft_map 1024
path 1024 address_hook address hook 1024
path "$big" address_hook address hook "$big"
path 1024 address_fast address fast 1024 "${fast[@]}"
path "$big" address_fast address fast "$big" "${fast[@]}"
path 1024 session_hook session hook 8
path 1024 session_hook session hook 512 -b
path 1024 session_fast session fast 8 "${fast[@]}"
path 1024 session_fast session fast 512 -b "${fast[@]}"
# The last one: its map goes away while others would be measured.
path "$big" nft_map nft_map "$big"
exit 0
