# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Real routing daemons between gateways and the internet: BIRD in net, BIRD or FRR in
# each gateway, BGP sessions between them. After lib.sh. docs/routing.md has the same
# lines for a real gateway; FRR's are taken from there.

NET_AS=64500 GW_AS=64512
# Somewhere in the internet: the internet's BIRD tells the gateways of it.
ELSEWHERE=198.18.0.0/15
declare -A BIRD_PID

# What an agent is told, for AGENT_EXTRA.
announce_routes() { # [LINE...]
	printf '%s\n' "[announce pool]" "prefix=$PUBLIC_POOL" "$@"
}

bird_config() { # NS
	local gw
	cat <<-END
		log stderr { info, remote, warning, error, auth, fatal, bug };
		router id $(if [ "$1" = net ]; then echo $TRANSIT.1; else out_addr "$1"; fi);
		protocol device { scan time 60; }
	END
	if [ "$1" = net ]; then
		cat <<-END
			protocol kernel { scan time 60; ipv4 { import none; export all; }; }
			protocol static elsewhere { ipv4; route $ELSEWHERE unreachable; }
		END
		for gw in "${!GW_NUMBER[@]}"; do
			cat <<-END
				protocol bgp $gw {
					local $TRANSIT.1 as $NET_AS;
					neighbor $(out_addr "$gw") as $GW_AS;
					passive;
					ipv4 { import all; export where proto = "elsewhere"; };
				}
			END
		done
		return
	fi
	cat <<-END
		protocol static { ipv4; route $PUBLIC_POOL blackhole; }
		protocol kernel {
			learn;
			netlink rx buffer 16777216;
			scan time 60;
			ipv4 { import where krt_source = 142; export where source = RTS_STATIC; };
		}
		protocol bgp upstream {
			local $(out_addr "$1") as $GW_AS;
			neighbor $TRANSIT.1 as $NET_AS;
			connect delay time 1;
			connect retry time 1;
			error wait time 1, 2;
			ipv4 {
				next hop self;
				import none;
				export where source = RTS_STATIC ||
					(krt_source = 142 && net ~ [ $PUBLIC_POOL{32,32} ]);
			};
		}
	END
}

bird_up() { ip netns exec "$1" birdc -s "$RUN/bird.$1.ctl" show status; }
# start_bird NS...: BIRD runs there. The routes that stood for it are taken away.
start_bird() {
	local n
	for n; do
		bird_config "$n" >"$LOGS/bird.$n.conf"
		ip netns exec "$n" bird -f -c "$LOGS/bird.$n.conf" -s "$RUN/bird.$n.ctl" \
			>"$LOGS/bird.$n.log" 2>&1 </dev/null &
		BIRD_PID[$n]=$!
		[ "$n" != net ] || quiet ip -n net route del blackhole "$PUBLIC_POOL"
	done
	for n; do wait_for 10 bird_up "$n" || bail "BIRD does not start in $n: $(tail -n 5 "$LOGS/bird.$n.log")"; done
}
stop_bird() { kill "${BIRD_PID[$1]}" 2>/dev/null; wait "${BIRD_PID[$1]}" 2>/dev/null; }

# doc_lines HEADING: the configuration that docs/routing.md has there.
doc_lines() {
	awk -v head="### $1" '$0 == head { here = 1; next } here && /^#/ { exit }
		here && sub(/^    /, "")' "$TOP/docs/routing.md"
}

# start_frr GW...: FRR runs there with what the document says; as its own user, because
# zebra refuses a root who is not in its group. Its sockets are in $RUN/frr.GW, so that
# several run beside each other. cleanup_ns ends it, at any rate.
frr_daemon() { # GW DAEMON
	ip netns exec "$1" "/usr/lib/frr/$2" -f /dev/null -A 127.0.0.1 -P 0 \
		--vty_socket "$RUN/frr.$1" -z "$RUN/frr.$1/zserv.api" -i "$RUN/frr.$1/$2.pid" \
		--log stdout "${@:3}" >"$LOGS/frr.$1.$2.log" 2>&1 </dev/null &
	disown $!
}
frr_listens() { # GW DAEMON
	wait_for 20 file_says "$LOGS/frr.$1.$2.log" starting: ||
		bail "$2 does not start in $1: $(tail -n 5 "$LOGS/frr.$1.$2.log")"
}
vtysh() { ip netns exec "$1" vtysh --vty_socket "$RUN/frr.$1" "${@:2}" 2>&1; }
start_frr() {
	local n d said
	for n; do
		quiet install -d -o frr -g frr "$RUN/frr.$n"
		frr_daemon "$n" zebra -s 90000000
	done
	for n; do
		frr_listens "$n" zebra
		for d in staticd bgpd; do frr_daemon "$n" "$d"; done
	done
	for n; do
		for d in staticd bgpd; do frr_listens "$n" "$d"; done
		doc_lines FRR | sed "s/$TRANSIT\.11\b/$(out_addr "$n")/" >"$LOGS/frr.$n.conf"
		said=$(vtysh "$n" -f "$LOGS/frr.$n.conf") && ! grep '%' <<<"$said" ||
			bail "FRR in $n refuses its configuration: $said"
	done
}

# upstream ADDR GW: the internet's kernel sends ADDR to that gateway by a host route.
upstream() { [[ $(ip -n net route show "$1/32") == *"via $(out_addr "$2") "* ]]; }
no_upstream() { [ -z "$(ip -n net route show "$1/32")" ]; }
aggregate_up() { [ -n "$(ip -n net route show "$PUBLIC_POOL" proto bird)" ]; }
# heard_from GW: all prefixes that BIRD in net has from there, on one line.
heard_from() {
	ip netns exec net birdc -s "$RUN/bird.net.ctl" show route protocol "$1" |
		awk '$1 ~ "/" { print $1 }' | sort | xargs
}
hears() { [ "$(heard_from "$1")" = "${*:2}" ]; }
# announced GW ADDR: by the gateway's own kernel.
announced() { [[ $(ip -n "$1" route show proto 142 "$2/32") == *"$2"* ]]; }
not_announced() { ! announced "$@"; }
# routes_of GW: how many it announces.
routes_of() { ip -n "$1" route show proto 142 | grep -c .; }

counter_says() { [ "$(daemon_counter "$1" "$2")" = "$3" ]; }

# watch_routes NS...: what changes there from now on, with the time.
declare -A ROUTE_WATCH
watch_routes() {
	local n
	for n; do
		ip -n "$n" -ts monitor route >"$LOGS/routes.$n" 2>&1 </dev/null &
		PEER_PID[routes.$n]=$!
		# It says nothing when it begins: a change that it must see.
		wait_for 10 monitor_hears "$n" || bail "ip monitor does not start in $n"
	done
}
monitor_hears() {
	ip -n "$1" route add unreachable 192.0.2.250 2>/dev/null
	ip -n "$1" route del unreachable 192.0.2.250 2>/dev/null
	file_says "$LOGS/routes.$1" 192.0.2.250
}
# changes NS ADDR: its lines about ADDR, as "TIME added" or "TIME deleted".
changes() {
	grep -F " $2 " "$LOGS/routes.$1" | sed -nE \
		-e 's/^\[([^]]*)\] Deleted .*/\1 deleted/p' -e 't' -e 's/^\[([^]]*)\] .*/\1 added/p'
}
