#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The same as 75 with FRR in the gateways and the lines of docs/routing.md: the route
# follows a mapping that moves, the new one there before the old one goes, and no
# packet is lost; what is not ours is not told to the internet.
# shows: S9 S13 B3
# modes: once
# kernel: any
# timeout: 300
. "$(dirname "$0")/lib.sh"
IDLE=300s FORWARD=yes
. "$NET_DIR/nat.sh"
. "$NET_DIR/routing.sh"

topology
second_home vm1 2
tunnel gw1 gw2
flush
# Routes of others: of the pool, and beside it.
quiet ip -n gw1 route add blackhole 203.0.113.128/25 proto static
quiet ip -n gw1 route add blackhole 192.0.2.77 proto 99
quiet ip -n gw1 route add 192.0.2.78 via $TRANSIT.1 proto static
AGENT_EXTRA=$(announce_routes linger=2s)
start_all
start_bird net
start_frr gw1 gw2
expect_within "gw1 announces the aggregate and nothing else" 30 hears gw1 $PUBLIC_POOL
expect_within "so does gw2" 30 hears gw2 $PUBLIC_POOL
start_server srv

must ping_from vm1 $SRV 1
public=$(public_of 10.0.0.5)
expect_within "S9 FRR tells the internet" 10 upstream "$public" gw1
streams_start vm1 $SRV srv "$public" 10000
must wait_for 30 streams_over 50
said=$(ip netns exec srv ping -n -c 1 -W 1 203.0.113.99)
expect_match "what nobody has goes no further" "100% packet loss" "$said"
expect_eq "and does not loop" "" "$(grep 'exceeded' <<<"$said")"

watch_routes net gw1 gw2
must migrate 10.0.0.5 gw2
sends_from vm1 eth1
expect_within "S9 the internet's route follows" 20 upstream "$public" gw2
expect_within "gw1 withdrew its own" 10 hears gw1 $PUBLIC_POOL
expect_eq "both announce the aggregate still" "$PUBLIC_POOL $public/32" "$(heard_from gw2)"
expect "B3 both streams go on" streams_go_on 50
streams_stop
expect_eq "B3 to srv none is lost" "$(field sent "${STREAM[vm1]}")" "$(field received "${STREAM[srv]}")"
expect_eq "B3 to vm1 none is lost" "$(field sent "${STREAM[srv]}")" "$(field received "${STREAM[vm1]}")"
for n in gw2 gw1 net; do changes "$n" "$public" | sed "s/^/# $n: /"; done
expect_eq "B3 the internet never was without a route" "" "$(changes net "$public" | grep deleted)"
expect_eq "nor do the gateways take what the internet says" "" "$(ip -n gw1 route show $ELSEWHERE)"

must natctl gw2 mapping release private 10.0.0.5 zone 1
expect_within "S13 released: the route ends" 20 no_upstream "$public"
expect "the aggregate stays" hears gw2 $PUBLIC_POOL
