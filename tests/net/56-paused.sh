#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Agents and controller stop where they are, and go on later than everybody's
# patience lasts, with a queue of messages that are long out of date. In the
# middle of a migration, and past the end of a lease.
# shows: S8 S9 S12 B1 B2 B3 B4
# modes: both
# kernel: any
# timeout: 900
. "$(dirname "$0")/lib.sh"
IDLE=600s
. "$NET_DIR/nat.sh"

topology
start_all
route_pool gw1
start_server srv
watch_wire
chat_start chat vm1 $SRV
public=$(public_of 10.0.0.5)

gateway_state() { [ "$(controller -j gateway show | jq -r --arg n "$1" '.[] | select(.name == $n) | .state')" = "$2" ]; }
order() {
	controller -t 40 migrate 10.0.0.5 zone 1 to "$1" >"$RUN/order" 2>&1 &
	order=$!
}
frozen() { [ "$(get state "$(mapping $here 10.0.0.5)")" != active ]; }
# Never two, whatever the daemons know: the kernels themselves.
at_most_one() { ! { translates gw1 10.0.0.5 && translates gw2 10.0.0.5; }; }
# The longest of the time-outs of a mapping that moves is T_move, 10 s; a session
# that is silent ends after 5 s.
PAUSE=11
# Who was silent for too long is not waited for: then the order is refused, and
# given again, as an orchestrator would.
settle() { # GW
	wait $order && wait_for 20 settled "$1" 10.0.0.5 && return 0
	migrate 10.0.0.5 "$1"
	wait_for 60 settled "$1" 10.0.0.5
}
here=gw1 there=gw2
moved() { # TEXT
	expect "B1 B2 $1: one owner in the end, $there" settle $there
	expect "B3 $1: the connection lives" chat_goes_on chat 60
	read -r here there <<<"$there $here"
}
for victim in source destination controller; do
	for moment in "before the order" "in the middle"; do
		case $victim in
		source) name=$here ;;
		destination) name=$there ;;
		*) name=controller ;;
		esac
		[ "$moment" = "in the middle" ] || pause_daemon $name
		order $there
		[ "$moment" != "in the middle" ] || { wait_for 5 frozen; pause_daemon $name; }
		move_vm vm1 "${there#gw}"
		route_public "$public" $there
		expect_stays "B1 $victim paused $moment: never two" $PAUSE at_most_one
		resume_daemon $name
		moved "$victim went on, paused $moment"
	done
done
must wait_for 30 conf_connected gw1
must wait_for 30 conf_connected gw2
expect_eq "S14 whoever is late is no attacker: no alarm" 0 "$(daemon_counter controller alarms)"

# ---- leases: in force from the next registration, so the kernels forget (P7)
for name in controller gw1 gw2; do must stop_daemon $name; done
GATEWAY_EXTRA[gw1]=lease=10
GATEWAY_EXTRA[gw2]=lease=10
must unload_module
load_module
start_controller
start_agent gw1
start_agent gw2
must wait_for 30 conf_connected gw1
must wait_for 30 conf_connected gw2
must wait_for 30 settled $here 10.0.0.5

pause_daemon $here
expect_within "B1 the agent sleeps, the lease ends: its kernel stops by itself" 20 translates_not $here 10.0.0.5
move_vm vm1 "${there#gw}"
route_public "$public" $there
expect "S8 without anybody's word it is taken over" controller -t 60 takeover $here to $there
expect_within "S8 $there translates" 20 translates $there 10.0.0.5
expect "B3 the connection lives" chat_goes_on chat 60
resume_daemon $here
expect_within "B1 the agent goes on, with what it had to say: it has nothing" 30 settled $there 10.0.0.5
must wait_for 30 conf_connected $here
expect "B3 the connection lives" chat_goes_on chat 30
read -r here there <<<"$there $here"

pause_daemon controller
expect_within "B1 the controller sleeps: the kernel stops at the end of its lease" 25 translates_not $here 10.0.0.5
resume_daemon controller
expect_within "B2 it goes on, with renewals that are out of date: $here registers and serves" 40 translates $here 10.0.0.5
expect "B2 nobody else has it" wait_for 20 settled $here 10.0.0.5
expect "B3 the connection lives" chat_goes_on chat 60
expect_eq "B2 at its address" "$public" "$(public_of 10.0.0.5)"
chat_stop chat
never_both_on_wire
