# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Traffic between the boxes, and what was on the wires. The programs that talk
# are in peer.py.

PORT=7000
declare -A PEER_PID CAPTURE_PID
peer() { ip netns exec "$1" /usr/bin/python3 -S -E "$NET_DIR/peer.py" "${@:2}"; }

traffic_cleanup() {
	local pid
	for pid in "${PEER_PID[@]}" "${CAPTURE_PID[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	PEER_PID=() CAPTURE_PID=()
}

# background LABEL NS ARGS...: peer.py; its output in $LOGS/LABEL.out.
background() {
	local label=$1 ns=$2
	shift 2
	[ -z "${PEER_PID[$label]:-}" ] || bail "there is already something called $label"
	ip netns exec "$ns" /usr/bin/python3 -S -E "$NET_DIR/peer.py" "$@" \
		>"$LOGS/$label.out" 2>&1 </dev/null &
	PEER_PID[$label]=$!
}

# running LABEL
running() { kill -0 "${PEER_PID[$1]:-0}" 2>/dev/null && [ -n "${PEER_PID[$1]:-}" ]; }
not_running() { ! running "$1"; }
file_says() { [[ $(<"$1") == *"$2"* ]]; }
state_exists() { [ -s "$RUN/$1.state" ]; }

# finish LABEL [SIGNAL]: (stop and) wait at most 20 s; its code. Prints what it
# said.
finish() {
	local rc=0
	[ -z "${2:-}" ] || kill "-$2" "${PEER_PID[$1]}" 2>/dev/null
	if ! wait_for 20 not_running "$1"; then
		say "$1 does not end"
		kill -9 "${PEER_PID[$1]}"
	fi
	wait "${PEER_PID[$1]}" 2>/dev/null || rc=$?
	unset "PEER_PID[$1]"
	cat "$LOGS/$1.out"
	return $rc
}

# start_server NS [PORT]: TCP and UDP; says who asks.
start_server() {
	background "server-$1-${2:-$PORT}" "$1" serve "${2:-$PORT}"
	wait_for 20 file_says "$LOGS/server-$1-${2:-$PORT}.out" listening || bail "the server in $1 does not start"
}

# ask_udp NS ADDR [TEXT [LOCAL_PORT [PORT]]], ask_tcp: "ADDR:PORT TEXT" as the
# server saw the sender; fails after 3 s.
ask_udp() { peer "$1" ask udp "$2" "${5:-$PORT}" "${3:-hello}" "${4:-0}"; }
ask_tcp() { peer "$1" ask tcp "$2" "${5:-$PORT}" "${3:-hello}" "${4:-0}"; }
# seen_as udp|tcp NS ADDR: only the address that the server saw.
seen_as() {
	local said
	said=$("ask_$1" "$2" "$3") || return
	said=${said% *} said=${said%:*} said=${said#[}
	echo "${said%]}"
}

# ask_each NS ADDR FIRST COUNT [SECONDS]: one datagram from each of COUNT of its
# addresses must be answered; "FROM SEEN" for each.
ask_each() { peer "$1" each "$2" "$PORT" "$3" "$4" "${5:-20}"; }

# ask_many NS ADDR COUNT [SECONDS]: the same from COUNT ports; "LOCAL_PORT SEEN".
ask_many() { peer "$1" many "$2" "$PORT" "$3" "${4:-20}"; }

# scatter NS ADDR COUNT FIRST: one datagram from each of COUNT ports.
scatter() { peer "$1" scatter "$2" "$PORT" "$3" "$4"; }

# ping_from NS ADDR [COUNT [ARG...]]: all must come back.
ping_from() { ip netns exec "$1" ping -n -q -i 0.2 -W 2 -w $((${3:-2} + 2)) -c "${3:-2}" "${@:4}" "$2"; }

# fetch_start LABEL NS ADDR BYTES RATE: a TCP download, checked byte by byte.
fetch_start() {
	background "$1" "$2" fetch "$3" "$PORT" "$4" "$5" "$RUN/$1.state"
	wait_for 20 state_exists "$1" || bail "$1 does not start"
}
fetched() { local n=0; [ ! -e "$RUN/$1.state" ] || read -r n <"$RUN/$1.state"; echo "$n"; }
fetched_over() { [ "$(fetched "$1")" -gt "$2" ]; }
# fetch_wait LABEL [SECONDS]: 0 if all bytes came, over that one connection.
fetch_wait() { wait_for "${2:-60}" not_running "$1"; finish "$1"; }

# chat_start LABEL NS ADDR: a TCP connection with a line every 50 ms.
chat_start() {
	rm -f "$RUN/$1.state"
	background "$1" "$2" chat "$3" "$PORT" "$RUN/$1.state"
	wait_for 20 chat_over "$1" 0 || bail "$1 has no connection"
}
chat_number() { local n=0 _; [ ! -e "$RUN/$1.state" ] || read -r n _ <"$RUN/$1.state"; echo "$n"; }
chat_seen() { local a _; read -r _ a <"$RUN/$1.state" && echo "$a"; }
chat_over() { [ "$(chat_number "$1")" -gt "$2" ] 2>/dev/null; }
# chat_goes_on LABEL [SECONDS]: another line came back since the call.
chat_goes_on() { wait_for "${2:-10}" chat_over "$1" "$(chat_number "$1")"; }
chat_stop() { finish "$1" TERM >/dev/null; }

# probe_start LABEL NS ADDR [INTERVAL_MS]: numbered datagrams and their echoes.
probe_start() {
	background "$1" "$2" probe "$3" "$PORT" "${4:-10}" "$RUN/$1.state"
	wait_for 20 state_exists "$1" || bail "$1 gets no answer"
}
# probe_stop LABEL: prints its line, e.g. sent=300 received=300 lost=0 …
probe_stop() { finish "$1" TERM; }
# field NAME LINE: probe's figures.
field() { sed -n "s/.*\b$1=\([^ ]*\).*/\1/p" <<<"$2"; }

# streams_start NS TO NS TO [INTERVAL_US]: numbered datagrams each way, from each to
# the address by which it knows the other; tools/stream.c. streams_over N: so
# many have come in at both ends. streams_stop: no more are sent, and none is on its
# way any more; then STREAM[NS] has what that end saw.
declare -A STREAM
STREAM_ENDS=()
streams_start() {
	STREAM_ENDS=("$1" "$3")
	rm -f "$RUN/stream-$1" "$RUN/stream-$3"
	stream_start "$1" 7101 "$2" 7102 "${5:-1000}"
	stream_start "$3" 7102 "$4" 7101 "${5:-1000}"
}
stream_start() { # NS PORT ADDR PORT INTERVAL_US
	ip netns exec "$1" "$BIN/stream" "$2" "$3" "$4" "$5" "$RUN/stream-$1" >"$LOGS/stream-$1.out" 2>&1 </dev/null &
	PEER_PID[stream-$1]=$!
}
stream_number() { # NS SENT|RECEIVED
	local sent=0 received=0
	[ ! -e "$RUN/stream-$1" ] || read -r sent received <"$RUN/stream-$1"
	if [ "$2" = SENT ]; then echo "$sent"; else echo "$received"; fi
}
streams_over() {
	local end
	for end in "${STREAM_ENDS[@]}"; do [ "$(stream_number "$end" RECEIVED)" -gt "$1" ] || return 1; done
}
# streams_go_on N: N more have come in at both ends since the call.
streams_go_on() {
	local a b
	a=$(stream_number "${STREAM_ENDS[0]}" RECEIVED) b=$(stream_number "${STREAM_ENDS[1]}" RECEIVED)
	wait_for "${2:-30}" streams_over $(((a > b ? a : b) + $1))
}
streams_whole() {
	local a=${STREAM_ENDS[0]} b=${STREAM_ENDS[1]}
	[ "$(stream_number "$a" SENT)" = "$(stream_number "$b" RECEIVED)" ] &&
		[ "$(stream_number "$b" SENT)" = "$(stream_number "$a" RECEIVED)" ]
}
streams_stop() {
	local end
	for end in "${STREAM_ENDS[@]}"; do kill -USR1 "${PEER_PID[stream-$end]}"; done
	wait_for "${1:-5}" streams_whole || say "not all datagrams have arrived"
	for end in "${STREAM_ENDS[@]}"; do
		STREAM[$end]=$(finish "stream-$end" TERM)
		say "$end: ${STREAM[$end]}"
	done
}

# capture LABEL NS DEV [FILTER]: into $LOGS/LABEL.pcap; returns when it listens.
capture() {
	local label=$1 ns=$2 dev=$3
	shift 3
	[ -z "${CAPTURE_PID[$label]:-}" ] || bail "there is already a capture $label"
	ip netns exec "$ns" tcpdump -n -U --immediate-mode -s 256 -Z root -i "$dev" \
		-w "$LOGS/$label.pcap" "$@" 2>"$LOGS/$label.tcpdump" &
	CAPTURE_PID[$label]=$!
	wait_for 20 file_says "$LOGS/$label.tcpdump" "listening on" ||
		bail "tcpdump does not start: $(cat "$LOGS/$label.tcpdump")"
}
capture_ended() { ! kill -0 "${CAPTURE_PID[$1]}" 2>/dev/null; }
# capture_stop LABEL: what was on the wire before is in the file then.
capture_stop() {
	[ -n "${CAPTURE_PID[$1]:-}" ] || return 0
	kill -INT "${CAPTURE_PID[$1]}" 2>/dev/null
	wait_for 10 capture_ended "$1" || kill -9 "${CAPTURE_PID[$1]}"
	wait "${CAPTURE_PID[$1]}" 2>/dev/null
	unset "CAPTURE_PID[$1]"
}
# packets LABEL [FILTER]: how many; also while it is being captured.
packets() { tcpdump -n -r "$LOGS/$1.pcap" "${@:2}" 2>/dev/null | grep -c .; }
# saw LABEL [FILTER], saw_none LABEL [FILTER]
saw() { [ "$(packets "$@")" -gt 0 ]; }
saw_none() { [ "$(packets "$@")" = 0 ]; }
# capture_show LABEL [FILTER]: the first packets, as remarks.
capture_show() { tcpdump -n -r "$LOGS/$1.pcap" "${@:2}" 2>/dev/null | head -n 15 | sed 's/^/#   /'; }
# bad_checksums LABEL [FILTER]: how many packets tcpdump finds wrong. Needs
# whole packets: topology --no-offload.
bad_checksums() { tcpdump -n -vv -r "$LOGS/$1.pcap" "${@:2}" 2>/dev/null | grep -cE 'bad (udp |icmp6 )?cksum|cksum 0x[0-9a-f]+ \(incorrect|wrong icmp cksum'; }
