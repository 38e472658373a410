#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Layer 2: the router has the pools on its own wire. The owner answers ARP and ND for
# its addresses and for no other; when one moves, the old owner stops answering before
# the new one begins, and the new one tells the wire more than once.
# shows: S9 B1 B3 B4
# modes: once
# kernel: any
# timeout: 300
. "$(dirname "$0")/lib.sh"
IDLE=300s
. "$NET_DIR/nat.sh"
. "$NET_DIR/routing.sh"

topology
topology6
# The pools are the wire's own prefixes.
quiet ip -n net route del blackhole $PUBLIC_POOL
quiet ip -n net addr add 203.0.113.254/24 dev transit
quiet ip -n net addr add 2001:db8:ffff::ff/64 dev transit nodad
for gw in gw1 gw2; do
	quiet ns $gw sh -c 'cd /proc/sys/net/ipv6/conf; for f in all out0; do echo 1 >$f/proxy_ndp; echo 1 >$f/forwarding; done'
done
# Where it is built in there is nothing to load.
[ -d /sys/module/dummy ] || modprobe -q dummy numdummies=0 || :
CONTROLLER_EXTRA=$(printf '[pool six]\nkind=address\nprefix=%s\nzones=1\n' $PUBLIC_POOL_6)
AGENT_EXTRA=$(printf '[inside six]\ninterface=in0\nprefix=fd00::/64\nzone=1\nidle-timeout=%s\n' 300s
	printf '[announce wire]\nprefix=%s;%s\nkind=neighbour\ninterface=out0\n' $PUBLIC_POOL $PUBLIC_POOL_6)
start_all
start_server srv
mac() { echo "02:00:0b:00:00:0${GW_NUMBER[$1]}"; }
# Who answers the router: the hardware address it learned.
learned() { ip -n net neigh show to "$1" | sed -n 's/.* lladdr \([^ ]*\).*/\1/p'; }
knows() { [ "$(learned "$1")" = "$(mac "$2")" ]; }
answers() { [ -n "$(ip -n "$1" neigh show proxy | grep "^$2 ")" ]; }
answers_not() { ! answers "$@"; }

# What the old owner says of the address after the new one has spoken.
late_answers() {
	tcpdump -n -e -r "$LOGS/wire.pcap" arp 2>/dev/null |
		awk -v a="$public" -v old="$(mac gw1)" -v new="$(mac gw2)" '
		index($0, "Reply " a " is-at") || index($0, "tell " a ",") {
			if (index($0, new " >")) seen = 1
			else if (seen && index($0, old " >")) print
		}'
}

capture wire net transit "arp or icmp6"
expect "the first packet asks, the answer comes over the wire" ping_from vm1 $SRV 1
expect "IPv6, too" ping_from vm1 $SRV_6 1
public=$(public_of 10.0.0.5) public6=$(public_of fd00::5)
expect "gw1 answers ARP for its address" knows "$public" gw1
expect "and neighbour solicitations" knows "$public6" gw1
refuse "nobody answers for an address that nobody has" ping_from srv 203.0.113.99 1
expect_eq "both are counted" 2 "$(daemon_counter gw1 neighbours-answered)"
chat_start chat vm1 $SRV
chat_start chat6 vm1 $SRV_6

before=0
must migrate 10.0.0.5 gw2
must migrate fd00::5 gw2
expect "B1 the old owner does not answer any more" answers_not gw1 "$public"
move_vm vm1 2
expect_within "the new one does" 10 answers gw2 "$public"
expect_within "S9 the router heard of it without asking" 10 knows "$public" gw2
expect_within "S9 in IPv6" 10 knows "$public6" gw2
expect "B3 the connection goes on" chat_goes_on chat 20
expect "B3 in IPv6" chat_goes_on chat6 20
garps() { packets wire "arp and ether src $(mac gw2) and ether broadcast and arp[14:4] = arp[24:4]"; }
told() { [ "$(garps)" -ge "$1" ]; }
expect_within "three times, past the second in which Linux believes no other, as request and as reply" 15 told $((before + 6))
nas() { packets wire "icmp6 and ip6[40] = 136 and ip6[44] = 0x20 and ether src $(mac gw2) and dst ff02::1"; }
nas_told() { [ "$(nas)" -ge "$1" ]; }
expect_within "and as unsolicited advertisements that override" 15 nas_told 3
expect_eq "the old owner says nothing of it after the move" "" "$(late_answers)"

kill9 gw2
quiet ip -n net neigh flush dev transit
expect "B4 the agent is dead: the kernel answers" ping_from srv "$public" 1
before=$(garps)
start_agent gw2
must wait_for 30 conf_connected gw2
expect_within "the session is back: the wire is told again" 15 told $((before + 6))
before=$(garps)
quiet ip -n gw2 link set out0 down
quiet ip -n gw2 link set out0 up
quiet ip -n gw2 route add default via $TRANSIT.1
expect_within "the link is back: it answers again" 15 answers gw2 "$public"
expect_within "and tells again" 15 told $((before + 6))
expect "B3 the connection goes on" chat_goes_on chat 30
chat_stop chat
chat_stop chat6
must natctl gw2 mapping release private 10.0.0.5 zone 1
expect_within "S13 released: nobody answers" 10 answers_not gw2 "$public"
