#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The rig itself, without the product: plain forwarding between vm1 and srv by
# gateway 1, then by gateway 2 after vm1 moved, while its connection lives.
# shows: rig
# modes: once
# debug: yes
# timeout: 300
. "$(dirname "$0")/lib.sh"

topology --tenants 2 --no-offload
ip_of_vm=${VM_ADDR[vm1]}
route_private "$ip_of_vm" gw1
start_server srv
capture out1 gw1 out0
capture out2 gw2 out0

expect "rig vm1 reaches its gateway" ping_from vm1 $GW_INSIDE
expect "rig vm1 reaches srv over gw1 (icmp)" ping_from vm1 $SRV
expect_eq "rig srv sees vm1 (udp)" "$ip_of_vm" "$(seen_as udp vm1 $SRV)"
expect_eq "rig srv sees vm1 (tcp)" "$ip_of_vm" "$(seen_as tcp vm1 $SRV)"
expect_eq "rig the server answers from the address asked" "$ip_of_vm:4000 there" \
	"$(ask_udp vm1 $SRV2 there 4000)"
expect "rig the capture at gw1 saw it" wait_for 5 saw out1 "udp and src $ip_of_vm and dst $SRV2"
expect "rig gw2 had no part in it" saw_none out2 "host $ip_of_vm"

chat_start chat vm1 $SRV
fetch_start file vm1 $SRV 400000 80000
probe_start probe vm1 $SRV
must wait_for 20 fetched_over file 50000
move_vm vm1 2
route_private "$ip_of_vm" gw2
expect "rig the tcp connection goes on at site 2" chat_goes_on chat
expect "rig the download ends, all bytes right" fetch_wait file
probe=$(probe_stop probe)
say "probe: $probe"
expect_range "rig datagrams lost by the move" 0 150 "$(field lost "$probe")"
capture_stop out1
capture_stop out2
expect "rig gw2 forwards after the move" saw out2 "src $ip_of_vm and tcp"
expect_eq "rig checksums on gw1's wire are right" 0 "$(bad_checksums out1)"
expect_eq "rig checksums on gw2's wire are right" 0 "$(bad_checksums out2)"
chat_stop chat

# The other tenant has the same address; the mark tells them apart.
start_server t2vm1
must ns gw1 nft -f - <<-END
	table inet tenant {
		chain c { type filter hook prerouting priority -150; iif out0 udp dport $PORT meta mark set 2; }
	}
END
route_private "$ip_of_vm" gw1
expect "rig marked packets reach tenant 2" wait_for 10 ask_udp srv "$ip_of_vm"
refuse "rig unmarked ones do not (vm1 is elsewhere)" ask_tcp srv "$ip_of_vm"

# Failures are failures for the others too.
expect "rig the control network joins gw1 and ctl" ping_from gw1 "$(ctl_addr ctl)" 1
partition gw1 ctl
refuse "rig a partition parts them" ping_from gw1 "$(ctl_addr ctl)" 1
expect "rig gw2 and ctl are not parted" ping_from gw2 "$(ctl_addr ctl)" 1
heal gw1 ctl
expect "rig and it heals" ping_from gw1 "$(ctl_addr ctl)" 1
gateway_off gw2
refuse "rig nobody reaches a dead site's gateway" ping_from vm1 $GW_INSIDE 1
gateway_on gw2
expect "rig it comes back" wait_for 10 ping_from vm1 $GW_INSIDE 1

# A public address goes where its route leads, and nowhere without one.
capture net1 gw1 out0 "dst host 203.0.113.7"
route_public 203.0.113.7 gw1
refuse "rig nobody answers at 203.0.113.7" ping_from srv 203.0.113.7 1
expect "rig but gw1 is asked" wait_for 5 saw net1
capture_stop net1
route_public 203.0.113.7 none
expect "rig the certificates are there" pki_ready
