#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A mapping moves and comes back under a stream each way, while the Internet and
# the VM go on sending to the old gateway: no packet is lost, none comes twice.
# shows: S9 S12 B1 B3
# modes: both
# timeout: 400
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/nat.sh"

FORWARD=yes AGENT_EXTRA=$'[kernel]\nforward-time=10min'
topology
second_home vm1 2
tunnel gw1 gw2
flush
start_all
route_pool gw1
must ping_from vm1 $SRV 1
public=$(public_of 10.0.0.5)
watch_wire
# 100 a second: what an emulated machine has time for beside its agents.
streams_start vm1 $SRV srv "$public" 10000
must wait_for 30 streams_over 50

left_behind() { [ "$(get state "$(mapping "$1" 10.0.0.5)")" = moved ]; }
# move FROM TO DEV: the order first; packets and then the routes follow late.
move() {
	expect "S8 an operator starts a migration to $2" migrate 10.0.0.5 "$2"
	expect "S12 the recorded owner is $2" owned_by "$2" 10.0.0.5
	expect "B3 both streams go on, by way of $1" streams_go_on 50
	expect_within "S9 $1 keeps it only to let packets follow" 10 left_behind "$1"
	expect "B3 late packets from outside follow" counter_over "$1" forwarded-in 25
	expect "B3 late packets of the VM follow" counter_over "$1" forwarded-out 25
	sends_from vm1 "$3"
	route_public "$public" "$2"
	expect "B3 both streams go on" streams_go_on 50
}
move gw1 gw2 eth1
move gw2 gw1 eth0
expect "S9 what came back is not forwarded any more" translates gw1 10.0.0.5
streams_stop
# Who else could have dropped something.
column() { # NUMBER of hexadecimal figures on stdin, added up
	local line sum=0
	while read -ra line; do sum=$((sum + 16#${line[$1]})); done
	echo "$sum"
}
for n in vm1 gw1 gw2 net srv; do
	say "$n: $(ns $n nstat -asz UdpRcvbufErrors UdpNoPorts IpExtInNoRoutes IpInAddrErrors IpInDiscards IpOutDiscards IpOutNoRoutes TcpExtIPReversePathFilter 2>/dev/null |
		awk '$2 > 0 && /^[UIT]/ { printf "%s=%s ", $1, $2 }')waited for a neighbour in vain: $(ns $n tail -n +2 /proc/net/stat/arp_cache | column 11)"
done
say "softnet dropped $(column 1 </proc/net/softnet_stat)"
for end in vm1 srv; do
	other=vm1
	[ $end = srv ] || other=srv
	expect_eq "B3 to $end none is lost" "$(field sent "${STREAM[$other]}")" "$(field received "${STREAM[$end]}")"
	expect_eq "B3 to $end none comes twice" 0 "$(field duplicated "${STREAM[$end]}")"
done
for gw in gw1 gw2; do
	say "$gw: $(knatctl $gw -j stats show | jq -r '[.[] | select((.name | startswith("drop-")) and .value > 0) | "\(.name)=\(.value)"] | join(" ")')"
	expect_eq "$gw dropped nothing that moves" 0 "$(counter $gw drop-moving-out)"
done
never_both_on_wire "$public"
