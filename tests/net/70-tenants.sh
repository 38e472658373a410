#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Two tenants use the same private address; each has its own mapping, and moves
# alone.
# shows: S5 S9
# modes: both
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/nat.sh"

topology --tenants 2
start_all
route_pool gw1
start_server srv
expect "S5 tenant 1's VM is served" ping_from vm1 $SRV 1
expect "S5 tenant 2's VM with the same address too" ping_from t2vm1 $SRV 1
one=$(public_of 10.0.0.5 1)
two=$(public_of 10.0.0.5 2)
refuse "S5 they have different public addresses" [ "$one" = "$two" ]
expect_eq "S5 srv sees tenant 1 as" "$one" "$(seen_as tcp vm1 $SRV)"
expect_eq "S5 srv sees tenant 2 as" "$two" "$(seen_as tcp t2vm1 $SRV)"
start_server t2vm1
expect "S5 inbound reaches the right tenant" ask_tcp srv "$two"
refuse "S5 and not the other (no server there)" ask_tcp srv "$one"
start_server vm1
expect_eq "tenant 2 reaches tenant 1 at its public address" "$two" "$(seen_as udp t2vm1 "$one")"
chat_start a vm1 $SRV
chat_start b t2vm1 $SRV
expect "S9 tenant 2's mapping moves" migrate 10.0.0.5 gw2 2
move_vm t2vm1 2
route_public "$two" gw2
expect "S9 tenant 2 is at gw2" settled gw2 10.0.0.5 2
expect "S9 tenant 1 stayed" owned_by gw1 10.0.0.5 1
expect "B3 tenant 1's connection goes on" chat_goes_on a
expect "B3 tenant 2's too" chat_goes_on b
chat_stop a
chat_stop b
