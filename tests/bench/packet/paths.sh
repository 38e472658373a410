# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# paths.sh: the ways that a packet can take through this machine, ours and the peers',
# each set up, measured and taken down again. Whoever sources it has
#   measure PATH DEV TO MAPPINGS WARM SETTING...
#
#   pktgen ──► in0 (10.0.0.1/8)  ──►  forwarded  ──► out0 ──► dropped by a dummy
#   sources 10.16.0.0 + 1024              to 192.0.2.1 behind 198.51.100.1
# and, for the other direction, out0 ──► in0.
pg=/proc/net/pktgen
SRC=10.16 PUB=100.64 DST=192.0.2.1
SRC6=fd00:16: PUB6=2001:db8:64: DST6=2001:db8:2::1

die() { echo "bench: $*" >&2; exit 1; }
must() { "$@" || die "failed: $*"; }
wanted() { [[ $1 =~ ${PATHS:-.} ]]; }

links() {
	local d
	# A User-mode Linux has them in it.
	[ "${RIG_ACCEL:-}" = uml ] ||
		modprobe -a dummy pktgen nf_tables nft_nat nft_chain_nat nft_flow_offload nf_flow_table_inet \
			sch_ingress cls_matchall act_nat act_gact nf_defrag_ipv4 nf_defrag_ipv6 || die "modules"
	for d in in0 out0; do
		must ip link add $d type dummy
		must ip link set $d up
		echo 0 >/proc/sys/net/ipv4/conf/$d/rp_filter
		echo 0 >/proc/sys/net/ipv6/conf/$d/accept_dad
	done
	echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
	echo 1 >/proc/sys/net/ipv4/ip_forward
	echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
	must ip addr add 10.0.0.1/16 dev in0
	must ip addr add 198.51.100.11/24 dev out0
	must ip -6 addr add fd00::1/64 dev in0 nodad
	must ip -6 addr add 2001:db8:1::11/64 dev out0 nodad
	must ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev in0 nud permanent
	must ip neigh add 198.51.100.1 lladdr 02:00:00:00:00:03 dev out0 nud permanent
	must ip neigh add fd00::2 lladdr 02:00:00:00:00:02 dev in0 nud permanent
	must ip neigh add 2001:db8:1::1 lladdr 02:00:00:00:00:03 dev out0 nud permanent
	must ip route add $SRC.0.0/12 via 10.0.0.2
	must ip route add 192.0.2.0/24 via 198.51.100.1
	must ip -6 route add ${SRC6}:/64 via fd00::2 dev in0
	must ip -6 route add 2001:db8:2::/64 via 2001:db8:1::1 dev out0
}

mac() { cat "/sys/class/net/$1/address"; }
sent_by() { cat "/sys/class/net/$1/statistics/tx_packets"; }

# arm CPU NAME PACKETS SETTING...: a generator on that CPU; NAME is DEV, or DEV@CPU if
# there are several.
arm() {
	local cpu=$1 name=$2 n=$3 s
	shift 3
	echo rem_device_all >"$pg/kpktgend_$cpu"
	echo "add_device $name" >"$pg/kpktgend_$cpu"
	for s in "count $n" "clone_skb 0" "pkt_size ${SIZE:-60}" "delay 0" "dst_mac $(mac "${name%@*}")" \
		"udp_src_min 5000" "udp_src_max 5000" "udp_dst_min 9" "udp_dst_max 9" \
		"xmit_mode netif_receive" "$@"; do
		echo "$s" >"$pg/$name" || die "pktgen: $s"
	done
}
# took NAME: its last run, in us.
took() {
	local usec
	# On a busy host "start" returns before the generator has begun.
	for _ in $(seq 600); do
		grep -qE '^Result: (Starting|Idle)' "$pg/$1" || break
		sleep 0.1
	done
	usec=$(sed -n 's/^Result: OK: \([0-9]*\)(.*/\1/p' "$pg/$1")
	[ -n "$usec" ] || die "pktgen: $(tail -n 1 "$pg/$1")"
	echo "$usec"
}
# generate DEV PACKETS SETTING...: through the stack of DEV; ns per packet on stdout.
generate() {
	local usec
	arm 0 "$@"
	echo start >$pg/pgctrl
	usec=$(took "$1") || exit 1
	awk "BEGIN { printf \"%.1f\n\", $usec * 1000 / $2 }"
}

# nth NET N: the last of N addresses from NET.0.0 on.
nth() { echo "${1%.*}.$((${1#*.} + (($2 - 1) >> 16))).$((($2 - 1) >> 8 & 255)).$((($2 - 1) & 255))"; }
# talkers N: that many VMs send and are sent to, at random.
talkers() {
	# shellcheck disable=SC2034 # for who sources this
	TALKERS=$1
	SRC_LAST=$(nth $SRC "$1") PUB_LAST=$(nth $PUB "$1")
	forward=("src_min $SRC.0.0" "src_max $SRC_LAST" "flag IPSRC_RND" "dst_min $DST" "dst_max $DST")
}
talkers 1024
# back FIRST LAST
back() { settings=("src_min $DST" "src_max $DST" "flag IPDST_RND" "dst_min $1" "dst_max $2" "${@:3}"); }
forward6=("dst6 $DST6" "src6 ${SRC6}:7" "pkt_size 80")
back6() { settings=("src6 $DST6" "dst6_min $1" "dst6_max $2" "pkt_size 80"); }

# both PATH MAPPINGS WARM FIRST LAST [SETTING…]: forward, and back to FIRST…LAST.
both() {
	local path=$1 mappings=$2 warm=$3
	measure "$path" in0 out0 "$mappings" "$warm" "${forward[@]}"
	back "$4" "$5"
	measure "${path}_rev" out0 in0 "$mappings" "$warm" "${settings[@]}"
}

# Not for the others: the hooks of clsact cost every packet.
clsact() { # add or del
	must tc qdisc "$1" dev in0 clsact
	must tc qdisc "$1" dev out0 clsact
}

generator() {
	clsact add
	tc filter add dev in0 ingress matchall action drop
	tc filter add dev out0 ingress matchall action drop
	measure generator in0 - 0 2000 "${forward[@]}"
	back $SRC.0.0 "$SRC_LAST"
	measure generator_rev out0 - 0 2000 "${settings[@]}"
	ports 8
	measure generator_session in0 - 0 2000 "${forward[@]}" "${ports[@]}"
	back $SRC.0.0 $SRC.3.255 "${ports_back[@]}"
	measure generator_session_rev out0 - 0 2000 "${settings[@]}"
	measure generator_v6 in0 - 0 2000 "${forward6[@]}"
	back6 ${SRC6}: ${SRC6}:3ff
	measure generator_v6_rev out0 - 0 2000 "${settings[@]}"
	clsact del
}

plain() {
	both plain 0 2000 $SRC.0.0 "$SRC_LAST"
	measure plain_v6 in0 out0 0 2000 "${forward6[@]}"
	back6 ${SRC6}: ${SRC6}:3ff
	measure plain_v6_rev out0 in0 0 2000 "${settings[@]}"
}

tc_nat() {
	clsact add
	must tc filter add dev out0 egress protocol ip matchall action nat egress $SRC.0.0/16 $PUB.0.0
	must tc filter add dev out0 ingress protocol ip matchall action nat ingress $PUB.0.0/16 $SRC.0.0
	both tc_nat 65536 2000 $PUB.0.0 $PUB.3.255
	clsact del
}

# elements NET NET N: of a map.
elements() {
	awk -v from="$1" -v to="$2" -v n="$3" 'BEGIN {
		split(from, a, "."); split(to, b, ".")
		for (i = 0; i < n; i++) {
			low = sprintf(".%d.%d", i / 256 % 256, i % 256); high = int(i / 65536)
			printf "%d.%d%s : %d.%d%s,\n", a[1], a[2] + high, low, b[1], b[2] + high, low
		}
	}'
}

nft_map() { # MAPPINGS
	{
		echo "table ip bench {"
		echo "map out { type ipv4_addr : ipv4_addr; elements = {"
		elements $SRC $PUB "$1"
		echo "}; }; map in { type ipv4_addr : ipv4_addr; elements = {"
		elements $PUB $SRC "$1"
		echo "}; }"
		echo "chain post { type filter hook postrouting priority 300; ip saddr set ip saddr map @out; }"
		echo "chain pre { type filter hook prerouting priority -300; ip daddr set ip daddr map @in; }"
		echo "}"
	} >/tmp/nft_map
	must nft -f /tmp/nft_map
	rm /tmp/nft_map
	both nft_map "$1" 2000 $PUB.0.0 "$PUB_LAST"
	nft delete table ip bench
}

# Its flows are made by 20 000 packets, of 1024 sources. They have to last: nft is read
# from the host in between.
nft_snat() {
	local f
	for f in nf_conntrack_udp_timeout nf_conntrack_udp_timeout_stream nf_flowtable_udp_timeout; do
		echo 864000 >/proc/sys/net/netfilter/$f || die "$f"
	done
	must nft -f - <<-END
	table ip bench {
		map out { type ipv4_addr : ipv4_addr; elements = { $(elements $SRC $PUB 1024) } }
		chain post { type nat hook postrouting priority 100; snat to ip saddr map @out; }
	}
	END
	generate in0 20000 "${forward[@]}" >/dev/null
	back $PUB.0.0 $PUB.3.255 "udp_src_min 9" "udp_src_max 9" "udp_dst_min 5000" "udp_dst_max 5000"
	generate out0 20000 "${settings[@]}" >/dev/null
	measure nft_snat in0 out0 1024 2000 "${forward[@]}"
	measure nft_snat_rev out0 in0 1024 2000 "${settings[@]}"
	if wanted flowtable; then
		must nft -f - <<-END
		table ip bench {
			flowtable f { hook ingress priority 0; devices = { in0, out0 }; }
			chain forward { type filter hook forward priority 0; flow add @f; }
		}
		END
		for _ in 1 2; do
			generate in0 20000 "${forward[@]}" >/dev/null
			generate out0 20000 "${settings[@]}" >/dev/null
		done
		measure flowtable in0 out0 1024 2000 "${forward[@]}"
		measure flowtable_rev out0 in0 1024 2000 "${settings[@]}"
	fi
	nft delete table ip bench
}

load() { # MAPLOAD-ARG...
	must insmod "$RIG_TOP/build/kmod-$RIG_KERNEL/roamnat.ko"
	"$RIG_TOP/build/bin/mapload" -i in0 "$@" >>"$RIG_OUT/load.jsonl" || die "mapload"
}
unload() { must rmmod roamnat; }

address() { # hook or fast, MAPPINGS, MAPLOAD-ARG...
	load -n "$2" "${@:3}"
	both "address_$1" "$2" 2000 $PUB.0.0 "$PUB_LAST"
	unload
}

address6() { # hook or fast, MAPPINGS, MAPLOAD-ARG...
	load -6 -n "$2" "${@:3}"
	measure "address_$1_v6" in0 out0 "$2" 2000 "${forward6[@]}"
	back6 ${PUB6}: ${PUB6}:3ff
	measure "address_$1_v6_rev" out0 in0 "$2" 2000 "${settings[@]}"
	unload
}

# Random ports cost the generator more, which generator_session is for. pktgen leaves the
# largest one out.
ports() { # PORTS
	ports=("udp_src_min 5000" "udp_src_max $((5000 + $1))" "flag UDPSRC_RND")
	ports_back=("udp_src_min 9" "udp_src_max 9" "udp_dst_min 1024" "udp_dst_max $((1024 + $1))" "flag UDPDST_RND")
}

# 1024 VMs of so many ports each; the packets before make the bindings, unless they are loaded.
session() { # hook or fast, PORTS, MAPLOAD-ARG...
	ports "$2"
	load -k block -n 1024 -p "$2" "${@:3}"
	generate in0 120000 "${forward[@]}" "${ports[@]}" >/dev/null
	measure "session_$1" in0 out0 $((1024 * $2)) 2000 "${forward[@]}" "${ports[@]}"
	back $PUB.0.0 "$PUB_LAST" "${ports_back[@]}"
	measure "session_$1_rev" out0 in0 $((1024 * $2)) 2000 "${settings[@]}"
	unload
}
