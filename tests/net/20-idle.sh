#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An idle mapping is released; traffic in either direction keeps it.
# shows: S6 S13 6888-8 MIG-7
# modes: once
# debug: yes
# timeout: 300
. "$(dirname "$0")/lib.sh"
IDLE=8s QUARANTINE=60s
. "$NET_DIR/nat.sh"

topology --vms 2
start_all
route_pool gw1
start_server srv

must ping_from vm1 $SRV 1
public=$(public_of 10.0.0.5)
id=$(get id "$(record 10.0.0.5)")
expect_eq "S6 the preset is the configured one" 8000 "$(get preset_ms "$(mapping gw1 10.0.0.5)")"
expect "S6 outbound traffic keeps it for 10 s" ip netns exec vm1 ping -n -q -i 2 -c 6 $SRV
expect "S6 inbound traffic keeps it for 10 s" ip netns exec srv ping -n -q -i 2 -c 6 "$public"
began=$(now_ms)
expect "S6 it is still there" translates gw1 10.0.0.5
expect_within "S6 idle, it leaves the kernel" 20 no_mapping gw1 10.0.0.5
expect_range "S6 not before its time (ms)" 6000 14000 $(($(now_ms) - began))
expect "S13 the controller has released it: quarantine" record_state quarantine 10.0.0.5
expect_eq "S13 at the owner's request: nothing was refused" 0 "$(daemon_counter controller refused)"
expect "S6 the address may not go to another VM yet" ping_from vm2 $SRV 1
refuse "B2 vm2 has another one" [ "$(public_of 10.0.0.6)" = "$public" ]
expect "S6 the same VM gets its address back at once" ping_from vm1 $SRV 1
expect_eq "S6 the same address" "$public" "$(public_of 10.0.0.5)"
expect_eq "S6 the same mapping" "$id" "$(get id "$(record 10.0.0.5)")"
expect_eq "S6 at the next epoch" 2 "$(get epoch "$(record 10.0.0.5)")"
expect "an administrator may release too" natctl gw1 mapping release public "$public"
expect "S13 and the kernel let go of it after the grant" no_mapping gw1 10.0.0.5
