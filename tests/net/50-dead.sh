#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Site 1 dies. Its mapping is taken over, but not before somebody says that it
# is off; when it comes back it translates nothing.
# shows: S8 B1 B2 MIG-11
# modes: both
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/nat.sh"

topology
start_all
route_pool gw1
start_server srv
must ping_from vm1 $SRV 1
public=$(public_of 10.0.0.5)
chat_start chat vm1 $SRV

said=$(controller takeover private 10.0.0.5 zone 1 to gw2 2>&1)
expect_eq "B1 takeover of a gateway that is alive: refused" 2 $?
expect "B1 nothing changed" owned_by gw1 10.0.0.5
say "$said"
expect "B1 the connection goes on" chat_goes_on chat

gateway_off gw1
move_vm vm1 2
route_public "$public" gw2
said=$(controller takeover private 10.0.0.5 zone 1 to gw2 2>&1)
expect_eq "S8 takeover of a silent gateway without fencing: refused" 2 $?
expect_match "S8 the sentence says what to do" 'fenced' "$said"
expect_eq "B1 it still belongs to gw1" gw1 "$(get owner "$(record 10.0.0.5)")"
refuse "B1 so gw2 does not translate it" translates gw2 10.0.0.5
said=$(controller takeover gw1 to gw2 fenced 2>&1)
expect_eq "S8 fencing without a reason is refused" 1 "$([ $? = 0 ] && echo 0 || echo 1)"
expect "S8 takeover with fencing" controller takeover gw1 to gw2 fenced reason "power is off"
expect_within "S8 gw2 owns and translates it" 15 translates gw2 10.0.0.5
expect "S8 the record says so" owned_by gw2 10.0.0.5
expect "B3 the connection survives the death of its gateway" chat_goes_on chat 40
expect_match "S8 at the same public address" "^$public:" "$(chat_seen chat)"
audit=$(controller -j audit "$public")
expect_eq "S8 the audit has cause and reason" "dead power is off" \
	"$(jq -r '[.[] | select(.what == "taken-over")] | last | "\(.cause) \(.text)"' <<<"$audit")"

# gw1 was not off after all, as it turns out when its links come back.
expect "B1 gw1 still believes in its mapping" translates gw1 10.0.0.5
capture out1 gw1 out0 "src $public"
gateway_on gw1
expect_within "B1 back again, it must register anew and gives it up" 30 no_mapping gw1 10.0.0.5
expect_within "B1 it is connected" 20 conf_connected gw1
expect "B1 gw2 has kept it" translates gw2 10.0.0.5
expect "B3 the connection goes on" chat_goes_on chat
expect "B1 gw1 sent nothing with that address" saw_none out1
chat_stop chat
