#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A VM's first packet makes its gateway ask the controller; the packet waits,
# and all later ones are translated without asking.
# shows: S1 S2 S3 S4 S5 S16
# modes: once
# debug: yes
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/nat.sh"

topology --vms 3
start_all
route_pool gw1
start_server srv
capture control ctl ctl0 "tcp port $CONTROLLER_PORT"
capture out1 gw1 out0 "not arp"

expect "S3 the first packet itself is translated and answered" ping_from vm1 $SRV 1
expect "S1 the gateway asked the controller" counter_over gw1 upcalls 0
expect "S2 the controller has the record, owner gw1" owned_by gw1 10.0.0.5
public=$(public_of 10.0.0.5)
expect_match "S2 with an address of the pool" '^203\.0\.113\.' "$public"
expect_eq "S3 srv sees the public address (tcp)" "$public" "$(seen_as tcp vm1 $SRV)"
expect_eq "S3 srv sees the public address (udp)" "$public" "$(seen_as udp vm1 $SRV)"
expect_eq "S4 an address mapping keeps the port" "$public:5555 hello" "$(ask_udp vm1 $SRV hello 5555)"
expect "S4 inbound: srv reaches the VM at its public address" ping_from srv "$public" 1
asked=$(counter gw1 upcalls)
expect "S3 many packets later" ping_from vm1 $SRV 10
expect_eq "S3 nothing more was asked" "$asked" "$(counter gw1 upcalls)"
expect "S16 no private address leaves the gateway" saw_none out1 "host 10.0.0.5"
expect "S16 controller and gateway talk over the control network" saw control "host $(ctl_addr gw1)"

expect "S5 vm2 gets a mapping of its own" ping_from vm2 $SRV 1
expect "S5 vm3 too" ping_from vm3 $SRV 1
expect_eq "S5 three VMs, three public addresses" 3 \
	"$(controller -j mapping show | jq '[.[] | select(.state == "granted") | .public] | unique | length')"
expect_eq "S5 each of them one mapping" 3 "$(knatctl gw1 -j mapping show | jq length)"
server=$(public_of 10.0.0.6)
start_server vm2
expect_eq "a VM reaches another at its public address, and is seen with its own" \
	"$public" "$(seen_as tcp vm1 "$server")"
expect "S16 controller and gateways are separate machines: gw2 has nothing" no_mapping gw2 10.0.0.5
must knatctl gw1 -d mapping show
must controller gateway show
must controller pool show
