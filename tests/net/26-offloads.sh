#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Whatever the devices on the way do or leave undone (checksums, segments, GRO,
# VLAN tags), the bytes that arrive are the same, for every protocol that an
# address mapping carries, in IPv4 and IPv6 and both directions. Who has a copy
# of a packet (a packet socket, tc mirred) sees it as it came.
# shows: S4
# modes: once
# timeout: 400
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/nat.sh"

# VLAN 7 inside, 8 outside.
vlan() { # NS DEV ID ADDR [ROUTER]
	quiet ip -n "$1" link add link "$2" name "$2.$3" type vlan id "$3"
	quiet ip -n "$1" link set "$2.$3" up
	quiet ip -n "$1" addr add "$4/24" dev "$2.$3"
	[ -z "${5:-}" ] || quiet ip -n "$1" route replace default via "$5"
}
topology --gateways 1
vlan vm1 eth0 7 10.7.0.5 10.7.0.1
vlan gw1 in0 7 10.7.0.1
vlan net transit 8 198.51.101.1
vlan gw1 out0 8 198.51.101.11 198.51.101.1
addr6 net transit.8 2001:db8:8::1
addr6 net srv 2001:db8:2::1
addr6 srv eth0 $SRV_6 2001:db8:2::1
addr6 gw1 in0.7 fd07::1
addr6 gw1 out0.8 2001:db8:8::11 2001:db8:8::1
addr6 vm1 eth0.7 fd07::5 fd07::1
CONTROLLER_EXTRA=$(printf '[pool six]\nkind=address\nprefix=%s\n' $PUBLIC_POOL_6)
AGENT_EXTRA=$(printf '[inside %s]\ninterface=in0.7\nprefix=%s\nzone=1\n' four 10.7.0.0/24 six fd07::/64)
start_all
quiet ip -n net route replace $PUBLIC_POOL via 198.51.101.11
quiet ip -6 -n net route replace $PUBLIC_POOL_6 via 2001:db8:8::11
must ping_from vm1 $SRV 1
must ping_from vm1 $SRV_6 1
public=$(public_of 10.7.0.5)
public6=$(public_of fd07::5)
must ping_from srv "$public" 1
must ping_from srv "$public6" 1

# Somebody who mirrors what comes in, and gets clones of it.
quiet ip -n gw1 link add copy up type dummy
quiet ns gw1 tc qdisc add dev in0.7 clsact
quiet ns gw1 tc filter add dev in0.7 ingress matchall action mirred egress mirror dev copy

set_device() { quiet ns "$1" ethtool -K "$2" "${@:3}"; } # NS DEV OPTIONS...
on=(tx on sg on tso on gso on)
uncut=(tx on sg on tso off gso off)
off=(tso off gso off tx off sg off)
# The last device on each way does all that is left, and nobody joins it again.
set_device net srv "${off[@]}"
set_device lan vm1 "${off[@]}"
set_ends() {
	set_device vm1 eth0 "$@" gro off
	set_device srv eth0 "$@" gro off
}
set_middle() { # GRO OPTIONS...
	set_device lan gw1.in0 "${@:2}" gro "$1"
	set_device gw1 in0 "${@:2}" gro "$1"
	set_device gw1 out0 "${@:2}" gro "$1"
	set_device net gw1 "${@:2}" gro "$1"
}
mac_of() { ip -n "$1" -br link show dev "$2" | awk '{print $3}'; }
srv_router=$(mac_of net srv)
kinds() { ip netns exec gw1 /usr/bin/python3 -E "$NET_DIR/kinds.py" "$@" | sed 's/^/# /'; return "${PIPESTATUS[0]}"; }

all_kinds() { # TEXT [WITNESS...]
	expect "R13 R14 R15 $1: out" kinds kinds "vm1,eth0.7,$GW_MAC,10.7.0.5,$SRV" "srv,eth0,$public,$SRV" 2 "${@:2}"
	expect "R13 R14 R15 $1: in" kinds kinds "srv,eth0,$srv_router,$SRV,$public" "vm1,eth0.7,$SRV,10.7.0.5" 2
	expect "R13 R14 R15 $1: out, IPv6" kinds kinds "vm1,eth0.7,$GW_MAC,fd07::5,$SRV_6" "srv,eth0,$public6,$SRV_6" 2 "${@:2}"
	expect "R13 R14 R15 $1: in, IPv6" kinds kinds "srv,eth0,$srv_router,$SRV_6,$public6" "vm1,eth0.7,$SRV_6,fd07::5" 2
}

set_ends "${on[@]}"
set_middle on "${on[@]}"
all_kinds "everything is left to the devices, S4 and who looks on sees what was sent" gw1,in0.7 gw1,copy
set_middle on "${uncut[@]}"
all_kinds "checksums are left to the devices, GRO joins segments"
set_middle on "${on[@]}"
set_device gw1 in0 "${off[@]}" gro off
set_device gw1 out0 "${off[@]}" gro off
all_kinds "super-packets, and a gateway that can do nothing" gw1,copy
set_ends "${off[@]}"
set_middle off "${off[@]}"
all_kinds "nothing is left to the devices"
expect_eq "the gateway found nothing malformed" 0 "$(counter gw1 drop-malformed)"
expect_eq "and dropped nothing for want of memory" 0 "$(counter gw1 drop-memory)"
