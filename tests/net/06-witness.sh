#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The witness that watches the wires in other scenarios can fail: it does when a
# gateway translates for an address that is another's. Here an operator asserts
# that a gateway is off, and it is not.
# shows: rig
# modes: once
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/nat.sh"

topology
start_all
route_pool gw1
start_server srv
watch_wire
must wait_for 10 ping_from vm1 $SRV 1
public=$(public_of 10.0.0.5)
expect "rig the witness is content with the owner" wait_for 10 one_owner_on_wire "$public"

partition gw1 ctl
gateway_state() { [ "$(controller -j gateway show | jq -r --arg n "$1" '.[] | select(.name == $n) | .state')" = "$2" ]; }
must wait_for 20 gateway_state gw1 silent
must controller takeover private 10.0.0.5 zone 1 to gw2 fenced reason "not true"
expect "rig gw1, which is not off, goes on" wait_for 10 ping_from vm1 $SRV 1
saw_it() { saw wire-gw1-0 "src $public" && [ "$(packets wire-gw1-0)" -gt "$1" ]; }
must wait_for 10 saw_it 1
refuse "rig the witness says so" one_owner_on_wire "$public"
expect_match "rig and whose it was" "left gw1 .* but gw2 owned it" "$(cat "$RUN/said")"

move_vm vm1 2
route_public "$public" gw2
must wait_for 10 ping_from vm1 $SRV 1
refuse "rig both have translated: it says so again" one_owner_on_wire "$public"
: >"$LOGS/none.pcap"
WIRES=("gw1=$LOGS/none.pcap")
refuse "rig a witness that saw nothing is not content" one_owner_on_wire "$public"
