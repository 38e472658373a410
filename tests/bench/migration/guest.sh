#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a migration costs a stream each way, beside the same move done by hand, with
# nftables rules that a script deletes here and adds there. In a guest; writes one
# object for each case to $RIG_OUT/migration.json. Passes no verdict.
#   PAIRS=20     migrations of a stream, there and back, in a case
#   TCP=100      migrations of the TCP connections, in a row
# The VM is at both sites and moves by sending from the other one, 200 ms after the
# order; the route of its public address follows 200 ms later. So nothing is lost by
# a pause of its own, and the old gateway gets late packets both ways.
. "$(dirname "$0")/../../net/lib.sh"
. "$NET_DIR/nat.sh"

JSON=${RIG_OUT:-/tmp}/migration.json
LATE=0.2
: "${PAIRS:=20}" "${TCP:=100}"

# The time of an fdatasync where the store is, in ms, the median of 50.
fsync_ms() {
	/usr/bin/python3 -S -E - "$RUN" <<-'END'
		import os, sys, time
		fd = os.open(sys.argv[1] + "/fsync", os.O_CREAT | os.O_WRONLY)
		took = []
		for i in range(50):
		    os.pwrite(fd, b"x" * 4096, 0)
		    t = time.monotonic()
		    os.fdatasync(fd)
		    took.append(time.monotonic() - t)
		print(round(sorted(took)[25] * 1000, 3))
	END
}
# The slowest of the three pairs that talk, in ms.
control_rtt_ms() {
	local pair
	for pair in "gw1 ctl" "gw2 ctl" "gw1 gw2"; do
		ip netns exec "${pair% *}" ping -n -q -c 20 -i 0.02 "$(ctl_addr "${pair#* }")" | sed -n 's,.* = [^/]*/\([^/]*\)/.*,\1,p'
	done | sort -n | tail -n 1
}
# wait_late: the time that packets and routes are late by. It is the case itself, and
# no condition stands for it.
wait_late() { read -rt "$LATE" <>"$RUN/never" || :; }

# note CASE FROM TO: what became of the stream from one end to the other.
note() {
	local out=${STREAM[$2]} in=${STREAM[$3]}
	jq -nc --arg case "$1" --arg kernel "$KERNEL" --argjson sent "$(field sent "$out")" \
		--argjson received "$(field received "$in")" --argjson dup "$(field duplicated "$in")" \
		--argjson re "$(field reordered "$in")" --argjson gap "$(field worst_gap_us "$in")" \
		--argjson own "$(field worst_send_gap_us "$out")" --argjson delay "$(field worst_delay_us "$in")" \
		--argjson rtt "$RTT" --argjson fsync "$FSYNC" '{case: $case, sent: $sent,
		lost: ($sent - $received + $dup), duplicated: $dup, reordered: $re,
		worst_gap_ms: ($gap / 1000), sender_gap_ms: ($own / 1000), worst_delay_ms: ($delay / 1000),
		control_rtt_ms: $rtt, fsync_ms: $fsync, kernel: $kernel}' | tee -a "$JSON"
}
begin() {
	streams_start vm1 $SRV srv "$public"
	must wait_for 60 streams_over 500
}
end() { # CASE
	must wait_for 60 streams_go_on 500
	streams_stop 20
	note "$1, from the VM" vm1 srv
	note "$1, to the VM" srv vm1
}
follow() { # GW
	wait_late
	sends_from vm1 "eth$((${1#gw} - 1))"
	wait_late
	route_public "$public" "$1"
	wait_late
}
move() { # GW
	must migrate 10.0.0.5 "$1"
	follow "$1"
}
udp() { # CASE
	local i
	begin
	for i in $(seq "$PAIRS"); do
		move gw2
		move gw1
	done
	end "$1"
}
tcp() { # CASE
	local i gw=gw2 before after
	chat_start chat vm1 $SRV
	ip netns exec srv iperf3 -s -1 -D --logfile "$LOGS/iperf3-server"
	ip netns exec vm1 iperf3 -c $SRV -t 100000 -b 20M --json >"$LOGS/iperf3" 2>&1 &
	PEER_PID[iperf3]=$!
	before=$(chat_number chat)
	for i in $(seq "$TCP"); do
		move $gw
		if [ $gw = gw1 ]; then gw=gw2; else gw=gw1; fi
	done
	after=$(chat_number chat)
	chat_goes_on chat || say "the interactive session has ended"
	ip netns exec vm1 ss -tin >"$LOGS/ss"
	kill -INT "${PEER_PID[iperf3]}"
	wait "${PEER_PID[iperf3]}"
	unset "PEER_PID[iperf3]"
	chat_stop chat
	jq -c --arg case "$1" --arg kernel "$KERNEL" --argjson rtt "$RTT" --argjson fsync "$FSYNC" \
		--argjson migrations "$TCP" --argjson lines $((after - before)) \
		'{case: $case, migrations: $migrations, sent: .end.sum_sent.bytes,
		lost: (.end.sum_sent.bytes - .end.sum_received.bytes), duplicated: 0, reordered: 0,
		retransmits: .end.sum_sent.retransmits, error: (.error // ""), lines: $lines,
		control_rtt_ms: $rtt, fsync_ms: $fsync, kernel: $kernel}' "$LOGS/iperf3" | tee -a "$JSON"
}
lossy() {
	local gw
	for gw in gw1 gw2; do impair $gw ctl0 delay 1ms loss 5%; done
}

mkfifo "$RUN/never"
: >"$JSON"
FORWARD=yes
topology
second_home vm1 2
tunnel gw1 gw2
flush
for gw in gw1 gw2; do impair $gw ctl0 delay 1ms; done
start_all
start_server srv
route_pool gw1
must ping_from vm1 $SRV 1
public=$(public_of 10.0.0.5)
RTT=$(control_rtt_ms) FSYNC=$(fsync_ms)
udp "$((2 * PAIRS)) migrations"
tcp "TCP through $TCP migrations"
lossy
udp "$((2 * PAIRS)) migrations, 5 % control loss"
for gw in gw1 gw2; do impair $gw ctl0 delay 1ms; done

# By hand: 1:1 rules, deleted on one gateway and then added on the other; both
# orders were tried, the other one has two translators.
for gw in gw1 gw2; do stop_daemon $gw; done
must unload_module
hand() { # GW
	local rules="table ip hand {
		chain in { type nat hook prerouting priority dstnat; ip daddr $public dnat to 10.0.0.5; }
		chain out { type nat hook postrouting priority srcnat; ip saddr 10.0.0.5 oif out0 snat to $public; }
	}"
	local other=gw1
	[ "$1" != gw1 ] || other=gw2
	ip netns exec $other nft delete table ip hand 2>/dev/null
	ip netns exec "$1" nft -f - <<<"$rules"
}
hand gw1
sends_from vm1 eth0
route_public "$public" gw1
begin
for i in $(seq "$PAIRS"); do
	for gw in gw2 gw1; do
		hand $gw
		follow $gw
	done
done
end "$((2 * PAIRS)) moves by hand"
expect "figures of every case are written" [ "$(wc -l <"$JSON")" = 7 ]
