#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Orders that cross: there and back, on and on, cancelled at every step, the VM back
# before the end, two orchestrators at once. Whatever was ordered, kernels, agents and
# controller agree in the end, and nothing is left behind. An orchestrator hears when
# the destination is ready, before it is done.
# shows: S8 S9 S12 B1 B2 B3
# modes: both
# kernel: any
# timeout: 400
. "$(dirname "$0")/lib.sh"
IDLE=600s
. "$NET_DIR/nat.sh"

topology --gateways 3
start_all
route_pool gw1
start_server srv
controller -j monitor controller >"$RUN/events" 2>&1 &
# Does it listen yet? Until it has heard something, something happens.
heard() { [ -s "$RUN/events" ] || { controller drain gw3 && controller undrain gw3; false; }; }
must wait_for 30 heard
must ping_from vm1 $SRV 1
public=$(public_of 10.0.0.5)
watch_wire
chat_start chat vm1 $SRV

holds() { [[ $(get state "$(mapping "$1" 10.0.0.5)") = @(held|active) ]]; }
frozen() { [ "$(get state "$(mapping "$1" 10.0.0.5)")" != active ]; }
told() { jq -es --arg w "$1" --arg t "$2" 'any(.[]; .what == $w and .to == $t)' "$RUN/events" >/dev/null; }
order_of() { jq -r --arg w "$1" --arg t "$2" 'select(.what == $w and .to == $t) | .rev' "$RUN/events" | tail -n 1; }
# At that gateway, and nobody waits for anything any more.
clean() {
	settled "$1" 10.0.0.5 && [ -z "$(get destination "$(record 10.0.0.5)")" ] &&
		[ "$(controller -j gateway show | jq '[.[].coming] | add')" = 0 ]
}
somewhere() { clean gw1 || clean gw2 || clean gw3; }
# The VM's network follows the order, as an orchestrator's would.
goes() { move_vm vm1 "${1#gw}"; route_public "$public" "$1"; }

said=$(migrate 10.0.0.5 gw2 1 --wait ready)
expect "B3 the destination is ready: it holds what comes" holds gw2
expect_match "B3 natctl says so" "ready: gw2 holds" "$said"
goes gw2
expect_within "S9 and soon it is done" 20 clean gw2
expect_within "the monitor is told of both" 10 told moved gw2
expect "ready is told before moved" [ "$(order_of ready gw2)" -lt "$(order_of moved gw2)" ]

for to in gw1 gw2 gw1; do
	expect "S9 ping-pong: to $to" migrate 10.0.0.5 $to
	goes $to
done
expect_within "S9 it is settled" 20 clean gw1
expect "S9 a chain: to gw2" migrate 10.0.0.5 gw2
expect "S9 a chain: to gw3" migrate 10.0.0.5 gw3
goes gw3
expect_within "S9 it is settled" 20 clean gw3
expect "B3 the connection lives" chat_goes_on chat 60
expect "S9 back" migrate 10.0.0.5 gw1
goes gw1
must wait_for 20 clean gw1

# ---- cancelled: before the source heard of it, and when it has frozen
pause_daemon gw1
must migrate 10.0.0.5 gw2 1 --no-wait
expect_match "an order that the source did not hear is withdrawn" "1 order withdrawn" \
	"$(controller migrate cancel 10.0.0.5 zone 1)"
resume_daemon gw1
# What gw2 holds of it ends by itself, after T_hold.
served_at() { owned_by "$1" 10.0.0.5 && translates "$1" 10.0.0.5; }
expect_within "B2 it stays" 30 served_at gw1
expect_within "the monitor is told that it failed" 10 told failed gw2

pause_daemon gw2
epoch=$(get epoch "$(record 10.0.0.5)")
must migrate 10.0.0.5 gw2 1 --no-wait
must wait_for 20 frozen gw1
controller migrate cancel 10.0.0.5 zone 1 >"$RUN/cancel" 2>&1
rc=$?
say "$(cat "$RUN/cancel")"
if [ "$MODE" = source ]; then
	expect_eq "the destination is being asked: too late, says the exit code" 4 $rc
else
	expect_eq "nobody has reported it yet: withdrawn" 0 $rc
fi
resume_daemon gw2
must wait_for 30 conf_connected gw2
expect_within "B2 it ends in one place" 40 somewhere
expect "B2 at a later epoch" [ "$(get epoch "$(record 10.0.0.5)")" -gt "$epoch" ]
migrate 10.0.0.5 gw1 >/dev/null
must wait_for 20 clean gw1
expect_match "when all is over there is nothing to cancel" "nothing to cancel" \
	"$(controller migrate cancel 10.0.0.5 zone 1)"

# ---- the VM is back before the move has ended
pause_daemon gw2
must migrate 10.0.0.5 gw2 1 --no-wait
must wait_for 20 frozen gw1
migrate 10.0.0.5 gw1 1 --no-wait >/dev/null 2>&1
resume_daemon gw2
must wait_for 30 conf_connected gw2
expect_within "B2 the VM came back too early: one owner" 40 somewhere
migrate 10.0.0.5 gw1 >/dev/null
expect_within "B2 it is where it was" 20 clean gw1
expect "B3 the connection lives" chat_goes_on chat 60

# ---- two orchestrators at once
migrate 10.0.0.5 gw2 >"$RUN/two" 2>&1 &
one=$!
migrate 10.0.0.5 gw3 >"$RUN/three" 2>&1 &
other=$!
wait $one
wait $other
say "to gw2: $(cat "$RUN/two"); to gw3: $(cat "$RUN/three")"
expect_within "B1 B2 two orders at once: one owner" 40 somewhere
owner=$(get owner "$(record 10.0.0.5)")
expect_match "and one of those that were ordered" 'gw[23]' "$owner"
goes "$owner"
expect "B3 the connection lives" chat_goes_on chat 60
expect_eq "B3 at its address" "$public" "$(chat_seen chat | sed 's/:.*//')"

# ---- a gateway that owns nothing can be fenced, but not while it answers
idle=gw1
expect_match "who is connected is not off" "is connected" \
	"$(controller gateway fence $idle reason "by mistake" 2>&1)"
must stop_daemon $idle
gateway_state() { [ "$(controller -j gateway show | jq -r --arg n "$1" '.[] | select(.name == $n) | .state')" = "$2" ]; }
must wait_for 20 gateway_state $idle silent
expect "S8 a gateway without mappings is fenced" controller gateway fence $idle reason "power is off"
expect "S8 and shown so" gateway_state $idle fenced
start_agent $idle
expect_within "it comes back in a new incarnation" 30 conf_connected $idle
chat_stop chat
never_both_on_wire "$public"
