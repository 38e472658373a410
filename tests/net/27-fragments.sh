#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Fragments. An address mapping translates each as it comes, in any order, in
# IPv4 and IPv6, and puts none together; a port mapping has the kernel put them
# together first, within the kernel's bound, and a flood of them does not stop
# other traffic.
# shows: S4
# modes: once
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/nat.sh"

PORT_POOL=203.0.112.0/28
IDLE=300s
topology --vms 2
topology6
quiet ip -n net route replace $PORT_POOL via "$(out_addr gw2)"
CONTROLLER_EXTRA=$(printf '[pool six]\nkind=address\nprefix=%s\n[pool ports]\nkind=port\nprefix=%s\nports=1024-65535\n' \
	$PUBLIC_POOL_6 $PORT_POOL)
load_module
start_controller
AGENT_EXTRA=$(printf '[inside six]\ninterface=in0\nprefix=fd00::/64\nzone=1\n')
start_agent gw1
AGENT_EXTRA= KIND=port
start_agent gw2
must wait_for 30 conf_connected gw1
must wait_for 30 conf_connected gw2
move_vm vm2 2
route_pool gw1
route_pool6 gw1
start_server srv
must ping_from vm1 $SRV 1
must ping_from vm1 $SRV_6 1
public=$(public_of 10.0.0.5)
public6=$(public_of fd00::5)
must ping_from srv "$public" 1
must ping_from srv "$public6" 1

srv_router=$(ip -n net -br link show dev srv | awk '{print $3}')
kinds() { ip netns exec gw1 /usr/bin/python3 -E "$NET_DIR/kinds.py" "$@" | sed 's/^/# /'; return "${PIPESTATUS[0]}"; }
# reassembled GW FIELD: of the IP layer's counters, ReasmReqds ReasmFails.
reassembled() { ip netns exec "$1" awk -v f="$2" '/^Ip:/ { if (!n) n = split($0, h); else for (i = 1; i <= n; i++) if (h[i] == f) print $i }' /proc/net/snmp; }
before=$(reassembled gw1 ReasmReqds)
expect "4787-14 fragments in any order, out" kinds fragments "vm1,eth0,$GW_MAC,10.0.0.5,$SRV" "srv,eth0,$public,$SRV" 2
expect "4787-14 and in" kinds fragments "srv,eth0,$srv_router,$SRV,$public" "vm1,eth0,$SRV,10.0.0.5" 2
expect "R16 IPv6, out" kinds fragments "vm1,eth0,$GW_MAC,fd00::5,$SRV_6" "srv,eth0,$public6,$SRV_6" 2
expect "R16 and in" kinds fragments "srv,eth0,$srv_router,$SRV_6,$public6" "vm1,eth0,$SRV_6,fd00::5" 2
expect_eq "4787-14 nothing was put together for it" "$before" "$(reassembled gw1 ReasmReqds)"
expect "S4 a datagram of four fragments by an address mapping" ping_from vm1 $SRV 1 -s 4000
expect "S4 of IPv6" ping_from vm1 $SRV_6 1 -s 4000

expect "4787-14 a datagram of four fragments by a port mapping" ping_from vm2 $SRV 1 -s 4000
impair vm2 eth0 delay 20ms reorder 50%
expect "4787-14 and when they come in another order" ping_from vm2 $SRV 3 -s 4000
impair vm2 eth0
expect_range "they were put together" 12 100000 "$(reassembled gw2 ReasmReqds)"

quiet ns gw2 sysctl -qw net.ipv4.ipfrag_low_thresh=196608 net.ipv4.ipfrag_high_thresh=262144
must kinds flood "vm2,eth0,$GW_MAC,10.0.0.6,$SRV" 1000
waiting=$(ip netns exec gw2 awk '/^FRAG:/ { print $5 }' /proc/net/sockstat)
expect_range "4787-14a 1000 datagrams that never become whole take what the kernel's bound allows (bytes)" \
	1 270000 "$waiting"
expect_range "4787-14a and more were turned away" 500 1000 "$(reassembled gw2 ReasmFails)"
expect "4787-14a traffic without fragments goes on" ping_from vm2 $SRV 3
must kinds flood "vm1,eth0,$GW_MAC,10.0.0.5,$SRV" 1000
expect_eq "4787-14a an address mapping keeps none of them" 0 \
	"$(ip netns exec gw1 awk '/^FRAG:/ { print $5 }' /proc/net/sockstat)"
