# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The cases of guest.sh: what is done, and what is written of it.

JSON=${RIG_OUT:-/tmp}/migration.json
LATE=0.2

# The time of an fdatasync where the store is, in ms, the median of 50.
fsync_ms() {
	/usr/bin/python3 -S -E - "${STORE%/*}" <<-'END'
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
# The slowest of the pairs that talk, in ms: "gw1 ctl" "gw1 gw2"…
control_rtt_ms() {
	local pair
	for pair; do
		ip netns exec "${pair% *}" ping -n -q -c 20 -i 0.02 "$(ctl_addr "${pair#* }")" |
			sed -n 's,.* = [^/]*/\([^/]*\)/.*,\1,p'
	done | sort -n | tail -n 1
}
# wait_late: the time that packets are late by. It is the case itself, and no condition
# stands for it.
wait_late() { read -rt "$LATE" <>"$RUN/never" || :; }
median() { sort -n | awk '{ v[NR] = $1 } END { print NR ? v[int((NR + 1) / 2)] : 0 }'; }

# note CASE KEY=JSON...: an object of the case and of what all have.
note() {
	local pair args=()
	for pair in "${@:2}"; do args+=(--argjson "${pair%%=*}" "${pair#*=}"); done
	jq -nc --arg case "$1" --arg kernel "$KERNEL" --argjson control_rtt_ms "$RTT" \
		--argjson fsync_ms "$FSYNC" "${args[@]}" '$ARGS.named' | tee -a "$JSON"
}
ms() { awk -v us="${1:-0}" 'BEGIN { printf "%.3f\n", us / 1000 }'; }

# What became of the stream from one end to the other.
note_stream() { # CASE FROM TO
	local out=${STREAM[$2]} in=${STREAM[$3]} sent received duplicated
	sent=$(field sent "$out") received=$(field received "$in") duplicated=$(field duplicated "$in")
	note "$1" sent="$sent" lost=$((sent - received + duplicated)) duplicated="$duplicated" \
		reordered="$(field reordered "$in")" worst_gap_ms="$(ms "$(field worst_gap_us "$in")")" \
		median_gap_ms="$(ms "$(cut -d' ' -f1 "$RUN/stream-$3.gaps" | median)")" \
		worst_sender_gap_ms="$(ms "$(field worst_send_gap_us "$out")")" \
		worst_delay_ms="$(ms "$(field worst_delay_us "$in")")"
}
begin() {
	streams_start vm1 $SRV srv "$public" "$INTERVAL"
	must wait_for 60 streams_over 500
	mark
}
mark() { kill -USR2 "${PEER_PID[stream-vm1]}" "${PEER_PID[stream-srv]}"; }
end() { # CASE
	must wait_for 60 streams_go_on 100
	streams_stop 20
	note_stream "$1, from the VM" vm1 srv
	note_stream "$1, to the VM" srv vm1
}
still() { # CASE
	local i
	begin
	for i in $(seq $((2 * PAIRS))); do
		must wait_for 30 streams_go_on 1000
		mark
	done
	end "$1"
}

site() { echo "eth$((${1#gw} - 1))"; }
other() { if [ "$1" = gw1 ]; then echo gw2; else echo gw1; fi; }
move() { # GW
	must migrate 10.0.0.5 "$1"
	wait_late
	sends_from vm1 "$(site "$1")"
	must wait_for 30 upstream "$public" "$1"
	must wait_for 30 not_announced "$(other "$1")" "$public"
}
udp() { # CASE
	local i gw
	begin
	for i in $(seq "$PAIRS"); do
		for gw in gw2 gw1; do
			move $gw
			mark
		done
	done
	end "$1"
}

# The longest timer of the VM's connections now, and of the server's, in ms.
rto() { { ip netns exec vm1 ss -tinH; ip netns exec srv ss -tinH; } | grep -o 'rto:[0-9]*' | cut -d: -f2; }
# What the gateways have dropped so far.
dropped() {
	local gw
	for gw in gw1 gw2; do
		say "$gw: $(knatctl $gw -j stats show | jq -r '[.[] | select((.name | test("^drop-|^forwarded-")) and .value > 0) | "\(.name)=\(.value)"] | join(" ")')"
	done
}
timeouts() { # how often one of them ran out, so far
	local n sum=0
	for n in vm1 srv; do
		sum=$((sum + $(ns $n nstat -asz TcpExtTCPTimeouts | awk '/TCPTimeouts/ { print $2 }')))
	done
	echo "$sum"
}
tcp() { # CASE
	local i gw=gw2 before lines worst=0 ran_out error alive=true
	chat_start chat vm1 $SRV
	ip netns exec srv iperf3 -s -1 --forceflush --logfile "$LOGS/iperf3-server" &
	PEER_PID[iperf3-server]=$!
	must wait_for 10 file_says "$LOGS/iperf3-server" "Server listening"
	ip netns exec vm1 iperf3 -c $SRV -t 86400 -b "$RATE" --json >"$LOGS/iperf3" 2>&1 &
	PEER_PID[iperf3]=$!
	must chat_goes_on chat
	before=$(chat_number chat) ran_out=$(timeouts)
	for i in $(seq "$TCP"); do
		move $gw
		worst=$({ echo "$worst"; rto; } | sort -n | tail -n 1)
		gw=$(other $gw)
	done
	chat_goes_on chat || alive=false
	running iperf3 || alive=false
	lines=$(($(chat_number chat) - before)) ran_out=$(($(timeouts) - ran_out))
	kill -INT "${PEER_PID[iperf3]}"
	wait "${PEER_PID[iperf3]}"
	kill "${PEER_PID[iperf3-server]}" 2>/dev/null
	wait "${PEER_PID[iperf3-server]}" 2>/dev/null
	unset "PEER_PID[iperf3]" "PEER_PID[iperf3-server]"
	chat_stop chat
	dropped
	[ $((TCP % 2)) = 0 ] || move gw1
	error=$(jq -c '.error // ""' "$LOGS/iperf3")
	# Bytes; what of them was lost or came twice only TCP knows, which mended it.
	note "$1" migrations="$TCP" alive=$alive error="$error" lines="$lines" \
		sent="$(jq '.end.sum_sent.bytes' "$LOGS/iperf3")" lost=null duplicated=null reordered=null \
		retransmits="$(jq '.end.sum_sent.retransmits' "$LOGS/iperf3")" timeouts="$ran_out" \
		worst_rto_ms="$worst" worst_gap_ms="$(cat "$RUN/chat.state.longest")"
}

# ---- many ----
kernel_has() { [ "$(counter "$1" mappings)" -ge "$2" ]; }
# One datagram from each address; what is dropped for the rate comes again.
fill() {
	local round
	for round in 1 2 3 4 5 6; do
		ns vm1 /usr/bin/python3 -S -E - "$MANY" "$SRV" <<-'END'
			import socket, sys
			for i in range(int(sys.argv[1])):
			    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
			        s.bind(("10.64.%d.%d" % (i >> 8, i & 255), 0))
			        s.sendto(b"here", (sys.argv[2], 9))
		END
		wait_for 30 kernel_has gw1 $((MANY + 1)) && break
		say "round $round: $(counter gw1 mappings) mappings"
	done
	kernel_has gw1 $((MANY + 1)) && wait_for 60 net_has gw1
}
# The internet has that gateway's route to all of them; none is left, there nor in the gateway.
net_has() { [ "$(ip -n net route show proto bird via "$(out_addr "$1")" | grep -c .)" -ge "$MANY" ]; }
net_has_none() {
	[ -z "$(ip -n net route show proto bird via "$(out_addr "$1")" | grep -v '/')" ] &&
		[ -z "$(ip -n "$1" route show proto 142)" ]
}
# What each of them has used so far, in ms: "NAME USER SYSTEM", BIRD too.
cpu_each() {
	local name pid
	for name in controller gw1 gw2 bird.net bird.gw1 bird.gw2; do
		pid=${DAEMON_PID[$name]:-${BIRD_PID[${name#bird.}]:-}}
		# shellcheck disable=SC2046
		printf '%s %d %d\n' "$name" $(awk '{ print $14 * 10, $15 * 10 }' "/proc/$pid/stat")
	done
}
# cpu_between BEFORE AFTER: what all used meanwhile; and the sum of the three daemons of ours.
cpu_between() {
	join <(sort <<<"$1") <(sort <<<"$2") | awk '{ print $1, $4 - $2, $5 - $3 }'
}
ours_ms() { awk '!/^bird/ { sum += $2 + $3 } END { print sum }'; }
many() { # CASE
	local gw=gw2 i out cpu took n=$((MANY < 100 ? MANY : 100))
	ip netns exec srv "$BIN/echoes" 7200 &
	PEER_PID[echoes]=$!
	for i in there back; do
		rm -f "$RUN/echoes"
		ip netns exec vm1 "$BIN/echoes" 7201 $SRV 7200 50000 10.64.0.0 $((MANY / n)) $n "$RUN/echoes" >"$LOGS/echoes.out" &
		PEER_PID[echoes-vm1]=$!
		must wait_for 30 test -s "$RUN/echoes"
		cpu=$(cpu_each)
		must controller -t 300 evacuate "$(other $gw)" to $gw --wait
		cpu=$(cpu_between "$cpu" "$(cpu_each)")
		say "CPU in ms, user and system: ${cpu//$'\n'/, }"
		took=$(controller -j evacuate show "$(other $gw)" | jq '.[0] | (.ended_ns - .began_ns) / 1000000 | round')
		wait_late
		sends_from vm1 "$(site $gw)"
		must wait_for 120 net_has $gw
		must wait_for 120 net_has_none "$(other $gw)"
		wait_late
		kill -USR1 "${PEER_PID[echoes-vm1]}"
		wait_late
		kill -TERM "${PEER_PID[echoes-vm1]}"
		wait "${PEER_PID[echoes-vm1]}"
		unset "PEER_PID[echoes-vm1]"
		out=$(cat "$LOGS/echoes.out")
		say "$out"
		note "$1, $i" mappings="$MANY" streams=$n took_ms="$took" cpu_ms="$(ours_ms <<<"$cpu")" sent="$(field sent "$out")" \
			lost=$(($(field sent "$out") - $(field received "$out") + $(field duplicated "$out"))) \
			duplicated="$(field duplicated "$out")" reordered="$(field reordered "$out")" \
			worst_gap_ms="$(ms "$(field worst_gap_us "$out")")"
		must controller undrain "$(other $gw)"
		gw=gw1
	done
	kill "${PEER_PID[echoes]}"
	unset "PEER_PID[echoes]"
}

# ---- by hand ----
# 1:1 rules and the route, deleted on one gateway and then added on the other. The other
# order has two translators. With conntrack the old one goes on for connections that it
# knows, which is two as well, unless their entries are deleted.
rules() { # stateful|stateless
	if [ "$1" = stateful ]; then
		printf 'table ip hand {
			chain in { type nat hook prerouting priority dstnat; ip daddr %s dnat to 10.0.0.5; }
			chain out { type nat hook postrouting priority srcnat; ip saddr 10.0.0.5 oif out0 snat to %s; }
		}' "$public" "$public"
	else
		printf 'table ip hand {
			chain in { type filter hook prerouting priority -300; ip daddr %s ip daddr set 10.0.0.5; }
			chain out { type filter hook postrouting priority 300; ip saddr 10.0.0.5 oif out0 ip saddr set %s; }
		}' "$public" "$public"
	fi
}
hand() { # KIND GW
	ip netns exec "$(other "$2")" nft delete table ip hand 2>/dev/null
	[ "$1" = stateless ] || ip netns exec "$(other "$2")" conntrack -D -s 10.0.0.5 >/dev/null 2>&1
	ip netns exec "$2" nft -f - <<<"$(rules "$1")"
	ip -n "$2" route replace blackhole "$public" proto 142
	ip -n "$(other "$2")" route del blackhole "$public" proto 142 2>/dev/null
}
by_hand() {
	local kind i gw
	for kind in stateless stateful; do
		hand $kind gw1
		sends_from vm1 eth0
		must wait_for 30 upstream "$public" gw1
		begin
		for i in $(seq "$PAIRS"); do
			for gw in gw2 gw1; do
				hand $kind $gw
				wait_late
				sends_from vm1 "$(site $gw)"
				must wait_for 30 upstream "$public" $gw
				mark
			done
		done
		end "$((2 * PAIRS)) moves by hand, $kind nft"
		ip netns exec gw1 nft delete table ip hand
	done
}
