# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The network of lib.sh's drawing, built of namespaces and veth pairs.

PUBLIC_POOL=203.0.113.0/24
TRANSIT=198.51.100 CONTROL=172.31.0
SRV=192.0.2.2 SRV2=192.0.2.3
GW_INSIDE=10.0.0.1
GW_MAC=02:00:0a:00:00:01
declare -A VM_ADDR VM_SITE VM_TENANT GW_NUMBER
NAMESPACES=()

# ns NAME CMD...: run a command in a namespace; same pid, no fork in between.
ns() { ip netns exec "$@"; }

# out_addr GW, ctl_addr NAME: a gateway's addresses outside and for control.
out_addr() { echo "$TRANSIT.$((10 + GW_NUMBER[$1]))"; }
ctl_addr() { if [ "$1" = ctl ]; then echo "$CONTROL.1"; else echo "$CONTROL.$((10 + GW_NUMBER[$1]))"; fi; }

# An emulated CPU needs 50 ms to start a program, so what is to be configured is
# collected, and done by one ip for all links and one per namespace.
declare -A QUEUE
LINKS= MTU=1500 TENANTS=1 NO_OFFLOAD=

# later NS WORDS...: a command for ip in that namespace, done by flush.
later() { QUEUE[$1]+="${*:2}"$'\n'; }

# setup_ns NAME...: new namespaces, there after flush; IPv4 only, so that
# nothing but what a scenario sends is on the wire.
setup_ns() {
	local n
	for n; do
		LINKS="netns add $n"$'\n'$LINKS
		[[ " ${NAMESPACES[*]} " == *" $n "* ]] || NAMESPACES+=("$n")
		later "$n" link set lo up
	done
}

# flush: what was collected is done when it returns.
flush() {
	local n said
	[ -z "$LINKS" ] || said=$(ip -batch - <<<"$LINKS" 2>&1) || bail "links: $said"
	LINKS=
	for n in "${!QUEUE[@]}"; do
		said=$(ip netns exec "$n" sh -c 'cd /proc/sys/net || exit
			for f in ipv6/conf/*; do echo 1 >$f/disable_ipv6; done
			for f in ipv4/conf/*; do
				echo 0 >$f/rp_filter
				echo 0 >$f/send_redirects
				echo 0 >$f/accept_redirects
			done
			case $1 in gw*|net) echo 1 >ipv4/ip_forward ;; *) echo 0 >ipv4/ip_forward ;; esac
			ip -batch - || exit
			[ -n "$2" ] || exit 0
			for dev in $(ip -br link show type veth | cut -d@ -f1); do
				ethtool -K $dev tx off gso off tso off gro off sg off || exit
			done' - "$n" "$NO_OFFLOAD" <<<"${QUEUE[$n]}" 2>&1) || bail "$n: $said"
	done
	QUEUE=()
}

# cleanup_ns: ends what still runs in the namespaces, then the namespaces.
cleanup_ns() {
	local n pids
	for n in "${NAMESPACES[@]}"; do
		pids=$(ip netns pids "$n" 2>/dev/null)
		# shellcheck disable=SC2086
		[ -z "$pids" ] || kill -9 $pids 2>/dev/null
	done
	[ ${#NAMESPACES[@]} = 0 ] || printf 'netns del %s\n' "${NAMESPACES[@]}" | ip -force -batch - 2>/dev/null
	NAMESPACES=()
}

# wire NS_A DEV_A NS_B DEV_B: a veth pair, both ends up.
wire() {
	LINKS+="link add $2 netns $1 mtu $MTU type veth peer name $4 netns $3 mtu $MTU"$'\n'
	later "$1" link set "$2" up
	later "$3" link set "$4" up
}

# bridge NS NAME: also when it is there already.
declare -A BRIDGES
bridge() {
	[ -z "${BRIDGES[$2]:-}" ] || return 0
	BRIDGES[$2]=$1
	later "$1" link add "$2" mtu "$MTU" up type bridge forward_delay 0 mcast_snooping 0
}

# add_gateway NUMBER: gwN at site N, after flush. machine.py makes it again after
# a power loss: what is changed here is changed there.
add_gateway() {
	local gw=gw$1 t dev
	GW_NUMBER[$gw]=$1
	setup_ns "$gw"
	for t in $(seq "$TENANTS"); do
		dev=in$((t - 1))
		bridge lan "s$1t$t"
		wire "$gw" "$dev" lan "$gw.$dev"
		later lan link set "$gw.$dev" master "s$1t$t"
		later "$gw" link set "$dev" address $GW_MAC
		if [ "$t" = 1 ]; then
			later "$gw" addr add $GW_INSIDE/24 dev "$dev"
		else
			# The same prefix again: reached by mark only.
			later "$gw" addr add $GW_INSIDE/24 dev "$dev" noprefixroute
			later "$gw" route add 10.0.0.0/24 dev "$dev" src $GW_INSIDE table $((100 + t))
			later "$gw" rule add fwmark "$t/0xff" lookup $((100 + t))
		fi
	done
	wire "$gw" out0 net "$gw"
	later net link set "$gw" master transit
	# The same hardware when it comes again (machine.py): neighbours remember it.
	later "$gw" link set out0 address "02:00:0b:00:00:0$1"
	later "$gw" addr add "$(out_addr "$gw")/24" dev out0
	later "$gw" route add default via $TRANSIT.1
	wire "$gw" ctl0 ctl "$gw"
	later ctl link set "$gw" master ctl0
	later "$gw" link set ctl0 address "02:00:0c:00:00:0$1"
	later "$gw" addr add "$(ctl_addr "$gw")/24" dev ctl0
}

# add_vm NAME ADDR SITE [TENANT]: a namespace NAME with eth0, after flush.
add_vm() {
	local t=${4:-1}
	VM_ADDR[$1]=$2 VM_SITE[$1]=$3 VM_TENANT[$1]=$t
	setup_ns "$1"
	wire "$1" eth0 lan "$1"
	later lan link set "$1" master "s$3t$t"
	later "$1" addr add "$2/24" dev eth0
	later "$1" route add default via $GW_INSIDE
}

# move_vm NAME SITE: what a live migration does to the network. The VM keeps
# its address, its connections and what it knows of its gateway.
move_vm() {
	printf '# %s moves from site %s to site %s\n' "$1" "${VM_SITE[$1]}" "$2"
	quiet ip -n lan link set "$1" master "s$2t${VM_TENANT[$1]}"
	VM_SITE[$1]=$2
}

# second_home VM SITE: the VM is at that site too (eth1 there, with its one
# address), so that what comes in finds it at either; what it sends goes where
# sends_from NAME eth0|eth1 says, and that is its move: at once, without a pause of
# its own whose loss would be mistaken for the gateways'. After flush.
second_home() {
	wire "$1" eth1 lan "$1.2"
	later lan link set "$1.2" master "s$2t${VM_TENANT[$1]}"
	later "$1" addr add "${VM_ADDR[$1]}/24" dev eth1 noprefixroute
	later "$1" neigh add $GW_INSIDE lladdr $GW_MAC dev eth0 nud permanent
	later "$1" neigh add $GW_INSIDE lladdr $GW_MAC dev eth1 nud permanent
}
sends_from() {
	printf '# %s moves: it sends by %s\n' "$1" "$2"
	quiet ip -n "$1" route replace default via $GW_INSIDE dev "$2" onlink
}

# tunnel GW GW [KIND [ARG...]]: a device to the other one in each of the two, named
# to-GW, over the transit network.
tunnel() {
	later "$1" link add "to-$2" up type "${3:-ipip}" local "$(out_addr "$1")" remote "$(out_addr "$2")" "${@:4}"
	later "$2" link add "to-$1" up type "${3:-ipip}" local "$(out_addr "$2")" remote "$(out_addr "$1")" "${@:4}"
}

# route_public ADDR GW: the internet sends ADDR to that gateway; GW "none": it
# drops. Stands for what routing protocols do.
route_public() {
	if [ "$2" = none ]; then
		quiet ip -n net route replace blackhole "$1/32"
	else
		quiet ip -n net route replace "$1/32" via "$(out_addr "$2")"
	fi
}

# route_private ADDR GW: the internet reaches the private address itself, for
# scenarios without translation.
route_private() { quiet ip -n net route replace "$1/32" via "$(out_addr "$2")"; }

# gateway_off GW, gateway_on GW: a site that is dead for everybody (S8): all its
# links are down, its processes do not know.
gateway_off() { gateway_links "$1" down; }
gateway_on() { gateway_links "$1" up; }
gateway_links() {
	local t
	printf '# all links of %s go %s\n' "$1" "$2"
	quiet ip -n net link set "$1" "$2"
	quiet ip -n ctl link set "$1" "$2"
	for t in $(seq "$TENANTS"); do quiet ip -n lan link set "$1.in$((t - 1))" "$2"; done
}

# gateway_gone GW, gateway_back GW: its host loses power, and boots: with an empty
# kernel and its links as they are configured. Nothing of ours runs there then.
gateway_gone() {
	local pids
	printf '# %s loses its power\n' "$1"
	pids=$(ip netns pids "$1")
	# shellcheck disable=SC2086
	[ -z "$pids" ] || kill -9 $pids
	quiet ip netns del "$1"
	# The kernel takes it apart after that.
	wait_for 30 link_gone lan "$1.in0" || bail "the namespace $1 does not go"
	wait_for 30 link_gone ctl "$1" || bail "the namespace $1 does not go"
	wait_for 30 link_gone net "$1" || bail "the namespace $1 does not go"
}
gateway_back() {
	printf '# %s boots\n' "$1"
	add_gateway "${GW_NUMBER[$1]}"
	flush
}
link_gone() { ! ip -n "$1" link show dev "$2"; }

# partition A B, heal A B: the control network loses everything between two of
# ctl, gw1, gw2, …; both sides wait in silence.
partition() {
	printf '# the control network is parted between %s and %s\n' "$1" "$2"
	quiet ns "$1" nft -f - <<-END
		table inet part_$2 {
			chain i { type filter hook input priority -300; ip saddr $(ctl_addr "$2") drop; }
			chain o { type filter hook output priority 300; ip daddr $(ctl_addr "$2") drop; }
		}
	END
}
heal() {
	printf '# the control network is whole again between %s and %s\n' "$1" "$2"
	quiet ns "$1" nft delete table inet "part_$2"
}

# impair NS DEV NETEM...: e.g. impair gw1 ctl0 loss 20% delay 5ms; without
# arguments the link is perfect again.
impair() {
	local n=$1 dev=$2
	shift 2
	ns "$n" tc qdisc del dev "$dev" root 2>/dev/null
	[ $# = 0 ] || must ns "$n" tc qdisc add dev "$dev" root netem "$@"
}

# topology6: the same network in IPv6 besides, after topology. Inside fd00::/64
# (the gateways are ::1, vmN is fd00::4+N), transit 2001:db8:1::/64, srv is
# 2001:db8:2::2, and the public pool 2001:db8:ffff::/64 is routed by route_pool6.
SRV_6=2001:db8:2::2 PUBLIC_POOL_6=2001:db8:ffff::/64
out_addr6() { echo "2001:db8:1::$((10 + GW_NUMBER[$1]))"; }
route_pool6() { quiet ip -6 -n net route replace $PUBLIC_POOL_6 via "$(out_addr6 "$1")"; }
declare -A VM_ADDR_6
topology6() {
	local n
	addr6 net transit 2001:db8:1::1
	addr6 net srv 2001:db8:2::1
	addr6 srv eth0 $SRV_6 2001:db8:2::1
	for n in "${!GW_NUMBER[@]}"; do
		addr6 "$n" in0 fd00::1
		addr6 "$n" out0 "$(out_addr6 "$n")" 2001:db8:1::1
	done
	for n in "${!VM_ADDR[@]}"; do
		VM_ADDR_6[$n]=fd00::${VM_ADDR[$n]##*.}
		addr6 "$n" eth0 "${VM_ADDR_6[$n]}" fd00::1
	done
}
# addr6 NS DEV ADDR [ROUTER]: DEV speaks IPv6 and has that address.
addr6() {
	quiet ns "$1" sh -ec 'cd /proc/sys/net/ipv6/conf
		for f in all lo $1; do for n in disable_ipv6 accept_dad accept_ra; do echo 0 >$f/$n; done; done
		case $4 in gw*|net) echo 1 >all/forwarding ;; esac
		ip addr add $2/64 dev $1 nodad
		[ -z "$3" ] || ip -6 route add default via $3' - "$2" "$3" "${4:-}" "$1"
}

# topology [--vms N] [--tenants N] [--gateways N] [--mtu N] [--no-offload]
# vm1 … vmN are 10.0.0.5, .6, … at site 1; tenant 2 has t2vm1 … with the same
# addresses. --no-offload: packets are whole on every wire, checksums included.
topology() {
	local vms=1 gateways=2 i t name
	TENANTS=1 MTU=1500 NO_OFFLOAD=
	while [ $# -gt 0 ]; do
		case $1 in
		--vms) vms=$2; shift ;;
		--tenants) TENANTS=$2; shift ;;
		--gateways) gateways=$2; shift ;;
		--mtu) MTU=$2; shift ;;
		--no-offload) NO_OFFLOAD=1 ;;
		*) bail "topology knows no $1" ;;
		esac
		shift
	done
	setup_ns lan net ctl srv
	# A bridge has the lowest address of its ports unless told: neighbours of a
	# gateway that comes and goes would be deaf until they ask again.
	bridge net transit
	later net link set transit address 02:00:0d:00:00:01
	later net addr add $TRANSIT.1/24 dev transit
	wire net srv srv eth0
	later net addr add 192.0.2.1/24 dev srv
	later srv addr add $SRV/24 dev eth0
	later srv addr add $SRV2/24 dev eth0
	later srv route add default via 192.0.2.1
	later net route add blackhole $PUBLIC_POOL
	bridge ctl ctl0
	later ctl link set ctl0 address 02:00:0d:00:00:02
	later ctl addr add $CONTROL.1/24 dev ctl0
	for i in $(seq "$gateways"); do add_gateway "$i"; done
	for t in $(seq "$TENANTS"); do
		for i in $(seq "$vms"); do
			name=vm$i
			[ "$t" = 1 ] || name=t${t}vm$i
			add_vm "$name" "10.0.0.$((4 + i))" 1 "$t"
		done
	done
	flush
	say "topology: $gateways gateways, $TENANTS tenant(s) with $vms VM(s), ${#NAMESPACES[@]} namespaces, kernel $KERNEL"
}
