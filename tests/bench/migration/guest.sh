#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a migration costs whoever talks to the VM, beside the same move done by hand,
# with nftables rules that a script deletes here and adds there. In a guest; writes one
# object for each case to $RIG_OUT/migration.json. Passes no verdict.
#   PAIRS=20      migrations of a stream, there and back, in a case
#   TCP=100       migrations of the TCP connections, in a row
#   RATE=20M      bits/s of iperf3
#   MANY=10000    mappings of an evacuation
#   INTERVAL=1000 us between two datagrams of a stream
#   LOSS="0 5"    percent of the control network's packets
#   CASES="udp tcp many hand"
# The control network is 1 ms long, each way. BIRD runs in the gateways and in the
# internet, which has the routes by BGP. The VM is at both sites and moves by sending
# from the other one, 200 ms after the order. So nothing is lost by a pause of its own,
# and the old gateway gets late packets both ways.
. "$(dirname "$0")/../../net/lib.sh"
PUBLIC_POOL=20.0.0.0/16 IDLE=3600s FORWARD=yes
. "$NET_DIR/nat.sh"
. "$NET_DIR/routing.sh"
. "$(dirname "$0")/cases.sh"

# A line of a log is written through to the host, and a program is read from there: it
# would be what is measured.
KEPT=$LOGS LOGS=$RUN/logs
mkdir -p "$LOGS" "$RUN/bin"
cp "$BIN"/{roamnat-*,natctl,stream,echoes} "$RUN/bin/"
BIN=$RUN/bin
# What a case left out did not write is missing, and that is no failure.
keep() {
	local rc=$?
	cp "$LOGS"/*.log "$LOGS"/*.out "$LOGS"/iperf3* "$KEPT" 2>/dev/null
	return $rc
}
trap 'keep; cleanup' EXIT

: "${PAIRS:=20}" "${TCP:=100}" "${RATE:=20M}" "${MANY:=10000}" "${INTERVAL:=1000}" "${LOSS:=0 5}"
: "${CASES:=udp tcp many hand}"
AGENT_EXTRA="[inside many]
interface=in0
prefix=10.64.0.0/16
zone=1
kind=address
idle-timeout=$IDLE
$(announce_routes)"
delay() { # [NETEM...]: the control network, each way of each of the three
	local gw
	for gw in gw1 gw2; do
		impair $gw ctl0 delay 1ms "$@"
		impair ctl $gw delay 1ms "$@"
	done
}

mkfifo "$RUN/never"
: >"$JSON"
topology
second_home vm1 2
# What fits the wire fits through the tunnel, in two pieces: TCP must not find out there
# that the way has become narrower, and lose what it has on it.
tunnel gw1 gw2 gre nopmtudisc ignore-df
later gw1 link set to-gw2 mtu $MTU
later gw2 link set to-gw1 mtu $MTU
later vm1 route add local 10.64.0.0/16 dev lo
for gw in gw1 gw2; do later $gw route add 10.64.0.0/16 via 10.0.0.5 dev in0; done
flush
delay
start_all
start_bird net gw1 gw2
must wait_for 30 aggregate_up
start_server srv
must ping_from vm1 $SRV 1
public=$(public_of 10.0.0.5)
must wait_for 30 upstream "$public" gw1
RTT=$(control_rtt_ms "gw1 ctl" "gw2 ctl" "gw1 gw2") FSYNC=$(fsync_ms)
say "control RTT $RTT ms, fsync $FSYNC ms, $(nproc) CPUs"

has() { [[ " $CASES " == *" $1 "* ]]; }
all() { # [SUFFIX]
	if has udp; then udp "$((2 * PAIRS)) migrations${1:-}"; fi
	if has tcp; then tcp "TCP through $TCP migrations${1:-}"; fi
	if has many; then many "$MANY mappings evacuated${1:-}"; fi
}
# What this machine does to a stream without any migration.
if has udp; then still "no migration"; fi
if has many; then must fill; fi
for loss in $LOSS; do
	if [ "$loss" = 0 ]; then
		all
	else
		delay loss "$loss%"
		all ", $loss % control loss"
	fi
done
if has hand; then
	for gw in gw1 gw2; do stop_daemon $gw; done
	must unload_module
	by_hand
fi
expect "figures were written" [ -s "$JSON" ]
