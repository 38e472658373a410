#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Destinations that are not translated.
# shows: S3
# modes: once
# kernel: any
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/nat.sh"
# At the end of the file, so in the last [inside]. 10.0.0.0/8 is where the VMs are.
AGENT_EXTRA="exclude=$SRV2/32;10.0.0.0/8"

topology --vms 2
start_all
route_pool gw1
quiet ip -n net route add 10.0.0.0/24 via "$(out_addr gw1)"
start_server srv
start_server vm2

expect_eq "6888-6 an excluded destination sees the private address" "10.0.0.5:5555 hello" \
	"$(ask_udp vm1 $SRV2 hello 5555)"
expect_eq "6888-6 with tcp too" 10.0.0.5 "$(seen_as tcp vm1 $SRV2)"
expect "6888-6 each such packet ends in pass-excluded" counter_over gw1 pass-excluded 3
expect_eq "6888-6 nobody was asked for a mapping" 0 "$(counter gw1 upcalls)"
expect_match "6888-6 another destination sees a public one" '^203\.0\.113\.[0-9]+:5555 hello' \
	"$(ask_udp vm1 $SRV hello 5555)"
public=$(public_of 10.0.0.5)
must ping_from vm2 $SRV 1
expect_eq "4787-9 a hairpin is translated though its end is excluded" "$public" \
	"$(seen_as tcp vm1 "$(public_of 10.0.0.6)")"

# The gateway's own ICMP error says what the excluded sender sent to.
quiet ip -n gw1 link set in0 mtu 1300
ns srv ping -n -q -c 2 -i 0.2 -W 1 -M do -s 1372 -I $SRV2 10.0.0.5 >/dev/null
expect_match "6888-6 path MTU discovery works for a destination that is not translated" 'mtu 1300' \
	"$(ip -n srv route get 10.0.0.5 from $SRV2)"
