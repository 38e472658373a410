#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The owner announces its public addresses, BIRD tells the internet: the route follows
# a mapping that moves, the new one there before the old one goes; it survives its
# agent, ends with its lease, and none is left over.
# shows: S9 B1 B3 B4
# modes: once
# kernel: any
# timeout: 300
. "$(dirname "$0")/lib.sh"
IDLE=300s
. "$NET_DIR/nat.sh"
. "$NET_DIR/routing.sh"

topology
AGENT_EXTRA=$(announce_routes linger=2s)
GATEWAY_EXTRA[gw2]=lease=10
start_all
start_bird net gw1 gw2
expect_within "the aggregate is announced by BGP" 30 aggregate_up
start_server srv

must ping_from vm1 $SRV 1
public=$(public_of 10.0.0.5)
expect_within "gw1 announces the address that it was granted" 10 announced gw1 "$public"
expect_match "by a route that lets nothing loop, with our protocol number" \
	"^blackhole $public " "$(ip -n gw1 route show proto 142)"
expect_within "S9 BIRD tells the internet" 10 upstream "$public" gw1
expect "B3 what is routed into the blackhole is translated before" ping_from vm1 $SRV 1
chat_start chat vm1 $SRV
said=$(ip netns exec srv ping -n -c 1 -W 1 203.0.113.99)
expect_match "what nobody has goes no further" "100% packet loss" "$said"
expect_eq "and does not loop" "" "$(grep 'exceeded' <<<"$said")"

watch_routes net gw1 gw2
must migrate 10.0.0.5 gw2
move_vm vm1 2
expect_within "S9 the internet's route follows" 20 upstream "$public" gw2
expect_within "gw1 withdrew its own" 10 not_announced gw1 "$public"
expect "B3 the connection goes on" chat_goes_on chat 20
for n in gw2 gw1 net; do changes "$n" "$public" | sed "s/^/# $n: /"; done
there=$(changes gw2 "$public" | awk '$2 == "added" { print $1; exit }')
left=$(changes gw1 "$public" | awk '$2 == "deleted" { print $1; exit }')
expect "B3 the new owner announced before the old one withdrew" [ -n "$there" -a "$there" \< "$left" ]
expect_eq "B3 the internet never was without a route" "" "$(changes net "$public" | grep deleted)"

kill9 gw2
expect "B4 the agent is dead: the route stays" announced gw2 "$public"
expect "B4 and the connection goes on" chat_goes_on chat
quiet ip -n gw2 route add blackhole 203.0.113.77 proto 142
quiet ip -n gw2 route add blackhole 203.0.113.78 proto static
before=$(changes gw2 "$public" | wc -l)
start_agent gw2
expect_within "an address of nobody, from before: its route is deleted" 20 not_announced gw2 203.0.113.77
expect "routes of others are not touched" [ -n "$(ip -n gw2 route show 203.0.113.78)" ]
must wait_for 30 conf_connected gw2
expect_eq "B4 the right one was not touched" "$before" "$(changes gw2 "$public" | wc -l)"
expect_eq "it is counted" 1 "$(daemon_counter gw2 routes-stale)"

quiet ip -n gw2 route del blackhole "$public" proto 142
expect_within "somebody deletes the route: it is added again" 10 announced gw2 "$public"
expect_eq "and counted" 1 "$(daemon_counter gw2 routes-repaired)"
quiet ip -n gw2 route replace unreachable "$public"
must wait_for 10 counter_says gw2 routes-refused 1
quiet ip -n gw2 route del unreachable "$public"
expect_within "somebody took its place for a while: the same" 10 announced gw2 "$public"
expect_within "nothing is refused any more" 10 counter_says gw2 routes-refused 0

partition gw2 ctl
expect_within "B1 gw2's lease ends, and its route with it" 30 not_announced gw2 "$public"
expect_within "B1 in the internet, too" 10 no_upstream "$public"
heal gw2 ctl
expect_within "S9 the lease is back, and so is the route" 40 upstream "$public" gw2
expect "B3 the connection goes on" chat_goes_on chat 40
chat_stop chat

must natctl gw2 mapping release private 10.0.0.5 zone 1
expect_within "S13 released: the route ends" 20 no_upstream "$public"
expect_eq "no gateway announces anything" "0 0" "$(routes_of gw1) $(routes_of gw2)"
