#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Destinations that are not translated; a static mapping that the world reaches
# first; and limits.
# shows: S3 S5
# modes: once
# kernel: any
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/nat.sh"
# At the end of the file, so in the last [inside]. 10.0.0.0/8 is where the VMs are.
AGENT_EXTRA="exclude=$SRV2/32;10.0.0.0/8"

# vm2 is the server. Two of this zone, and no more.
CONTROLLER_EXTRA="[static web]
private=10.0.0.6
zone=1
public=203.0.113.50
gateway=gw1
[limits]
mappings-per-zone=2"

topology --vms 3
start_all
route_pool gw1
quiet ip -n net route add 10.0.0.0/24 via "$(out_addr gw1)"
start_server srv
start_server vm2

expect "a static mapping is reached before its VM has said anything" ping_from srv 203.0.113.50 1
web=$(mapping gw1 10.0.0.6)
expect_eq "it is never given back by idleness" "active 0" "$(get state "$web") $(jq .preset_ms <<<"$web")"
asked=$(counter gw1 upcalls)
expect_eq "6888-6 an excluded destination sees the private address" "10.0.0.5:5555 hello" \
	"$(ask_udp vm1 $SRV2 hello 5555)"
expect_eq "6888-6 with tcp too" 10.0.0.5 "$(seen_as tcp vm1 $SRV2)"
expect "6888-6 each such packet ends in pass-excluded" counter_over gw1 pass-excluded 3
expect_eq "6888-6 nobody was asked for a mapping" "$asked" "$(counter gw1 upcalls)"
expect_match "6888-6 another destination sees a public one" '^203\.0\.113\.[0-9]+:5555 hello' \
	"$(ask_udp vm1 $SRV hello 5555)"
public=$(public_of 10.0.0.5)
expect_eq "the VM is seen with its static address" 203.0.113.50 "$(seen_as udp vm2 $SRV)"
expect "6888-4 the zone's limit is told when it is reached" log_has controller 'limit: zone 1 has 2 of its 2'
expect_eq "6888-4 once" 1 "$(daemon_counter controller limits)"
refuse "6888-4 one more VM of the zone is refused" ask_udp vm3 $SRV
expect_eq "6888-4 with that reason" 1 "$(daemon_counter controller refused_limit)"
expect "6888-11 and its packets end in drop-refused" counter_over gw1 drop-refused 0
expect_eq "4787-9 a hairpin is translated though its end is excluded" "$public" \
	"$(seen_as tcp vm1 203.0.113.50)"

# The gateway's own ICMP error says what the excluded sender sent to.
quiet ip -n gw1 link set in0 mtu 1300
ns srv ping -n -q -c 2 -i 0.2 -W 1 -M do -s 1372 -I $SRV2 10.0.0.5 >/dev/null
expect_match "6888-6 path MTU discovery works for a destination that is not translated" 'mtu 1300' \
	"$(ip -n srv route get 10.0.0.5 from $SRV2)"
