#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A gateway with two thousand mappings dies and all are taken over by one order,
# while the controller goes on: it answers, other sessions live, and another VM
# that asks meanwhile is served.
# shows: S8 B1 B2
# modes: once
# kernel: any
# timeout: 900
. "$(dirname "$0")/lib.sh"
IDLE=600s KIND=port
. "$NET_DIR/nat.sh"

# Thousands of lines, each written through to the host, would be what is measured.
KEPT=$LOGS LOGS=$RUN/logs
mkdir -p "$LOGS"
keep_logs() { cp "$LOGS"/*.log "$LOGS"/*.out "$KEPT"; }
on_failure() { keep_logs; controller gateway show | sed 's/^/#   /'; }

N=2000
topology --vms 2
start_all
route_pool gw1
start_server srv
watch_wire
chat_start chat vm1 $SRV
public=$(chat_seen chat)

gateway_state() { [ "$(controller -j gateway show | jq -r --arg n "$1" '.[] | select(.name == $n) | .state')" = "$2" ]; }
owns() { [ "$(controller -j gateway show | jq --arg n "$1" '.[] | select(.name == $n) | .mappings')" = "$2" ]; }
kernel_has() { [ "$(knatctl "$1" -j mapping show | jq '[.[] | select(.state == "active" and (.suspended | not))] | length')" = "$2" ]; }

# gw1's agent is away while somebody asks in its name; back, it is granted what
# it then owns.
must stop_daemon gw1
forge gw1 controller --count $N natreq private=10.0.0.5 kind=2 proto=17 port=20000 zone=1 \
	preset=600000 >"$LOGS/forge.out" 2>&1
expect "B2 gw1 owns $N mappings more" owns gw1 $((N + 1))
start_agent gw1
expect_within "B2 and has them in its kernel, by grant" 90 kernel_has gw1 $((N + 1))

must gateway_off gw1
must wait_for 20 gateway_state gw1 silent
move_vm vm1 2
move_vm vm2 2
route_pool gw2
lost=$(daemon_counter controller sessions_lost)
controller -t 120 takeover gw1 to gw2 fenced reason "two thousand at once" >"$RUN/takeover" 2>&1 &
order=$!
expect "S1 meanwhile another VM is served" wait_for 30 ping_from vm2 $SRV 1
answers=0 silent=0
while kill -0 $order 2>/dev/null; do
	if controller -t 5 status >/dev/null; then answers=$((answers + 1)); else silent=$((silent + 1)); fi
done
wait $order
expect_eq "S8 all are taken over" 0 $?
say "$(cat "$RUN/takeover"); meanwhile the controller answered $answers questions"
expect_eq "S8 it answered whoever asked meanwhile" 0 $silent
expect_match "S8 by one order" "$((N + 1)) mappings moved to gw2" "$(cat "$RUN/takeover")"
expect "S8 gw2 owns all, and the other VM's" owns gw2 $((N + 2))
expect "S8 gw1 owns nothing" owns gw1 0
expect_within "S8 gw2 translates all" 90 kernel_has gw2 $((N + 2))
expect_eq "B4 no other session was lost" "$lost" "$(daemon_counter controller sessions_lost)"
expect_eq "B4 nor was one too slow" 0 "$(daemon_counter controller sessions_slow)"
expect "B3 the connection lives" chat_goes_on chat 60
expect_eq "B2 at its address and port" "$public" "$(chat_seen chat)"
gateway_on gw1
expect_within "B1 gw1 comes back and gives all of them up" 60 kernel_has gw1 0
must wait_for 20 conf_connected gw1
expect "B1 gw2 has kept them" owns gw2 $((N + 2))
chat_stop chat
never_both_on_wire "${public%:*}"
keep_logs
