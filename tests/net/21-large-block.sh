#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A block with more bindings than one message between gateways has: all of them move,
# with an open connection, and each port is seen as before.
# shows: S4 S7 S9 B1 B3
# modes: once
# kernel: any
# timeout: 300
. "$(dirname "$0")/lib.sh"
KIND=block
. "$NET_DIR/nat.sh"
POOL_EXTRA=$'ports=8192-65535\nblock-size=8192\nblocks-per-vm=1'
MANY=5000 FIRST=20000

ports() { knatctl "$1" -j binding list private 10.0.0.5 proto udp | jq -c '[.[] | [.private, .public]] | sort'; }
has_chat() { [ "$(knatctl "$1" -j binding list private 10.0.0.5 proto tcp state established | jq -r '.[0].public')" = "$2" ]; }

topology
start_all
route_pool gw1
start_server srv

# The last two are the last in the kernel's list or not: each of them has its place.
declare -A seen
for port in $((FIRST + 17)) $((FIRST + MANY - 1)); do
	seen[$port]=$(ask_udp vm1 $SRV hello $port)
done
chat_start chat vm1 $SRV
must scatter vm1 $SRV $MANY $FIRST
before=$(ports gw1)
expect_range "there are more bindings than 4096" $MANY $((MANY + 10)) "$(jq length <<<"$before")"
public=$(chat_seen chat)
expect "S9 the block moves" migrate 10.0.0.5 gw2
move_vm vm1 2
route_pool gw2
expect_within "S9 settled at gw2" 10 settled gw2 10.0.0.5
expect_eq "S9 with every binding" "$before" "$(ports gw2)"
expect "B3 the connection goes on" chat_goes_on chat
expect "S7 its binding is established as before" has_chat gw2 "$public"
for port in "${!seen[@]}"; do
	expect_eq "S4 port $port is seen as before" "${seen[$port]}" "$(ask_udp vm1 $SRV hello $port)"
done
for gw in gw1 gw2; do
	expect_eq "$gw left out none" 0 "$(daemon_counter $gw bindings-left-out)"
done
expect_eq "B1 and none of it is at gw1" 0 "$(jq length <<<"$(ports gw1)")"
chat_stop chat
