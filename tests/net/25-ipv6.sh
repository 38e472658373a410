#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# IPv6: the first packet asks, TCP, UDP and echo are translated both ways, and so
# are ICMPv6 errors with what they quote: path MTU discovery and traceroute work
# through it. Two VMs of one gateway meet at their public addresses; a mapping is
# released when it is idle, and moves with an open connection.
# shows: S1 S2 S3 S4 S5 S9 S13 B3 6888-8
# modes: once
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/nat.sh"

topology --vms 2 --no-offload
topology6
# Deprecated: used by who names it.
quiet ip -n vm2 addr add fd00::7/64 dev eth0 nodad preferred_lft 0
CONTROLLER_EXTRA=$(printf '[pool six]\nkind=address\nprefix=%s\nzones=1\n' $PUBLIC_POOL_6)
AGENT_EXTRA=$(printf '[inside %s]\ninterface=in0\nprefix=%s\nzone=%s\nidle-timeout=%s\n' \
	six fd00::/64 1 $'60s\nexclude=2001:db8:2::90/124' brief fd00::6/128 1 4s none fd00::7/128 9 60s)
start_all
route_pool6 gw1
start_server srv
start_server vm1
capture out1 gw1 out0 "ip6"
capture in1 gw1 in0 "ip6"

expect "S1 S3 the first packet itself is translated and answered" ping_from vm1 $SRV_6 1
expect "S2 the controller has the record, owner gw1" owned_by gw1 fd00::5
public=$(public_of fd00::5)
expect_match "S2 with an address of the pool" '^2001:db8:ffff::' "$public"
expect_eq "S3 srv sees the public address (tcp)" "$public" "$(seen_as tcp vm1 $SRV_6)"
expect_eq "S4 an address mapping keeps the port (udp)" "[$public]:5555 hello" "$(ask_udp vm1 $SRV_6 hello 5555)"
expect "S4 inbound: srv reaches the VM at its public address" ping_from srv "$public" 1
expect_match "S4 inbound by tcp" "^\[$SRV_6\]:" "$(ask_tcp srv "$public")"
expect "S16 no private address leaves the gateway" saw_none out1 "net fd00::/64"
must knatctl gw1 -d mapping show

quiet ip -n srv addr add 2001:db8:2::99/64 dev eth0 nodad preferred_lft 0
quiet ip -6 -n net route add fd00::/64 via "$(out_addr6 gw1)"
expect_eq "6888-6 an excluded destination sees the private address" "[fd00::5]:5555 hello" \
	"$(ask_udp vm1 2001:db8:2::99 hello 5555)"
expect "6888-6 such packets end in pass-excluded" counter_over gw1 pass-excluded 0

# 5508-4, 5508-5, 4787-12b: errors about packets of both directions.
errors() { # NS PING-ARGS...: what ping says of errors
	ip netns exec "$1" ping -n -c 1 -W 3 "${@:2}" 2>&1 | sed -n 's/^From //p' | head -n 1
}
mtu_to() { ip -6 -n "$1" route get "$2" | sed -n 's/.* mtu \([0-9]*\).*/\1/p'; }
expect_match "5508-5 a VM's error reaches srv, which knows the packet" "refused" \
	"$(ask_udp srv "$public" hello 0 9 2>&1)"
expect_match "traceroute from the VM: the gateway" '^fd00::1[: ]' "$(errors vm1 -t 1 $SRV_6)"
expect_match "5508-4 and the router behind it" '^2001:db8:1::1[: ]' "$(errors vm1 -t 2 $SRV_6)"
expect_match "traceroute from srv: the gateway's own error quotes the public address" \
	"^$(out_addr6 gw1)[: ]" "$(errors srv -t 2 "$public")"
quiet ip -n net link set srv mtu 1300
expect_match "4787-13 a packet too big outside" 'Packet too big: mtu=1300' \
	"$(errors vm1 -M do -s 1400 $SRV_6)"
expect_eq "4787-13 the VM knows the path MTU" 1300 "$(mtu_to vm1 $SRV_6)"
quiet ip -n net link set srv mtu 1500
quiet ip -n gw1 link set in0 mtu 1310
expect_match "4787-13 a packet too big inside: the gateway's own error" 'Packet too big: mtu=1310' \
	"$(errors srv -M do -s 1400 "$public")"
expect_eq "4787-13 srv knows the path MTU" 1310 "$(mtu_to srv "$public")"
quiet ip -n gw1 link set in0 mtu 1500

expect_match "5508-8 who gets no mapping is told" 'Administratively prohibited' "$(errors vm2 -I fd00::7 $SRV_6)"

expect_eq "4787-9a hairpin: vm1 is seen with its public address by itself" "$public" "$(seen_as tcp vm1 "$public")"
expect "S5 vm2 gets a mapping of its own" ping_from vm2 $SRV_6 1
second=$(public_of fd00::6)
expect_match "S5 with another address of the pool" '^2001:db8:ffff::' "$second"
expect_eq "4787-9a hairpin: vm2 is seen by vm1 with its public address" "$second" "$(seen_as udp vm2 "$public")"
expect "5508-7 hairpin of echo" ping_from vm1 "$second" 1
expect_within "S13 vm2's mapping, of a narrower prefix, is idle and released" 20 no_mapping gw1 fd00::6
expect_within "S13 and at the controller" 10 record_state quarantine fd00::6

chat_start chat vm1 $SRV_6
move_vm vm1 2
expect "S9 it moves" migrate fd00::5 gw2
route_pool6 gw2
expect_within "S9 settled at gw2" 10 settled gw2 fd00::5
expect "B3 the tcp connection goes on" chat_goes_on chat 20
expect_match "B3 seen as before" "^\[$public\]:" "$(chat_seen chat)"
chat_stop chat
capture_stop out1
capture_stop in1
expect_eq "checksums outside are right" 0 "$(bad_checksums out1)"
expect_eq "checksums inside are right" 0 "$(bad_checksums in1)"
expect_eq "and the gateway found nothing malformed" 0 "$(counter gw1 drop-malformed)"
