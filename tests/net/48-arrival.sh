#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A VM announces itself by ARP at another gateway. By default nobody hears it; where
# that is configured it is a request like a first packet, and moves nothing unless the
# gateway that has the mapping knows that the VM left.
# shows: S1 S8 S11 B1
# modes: both
# kernel: any
# timeout: 300
. "$(dirname "$0")/lib.sh"
IDLE=600s
. "$NET_DIR/nat.sh"

topology --vms 2
start_all
route_pool gw1
start_server srv
must ping_from vm1 $SRV 1
public=$(public_of 10.0.0.5)

# announce NS ADDR: a gratuitous ARP.
announce() {
	ip netns exec "$1" /usr/bin/python3 -E - "$2" <<-'END'
		import socket, sys
		ip = socket.inet_aton(sys.argv[1])
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
		s.bind(("eth0", 0))
		mac = s.getsockname()[4]
		s.send(b"\xff" * 6 + mac + b"\x08\x06" + b"\x00\x01\x08\x00\x06\x04\x00\x01" +
		       mac + ip + b"\x00" * 6 + ip)
	END
}
heard() { [ "$(daemon_counter gw2 arrivals)" -gt "$1" ]; }
refused_more() { [ "$(daemon_counter controller refused)" -gt "$1" ]; }
unmoved() { owned_by gw1 10.0.0.5 && [ "$(get epoch "$(record 10.0.0.5)")" = 1 ] && translates gw1 10.0.0.5; }

# vm2 is at site 2 and says that it is vm1.
move_vm vm2 2
requests=$(daemon_counter controller requests)
must announce vm2 10.0.0.5
expect_stays "S1 by default nobody hears it" 2 unmoved
expect_eq "S1 and nobody asks" "$requests" "$(daemon_counter controller requests)"

must stop_daemon gw2
AGENT_EXTRA="hear-arp=yes"
start_agent gw2
must wait_for 30 conf_connected gw2
refused=$(daemon_counter controller refused)
must announce vm2 10.0.0.5
expect_within "S1 where it is configured it is heard" 10 heard 0
expect_within "S11 gw1 was asked, and does not agree" 10 refused_more "$refused"
expect "B1 the mapping has not moved" unmoved
expect "B1 and goes on" ping_from vm1 $SRV 1

# The VM really goes, and gw1 is told so.
move_vm vm1 2
natctl gw1 migrate 10.0.0.5 zone 1 to gw2 --no-wait
must announce vm1 10.0.0.5
route_public "$public" gw2
expect_within "S8 then it arrives" 30 settled gw2 10.0.0.5
must announce vm1 10.0.0.5
expect "B1 announced where it is, nothing happens" translates gw2 10.0.0.5
expect "S8 it is served there" ping_from vm1 $SRV 1
