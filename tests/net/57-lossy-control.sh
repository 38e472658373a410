#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The control network loses every fifth packet, doubles every tenth, delays and
# reorders; then it is parted, between each two of the three, while a mapping
# moves. Mappings move and are released all the same, nobody has to help, and at
# no time two gateways translate for one address.
# shows: S8 S9 S12 S13 B1 B2 B3 B4 B5
# modes: both
# kernel: any
# timeout: 900
. "$(dirname "$0")/lib.sh"
IDLE=600s QUARANTINE=1s
. "$NET_DIR/nat.sh"

topology --vms 3
start_all
route_pool gw1
start_server srv
watch_wire
chat_start chat1 vm1 $SRV
chat_start chat2 vm2 $SRV
must wait_for 10 ping_from vm3 $SRV 1
declare -A PUBLIC
for i in 5 6 7; do PUBLIC[$i]=$(public_of 10.0.0.$i); done

links() { # NETEM...
	impair gw1 ctl0 "$@"
	impair gw2 ctl0 "$@"
	impair ctl gw1 "$@"
	impair ctl gw2 "$@"
}
links loss 20% delay 200ms 100ms duplicate 10% reorder 10%

# go VM GW: the order, as an orchestrator gives it; the VM moves at the same time.
# there VM GW: the order was carried out, without anybody's help. Only an order
# that was refused because the source did not answer for 10 s, and nobody said
# that it is off (P14), or because the destination had no session just then, is
# given again, as an orchestrator does.
declare -a ORDER
go() {
	controller -t 45 migrate 10.0.0.$((4 + $1)) zone 1 to "$2" >"$RUN/order$1" 2>&1 &
	ORDER[$1]=$!
	move_vm "vm$1" "${2#gw}"
	route_public "${PUBLIC[$((4 + $1))]}" "$2"
}
there() {
	wait "${ORDER[$1]}" || say "$(cat "$RUN/order$1")"
	wait_for 20 settled "$2" 10.0.0.$((4 + $1)) && return
	grep -qE '\((not-fenced|not-registered)\)' "$RUN/order$1" || return 1
	wait_for 60 conf_connected "$2"
	controller -t 60 migrate 10.0.0.$((4 + $1)) zone 1 to "$2"
	wait_for 60 settled "$2" 10.0.0.$((4 + $1))
}
here=gw1 away=gw2
for round in 1 2; do
	go 1 $away
	go 2 $away
	expect "S9 round $round: vm1's mapping moves to $away" there 1 $away
	expect "S9 round $round: vm2's too" there 2 $away
	expect "B3 vm1's connection goes on" chat_goes_on chat1 60
	expect "B3 vm2's connection goes on" chat_goes_on chat2 60
	read -r here away <<<"$away $here"
done

# S13 over such a network; the VM comes back and gets the same address.
# The agent may be without a session for a moment, and says so: then again.
give_back() { natctl gw1 -t 30 mapping release private 10.0.0.7 zone 1 || no_mapping gw1 10.0.0.7; }
expect_within "S13 a release is granted" 90 give_back
expect_within "S13 and recorded" 30 record_state free 10.0.0.7
expect "S2 a new packet gets a grant" wait_for 60 ping_from vm3 $SRV 1
expect_eq "B2 of the same address" "${PUBLIC[7]}" "$(public_of 10.0.0.7)"
for gw in gw1 gw2; do
	lost=$(ns $gw tc -s qdisc show dev ctl0 | sed -n 's/.*(dropped \([0-9]*\),.*/\1/p')
	expect "the network of $gw really lost packets ($lost)" [ "$lost" -gt 5 ]
done
say "sessions that broke: $(daemon_counter controller sessions_lost)"
links
must wait_for 60 conf_connected gw1
must wait_for 60 conf_connected gw2

# ---- parted, each two alone, while a mapping moves
gateway_state() { [ "$(controller -j gateway show | jq -r --arg n "$1" '.[] | select(.name == $n) | .state')" = "$2" ]; }
# Until the patience of somebody ends: the controller's with a silent gateway, or
# that with a transfer that does not arrive, which gives the mapping back.
endured() {
	case $1 in
	*ctl) gateway_state "${1% *}" silent ;;
	*) [ "$(get epoch "$(record 10.0.0.5)")" -gt "$epoch" ] ;;
	esac
}
# The source is cut off from the controller, then the destination is, then the
# other as a destination, then both from each other.
for pair in "gw1 ctl" "gw1 ctl" "gw2 ctl" "gw1 gw2"; do
	epoch=$(get epoch "$(record 10.0.0.5)")
	partition ${pair% *} ${pair#* }
	go 1 $away
	expect_within "the partition of $pair is felt, $here is the source" 40 endured "$pair"
	heal ${pair% *} ${pair#* }
	expect "B1 B2 after the partition of $pair: one owner, $away" there 1 $away
	expect "B3 vm1's connection lives" chat_goes_on chat1 60
	read -r here away <<<"$away $here"
done
must wait_for 60 conf_connected gw1
must wait_for 60 conf_connected gw2
expect "B3 vm2's connection lives" chat_goes_on chat2 30
expect "B5 broken sessions were counted" [ "$(daemon_counter controller sessions_lost)" -gt 1 ]
expect_eq "S14 a bad network is no attack: no alarm" 0 "$(daemon_counter controller alarms)"
for i in 5 6 7; do expect_eq "B2 10.0.0.$i still has its address" "${PUBLIC[$i]}" "$(public_of 10.0.0.$i)"; done
chat_stop chat1
chat_stop chat2
never_both_on_wire
