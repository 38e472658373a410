#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guest.sh: in a guest whose clock counts instructions, a million mappings beside a map
# of nftables with as many elements: how long they take to install and to list, what
# memory they take, and what ageing takes of the CPU. One JSON object a line in
# $RIG_OUT/scale.jsonl. BIG=mappings, SMALL=mappings, CASES=regex.
set -u
big=${BIG:-1000000} small=${SMALL:-10000} out=$RIG_OUT/scale.jsonl
bin=$RIG_TOP/build/bin
SPIN=4 # seconds

die() { echo "bench: $*" >&2; exit 1; }
say() { echo "$1" | tee -a "$out"; }
wanted() { [[ $1 =~ ${CASES:-.} ]]; }

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

modprobe -a dummy nf_tables nf_defrag_ipv4 nf_defrag_ipv6 || die modules
ip link add in0 type dummy && ip link set in0 up || die in0
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
	python3 - "$big" >/tmp/nft <<-'END'
		import sys
		print("table ip bench {\nmap out { type ipv4_addr : ipv4_addr; elements = {")
		for i in range(int(sys.argv[1])):
		    print("10.%d.%d.%d : 100.%d.%d.%d," % (16 + (i >> 16), i >> 8 & 255, i & 255, 64 + (i >> 16), i >> 8 & 255, i & 255))
		print("}\n}\n}")
	END
	before=$(memory)
	timed nft-install "$big" nft -f /tmp/nft
	taken nft-memory "$big" "$before"
	timed nft-list "$big" nft list table ip bench
fi
exit 0
