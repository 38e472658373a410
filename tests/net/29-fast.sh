#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The fast path: the same bytes as without it, and what it leaves to the stack; a
# change of a route, a neighbour or a mapping is in force with the next packet.
# shows: S3 S4 S9 B1 B5 B7
# modes: once
# debug: yes
# timeout: 200
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/wires.sh"

# IPv6 of gw1: neighbours are told, and of what the gateway says itself only errors leave.
six() {
	quiet ns gw1 sh -ec 'cd /proc/sys/net/ipv6
		for d in all in0 out0; do for n in disable_ipv6 accept_dad accept_ra; do echo 0 >conf/$d/$n; done; done
		echo 1 >conf/all/forwarding; echo 0 >icmp/ratelimit'
	quiet ns gw1 nft 'add table ip6 still; add chain ip6 still own { type filter hook output priority 0; };
		add rule ip6 still own icmpv6 type >= 128 drop'
	quiet ip -n gw1 addr add fd00::1/64 dev in0 nodad
	quiet ip -n gw1 addr add 2001:db8:1::11/64 dev out0 nodad
	quiet ip -n gw1 neigh add fd00::2 lladdr 02:00:0e:00:00:05 dev in0
	quiet ip -n gw1 neigh add 2001:db8:1::1 lladdr 02:00:0d:00:00:01 dev out0
	quiet ip -n gw1 route add fd00:1::/64 via fd00::2
	quiet ip -n gw1 route add default via 2001:db8:1::1
}

wires
six
must load_module
speak "$LOGS/fast.err" /usr/bin/python3 -S -E -B "$NET_DIR/fast.py"
# With packets' routes remembered, everything goes away.
must unload_module
