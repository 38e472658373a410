#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the first packet of a new VM costs: from its arrival at the gateway to its leaving,
# with kernel, agent, controller and store; beside the first packet of a flow of nft's
# masquerade, and forwarding without NAT. In a guest; writes one object for each case to
# $RIG_OUT/first.json. Passes no verdict.
#   VMS=500       new VMs in a case, one after another
#   PAUSE=20      ms from one to the next
#   DELAYS="0 1"  ms of the control network, each way
. "$(dirname "$0")/../../net/lib.sh"
PUBLIC_POOL=20.0.0.0/16 IDLE=3600s
. "$NET_DIR/nat.sh"
. "$(dirname "$0")/../migration/cases.sh"
JSON=${RIG_OUT:-/tmp}/first.json

# A line of a log is written through to the host, and a program is read from there: it
# would be what is measured.
KEPT=$LOGS LOGS=$RUN/logs
mkdir -p "$LOGS" "$RUN/bin"
cp "$BIN"/{roamnat-*,natctl} "$RUN/bin/"
BIN=$RUN/bin
trap 'cp "$LOGS"/*.log "$KEPT" 2>/dev/null; cleanup' EXIT

: "${VMS:=500}" "${PAUSE:=20}" "${DELAYS:=0 1}"
nets=64
ulimit -n 65536 # a socket for each VM
AGENT_EXTRA="[inside many]
interface=in0
prefix=10.64.0.0/10
zone=1
kind=address
idle-timeout=$IDLE"

# case_of NAME [DAEMON=PID...]: each with addresses that nobody has seen.
case_of() {
	local figures
	figures=$(/usr/bin/python3 -S -E "$(dirname "$0")/first.py" "$VMS" "$PAUSE" $nets "${@:2}") ||
		bail "$1: first.py failed"
	nets=$((nets + 1))
	# shellcheck disable=SC2086
	note "$1" $figures
}
nft_case() { # NAME RULE
	quiet ns gw1 nft "table ip first { chain out { type nat hook postrouting priority srcnat; $2; }; }"
	case_of "$1"
	quiet ns gw1 nft delete table ip first
}

: >"$JSON"
topology --gateways 1
later vm1 route add local 10.64.0.0/10 dev lo
later gw1 route add 10.64.0.0/10 via 10.0.0.5 dev in0
later net route add blackhole 192.0.2.99
flush
mkdir -p "${STORE%/*}"
RTT=0 FSYNC=$(fsync_ms)
# Neighbours are known from here on.
must ping_from vm1 "$(out_addr gw1)" 1
must ping_from gw1 $TRANSIT.1 1
case_of "no NAT"
nft_case "nft masquerade" "oif out0 masquerade"
nft_case "nft snat" "oif out0 snat to 20.0.0.1"

start_all
for delay in $DELAYS; do
	if [ "$delay" != 0 ]; then
		impair gw1 ctl0 delay "${delay}ms"
		impair ctl gw1 delay "${delay}ms"
	fi
	RTT=$(control_rtt_ms "gw1 ctl")
	case_of "roamnat, control network $delay ms long" \
		"agent=${DAEMON_PID[gw1]}" "controller=${DAEMON_PID[controller]}"
done
expect "figures were written" [ -s "$JSON" ]
