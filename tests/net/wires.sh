# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# For scenarios whose packets are tests/conformance's.

# The same in IPv6, without link-local addresses, which would be announced and asked for.
wires6() { # NUMBER
	quiet ns "gw$1" sh -ec 'cd /proc/sys/net/ipv6
		# An MTU below 1280 and back makes an interface anew.
		echo 1 >conf/default/addr_gen_mode
		echo 1 >conf/in0/addr_gen_mode
		echo 1 >conf/out0/addr_gen_mode
		for f in all lo in0 out0; do echo 0 >conf/$f/disable_ipv6; done
		echo 1 >conf/all/forwarding
		echo 0 >auto_flowlabels
		echo 0 >icmp/ratelimit'
	quiet ip -n "gw$1" -batch - <<-EOF
		addr add fd00::1/64 dev in0 nodad
		addr add 2001:db8:1::1$1/64 dev out0 nodad
		neigh add fd00::2 lladdr 02:00:0e:00:00:05 dev in0
		neigh add 2001:db8:1::1 lladdr 02:00:0d:00:00:01 dev out0
		route add fd00:1::/32 via fd00::2
		route add default via 2001:db8:1::1
		route add blackhole 2001:db8:ff00::/40
	EOF
}

# Both gateways' wires end in one namespace, where one program is all VMs and all
# of the internet. Neighbours are told: nothing but the cases' packets is on a wire.
wires() {
	local n
	setup_ns gw1 gw2 wires
	for n in 1 2; do
		wire "gw$n" in0 wires "in$n"
		wire "gw$n" out0 wires "out$n"
		later "gw$n" link set in0 address $GW_MAC
		later "gw$n" link set out0 address "02:00:0b:00:00:0$n"
		later "gw$n" addr add $GW_INSIDE/24 dev in0
		later "gw$n" addr add "$TRANSIT.1$n/24" dev out0
		later "gw$n" neigh add 10.0.0.2 lladdr 02:00:0e:00:00:05 dev in0
		later "gw$n" neigh add $TRANSIT.1 lladdr 02:00:0d:00:00:01 dev out0
		later "gw$n" route add 10.0.0.0/8 via 10.0.0.2
		later "gw$n" route add default via $TRANSIT.1
		# As operators are told: what no mapping has goes nowhere.
		later "gw$n" route add blackhole 198.18.0.0/15
		later wires link set "in$n" address 02:00:0e:00:00:05
		later wires link set "out$n" address 02:00:0d:00:00:01
	done
	flush
	for n in 1 2; do
		wires6 "$n"
		quiet ns "gw$n" sysctl -q -w net.ipv4.icmp_ratelimit=0
	done
	sysctl -q -w net.ipv4.icmp_msgs_per_sec=1000000 net.ipv4.icmp_msgs_burst=1000000 2>/dev/null
}
