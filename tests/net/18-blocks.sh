#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Blocks of ports from end to end: one for a VM's first packet, all its ports in it,
# the next one in time, and all of it moves.
# shows: S1 S2 S3 S4 S5 S9 S12
# modes: both
# timeout: 300
. "$(dirname "$0")/lib.sh"
KIND=block
. "$NET_DIR/nat.sh"
POOL_EXTRA=$'block-size=256\nblocks-per-vm=2'

asked() { daemon_counter controller requests; }
block_of() { public_of "$@" | head -n 1; }
bindings() { knatctl "$1" -j binding list private 10.0.0.5 "${@:2}"; }
has_blocks() { [ "$(knatctl "$1" -j mapping show private 10.0.0.5 | jq length)" = "$2" ]; }
has_chat() { [ "$(bindings "$1" proto tcp state established | jq -r '.[0].public')" = "$2" ]; }

topology --vms 2
start_all
route_pool gw1
start_server srv

port=$(ask_udp vm1 $SRV hello 5555)
expect_match "S4 the VM is seen with a port of a public address" '^203\.0\.113\.[0-9]+:[0-9]+ hello' "$port"
expect_match "S2 the controller gave it a block" '^203\.0\.113\.[0-9]+:[0-9]+-[0-9]+$' "$(block_of 10.0.0.5)"
seen=$(ask_many vm1 $SRV 150) || fail "S3 150 ports at once are answered"
expect_eq "S3 each has a port of its own" 150 "$(cut -d' ' -f2 <<<"$seen" | sort -u | grep -c .)"
expect_eq "6888-2 all of one address" 1 "$(cut -d' ' -f2 <<<"$seen" | cut -d: -f1 | sort -u | grep -c .)"
expect_eq "S3 for all of them the controller was asked once" 1 "$(asked)"
expect_eq "4787-1 another destination, the same public port" "$port" "$(ask_udp vm1 $SRV2 hello 5555)"
expect_range "the kernel shows them" 151 400 "$(bindings gw1 proto udp | jq length)"

# 192 of 256 is three quarters.
must ask_many vm1 $SRV 60
expect_within "the next block is asked for before the first is full" 5 has_blocks gw1 2
expect_eq "S3 by one more request" 2 "$(asked)"
expect_eq "6888-2 on the same address" 1 \
	"$(knatctl gw1 -j mapping show private 10.0.0.5 | jq -r '[.[].public | split(":")[0]] | unique | length')"
expect "S5 another VM has a block of its own" ask_udp vm2 $SRV

chat_start chat vm1 $SRV
public=$(chat_seen chat)
expect_within "the open connection is a binding" 5 has_chat gw1 "$public"
expect "S9 the VM's blocks move" migrate 10.0.0.5 gw2
move_vm vm1 2
route_pool gw2
expect "S9 the connection goes on" chat_goes_on chat
expect_eq "S9 with the same public port" "$public" "$(chat_seen chat)"
expect "S9 its binding is at gw2, established as before" has_chat gw2 "$public"
expect "S9 both blocks are" has_blocks gw2 2
expect "S9 and none of them at gw1" no_mapping gw1 10.0.0.5
expect_eq "S9 a udp port is seen as before" "$port" "$(ask_udp vm1 $SRV hello 5555)"
expect_eq "S12 the owner of both is gw2" "gw2 gw2" \
	"$(controller -j mapping show private 10.0.0.5 | jq -r '[.[].owner] | join(" ")')"
expect_match "6888 section 4: who had that port is in the audit" '10\.0\.0\.5' \
	"$(controller audit "$public" at "$(date -Is)")"
chat_stop chat
