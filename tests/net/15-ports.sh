#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Mappings of a private address and a port: each port of a VM has its own.
# shows: S1 S2 S3 S4 S5
# modes: both
# debug: yes
# timeout: 300
. "$(dirname "$0")/lib.sh"
KIND=port
. "$NET_DIR/nat.sh"

topology --vms 2
start_all
route_pool gw1
start_server srv

answer=$(ask_udp vm1 $SRV hello 5555)
expect_match "S4 udp port 5555 is seen as a public address and port" '^203\.0\.113\.[0-9]+:[0-9]+ hello' "$answer"
expect_eq "S4 another destination, the same public side (endpoint-independent)" "$answer" \
	"$(ask_udp vm1 $SRV2 hello 5555)"
other=$(ask_udp vm2 $SRV hello 5555)
expect_match "S5 the same port of another VM has its own" '^203\.0\.113\.[0-9]+:[0-9]+ hello' "$other"
refuse "S5 and it is not the same public side" [ "$answer" = "$other" ]
chat_start chat vm1 $SRV
expect_match "S4 tcp has its own mapping" '^203\.0\.113\.[0-9]+:[0-9]+$' "$(chat_seen chat)"
expect "S4 icmp echo by its identifier" ping_from vm1 $SRV 3
kinds=$(knatctl gw1 -j mapping show | jq -r '[.[].protocol] | unique | join(" ")')
expect_eq "S4 the kernel has mappings of the three protocols" "icmp tcp udp" "$kinds"

move_vm vm1 2
must migrate 10.0.0.5 gw2
route_pool gw2
expect "S9 all mappings of the VM moved: its tcp connection goes on" chat_goes_on chat
expect_eq "S9 its udp port is seen as before" "$answer" "$(ask_udp vm1 $SRV hello 5555)"
expect "S9 gw1 has none of them any more" no_mapping gw1 10.0.0.5
chat_stop chat
before=$(counter gw2 drop-protocol)
ns vm1 python3 - $SRV <<-'END'
	import socket, sys
	s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132)
	s.sendto(b"\x16\x2e\x16\x2e\0\0\0\0\0\0\0\0", (sys.argv[1], 0))
END
expect_within "B5 a protocol that a port mapping cannot carry is dropped with that reason" 5 \
	counter_over gw2 drop-protocol "$before"
