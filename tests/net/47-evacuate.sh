#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A gateway is evacuated: what would go where is told first, plans are respected, the
# controller goes on with it after a crash, and it can be cancelled. A drained gateway
# gets nothing new and keeps what it has.
# shows: S8 S15 B2 B3
# modes: both
# kernel: any
# timeout: 400
. "$(dirname "$0")/lib.sh"
IDLE=600s KIND=port
. "$NET_DIR/nat.sh"

N=200
topology --vms 2 --gateways 3
GATEWAY_EXTRA[gw2]=$'planned=60\nreserve=10'
start_all
route_pool gw1
start_server srv
watch_wire
chat_start chat vm1 $SRV
public=$(chat_seen chat)

field() { controller -j gateway show | jq -r --arg n "$1" --arg f "$2" '.[] | select(.name == $n) | .[$f]'; }
owns() { [ "$(field "$1" mappings)" = "$2" ]; }
fewer() { [ "$(field "$1" mappings)" -lt "$2" ]; }
kernel_has() { [ "$(knatctl "$1" -j mapping show | jq '[.[] | select(.state == "active" and (.suspended | not))] | length')" = "$2" ]; }
evacuation() { controller -j evacuate show "$1" | jq -r ".[0].$2"; }
is() { [ "$(evacuation "$1" state)" = "$2" ]; }

# As in 59: gw1's agent is away while somebody asks in its name.
must stop_daemon gw1
forge gw1 controller --count $N natreq private=10.0.0.6 kind=2 proto=17 port=20000 zone=1 \
	preset=600000 >"$LOGS/forge.out" 2>&1
start_agent gw1
all=$((N + 1))
must wait_for 90 kernel_has gw1 $all

plan=$(controller -j evacuate gw1 to gw2,gw3 --dry-run | jq -c .)
say "$plan"
# Both ports of vm1's address go to one gateway, so do all of vm2's.
expect_eq "S15 the dry run has a place for all" "$all 0" \
	"$(jq -r '.[-1] | "\(.total) \(.failed)"' <<<"$plan")"
expect_eq "S15 and gives gw2 no more than was planned, less its reserve" true \
	"$(jq -r '.[-1].takes_gw2 <= 50' <<<"$plan")"
expect "S15 nothing has moved" owns gw1 $all
none=$(controller -j evacuate gw1 to gw2 --dry-run | jq -c '[.[-1].failed > 0, ([.[] | select(.what == "no-room")] | length) == .[-1].failed, .[0].text]')
expect_match "S15 to gw2 alone some would not fit, each is named, and why" '\[true,true,".*plan-exceeded' "$none"

expect "S8 the evacuation ends" controller -t 120 evacuate gw1 to gw2,gw3 --wait
expect "B2 gw1 owns nothing" owns gw1 0
expect_within "B2 nor has its kernel anything" 30 kernel_has gw1 0
expect_eq "B2 the others have all" $all $(($(field gw2 mappings) + $(field gw3 mappings)))
expect_eq "and it is drained" true "$(field gw1 drained)"
to=$(get owner "$(controller -j mapping show private 10.0.0.5 | jq -c '.[0]')")
move_vm vm1 "${to#gw}"
route_pool "$to"
expect "B3 the connection lives" chat_goes_on chat 60
expect_eq "B2 at its address and port" "$public" "$(chat_seen chat)"

before=$(counter gw1 drop-refused)
refuse "a new VM gets nothing at the drained gateway" ping_from vm2 $SRV 1
expect "and its packets are counted so" counter_over gw1 drop-refused "$before"
expect_match "nor can one be moved there" "is drained" "$(migrate 10.0.0.5 gw1 2>&1)"
expect "the drain ends" controller undrain gw1
expect_eq "and is over" false "$(field gw1 drained)"

# The controller dies in the middle of the way back, and goes on with it.
many=gw3
[ "$(field gw2 mappings)" -lt "$(field gw3 mappings)" ] || many=gw2
had=$(field $many mappings)
must controller evacuate $many to gw1 in-flight 4
must wait_for 60 fewer $many "$had"
kill9 controller
start_controller
must wait_for 30 conf_connected gw1
expect_within "B2 the controller was killed: it goes on with the evacuation" 90 is $many done
expect "B2 and ends it" owns $many 0
expect_within "B2 gw1 translates them" 60 kernel_has gw1 "$(field gw1 mappings)"

must controller evacuate gw1 to gw3 force reason "site 1 is shut down" in-flight 1
expect "the evacuation is cancelled" controller evacuate cancel gw1
expect "and says so" is gw1 cancelled
expect "most are where they were" [ "$(field gw1 mappings)" -gt 0 ]
expect_eq "who did what, and why, is in the audit log" "evacuating evacuation-cancelled" \
	"$(controller -j audit gateway gw1 | jq -r '[.[] | select(.what | test("^evacuati")) | .what] | .[-2:] | join(" ")')"
chat_stop chat
never_both_on_wire "${public%:*}"
