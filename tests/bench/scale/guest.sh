#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guest.sh: in a guest whose clock counts instructions, a million mappings beside a map
# of nftables with as many elements: how long they take to install and to list, what
# memory they take, what ageing takes of the CPU, and how late packets come meanwhile
# (stall.py). One JSON object a line in $RIG_OUT/scale.jsonl. BIG=mappings,
# SMALL=mappings, CASES=regex of whole names.
set -u
here=$(cd "$(dirname "$0")" && pwd)
big=${BIG:-1000000} small=${SMALL:-10000} out=$RIG_OUT/scale.jsonl
bin=$RIG_TOP/build/bin
SPIN=4 # seconds

die() { echo "bench: $*" >&2; exit 1; }
say() { echo "$1" | tee -a "$out"; }
wanted() { [[ "|$1|" =~ \|(${CASES:-[^|]*})\| ]]; } # install is no stall

# The kernel's memory that is not pages of files, in KiB: what was to be freed has been.
memory() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	awk '$1 ~ /^(Slab|VmallocUsed|Percpu|KernelStack|PageTables):/ { n += $2 } END { print n }' /proc/meminfo
}

# taken CASE N KIB_BEFORE: bytes each.
taken() {
	local after
	after=$(memory)
	say "{\"case\":\"$1\",\"n\":$2,\"bytes_each\":$(awk "BEGIN { printf \"%.1f\", ($after - $3) * 1024 / $2 }")}"
}

# timed CASE N COMMAND...
timed() {
	local start end name=$1 n=$2
	shift 2
	start=$(date +%s%N)
	"$@" >/dev/null || die "failed: $*"
	end=$(date +%s%N)
	say "{\"case\":\"$name\",\"n\":$n,\"seconds\":$(awk "BEGIN { printf \"%.3f\", ($end - $start) / 1e9 }")}"
}

module() {
	insmod "$RIG_TOP/build/kmod-$RIG_KERNEL/roamnat.ko" || die "insmod"
}

# load CASE N ARG...: and the memory that it took.
load() {
	local before name=$1 n=$2
	shift 2
	before=$(memory)
	"$bin/mapload" -i in0 "$@" | sed "s/^{/{\"case\":\"$name\",/" | tee -a "$out"
	[ "${PIPESTATUS[0]}" = 0 ] || die "mapload"
	taken "$name-memory" "$n" "$before"
}

ageing() { # CASE
	local i
	for i in 1 2; do
		say "$("$bin/spin" $SPIN | sed "s/^{/{\"case\":\"$1\",\"seconds\":$SPIN,/")"
	done
}

# elements FIRST LAST: of a map of nftables.
elements() {
	python3 - "$1" "$2" <<-'END'
		import sys
		for i in range(int(sys.argv[1]), int(sys.argv[2])):
		    low = (i >> 8 & 255, i & 255)
		    print("10.%d.%d.%d : 100.%d.%d.%d," % (16 + (i >> 16), *low, 64 + (i >> 16), *low))
	END
}

TALKERS=1024
stall() { # CASE COMMAND...
	local row
	row=$(TRACE=${TRACE:+$RIG_OUT} "$here/stall.py" "stall-$1" "$(cat /sys/class/net/in0/address)" "${@:2}") ||
		die "stall.py: $1"
	say "$row"
}

stall_links() {
	modprobe -a sch_netem || die sch_netem
	echo 1 >/proc/sys/net/ipv4/ip_forward
	ip link add out0 type dummy && ip link set out0 up &&
		ip addr add 10.0.0.1/16 dev in0 && ip addr add 198.51.100.11/24 dev out0 &&
		ip neigh add 198.51.100.1 lladdr 02:00:00:00:00:03 dev out0 nud permanent &&
		ip route add 10.16.0.0/12 dev in0 && ip route add 192.0.2.0/24 via 198.51.100.1 || die out0
}

# Packets of 1024 VMs, which have their mappings, while others come, are read and go. A
# program that is read from the host takes time on this clock: each has run before.
stalls() {
	local load=("$bin/mapload" -i in0)
	module
	"${load[@]}" -n $TALKERS -d >/dev/null || die mapload
	stall none sleep 10
	stall busy "$bin/spin" 10
	stall install "${load[@]}" -o $TALKERS -n $((big - TALKERS))
	stall dump "${load[@]}" -n 0 -d
	# The agent comes back: those that it does not grant again wait for the flush.
	stall restart "${load[@]}" -I 2 -n $TALKERS
	# Their memory is freed afterwards.
	stall flush sh -c '"$@" && sleep 1' - "${load[@]}" -I 2 -n 0 -F
	rmmod roamnat
}

nft_stalls() {
	{
		echo "table ip bench { map out { type ipv4_addr : ipv4_addr; elements = {"
		elements 0 $TALKERS
		echo "}; }; chain post { type filter hook postrouting priority 300; ip saddr set ip saddr map @out; }; }"
	} >/tmp/nft
	nft -f /tmp/nft && nft list ruleset >/dev/null || die nft
	{ echo "add element ip bench out {"; elements $TALKERS "$big"; echo "}"; } >/tmp/nft
	stall nft-none sleep 10
	stall nft-install nft -f /tmp/nft
	stall nft-list nft list table ip bench
	stall nft-flush sh -c 'nft flush map ip bench out && sleep 1'
	nft delete table ip bench
}

modprobe -a dummy veth nf_tables nf_defrag_ipv4 nf_defrag_ipv6 || die modules
ip link add feed type veth peer name in0 && ip link set feed up && ip link set in0 up || die in0
: >"$out"
module
if wanted ageing; then ageing ageing-none; fi
if wanted ageing; then
	load small "$small" -n "$small"
	ageing ageing-small
	rmmod roamnat
	module
fi
if wanted 'install|dump|memory|ageing'; then
	load install "$big" -n "$big" -d
	wanted ageing && ageing ageing-big
	rmmod roamnat
	module
fi
if wanted busy; then
	# A hundred seconds: ten thousand end in each.
	load busy "$big" -n "$big" -s 100
	ageing ageing-ending
	rmmod roamnat
	module
fi
if wanted session; then
	n=$((big / 512))
	load blocks "$n" -k block -p 512 -n "$n"
	rmmod roamnat
	module
	load blocks-full "$n" -k block -p 512 -n "$n" -b
fi
rmmod roamnat
if wanted nft; then
	{
		echo "table ip bench { map out { type ipv4_addr : ipv4_addr; elements = {"
		elements 0 "$big"
		echo "}; }; }"
	} >/tmp/nft
	before=$(memory)
	timed nft-install "$big" nft -f /tmp/nft
	taken nft-memory "$big" "$before"
	timed nft-list "$big" nft list table ip bench
	nft delete table ip bench
fi
if wanted 'stall|stall-ours|stall-nft'; then stall_links; fi
if wanted 'stall|stall-ours'; then stalls; fi
if wanted 'stall|stall-nft'; then nft_stalls; fi
exit 0
