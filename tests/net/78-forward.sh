#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Late packets follow a mapping only so far: not twice, not for a mapping that is
# not there, not where they do not fit, not by a device that is gone, and not when
# max-forwards mappings or forward-time are over. Nothing is asked for by them.
# shows: S9 B1 B3
# modes: once
# timeout: 400
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/nat.sh"

FORWARD=yes AGENT_EXTRA=$'[kernel]\nforward-time=60s\nmax-forwards=1'
topology --vms 2
tunnel gw1 gw2
flush
start_all
route_pool gw1
start_server srv
must ping_from vm1 $SRV 1
must ping_from vm2 $SRV 1
public=$(public_of 10.0.0.5) other=$(public_of 10.0.0.6)

# counts GW NAME NUMBER COMMAND...: the command makes that counter of the gateway
# larger by so many, in the end.
counts() {
	local gw=$1 name=$2 want=$3 before
	before=$(counter "$gw" "$name")
	"${@:4}" >/dev/null 2>&1
	wait_for 5 counter_over "$gw" "$name" $((before + want - 1))
	expect_eq "$gw counts $name" $((before + want)) "$(counter "$gw" "$name")"
}
left_behind() { [ "$(get state "$(mapping "$1" 10.0.0.5)")" = moved ]; }
# knock ADDR [ARG...]: echo requests to it from outside; nobody waits for an answer.
knock() { ip netns exec srv ping -n -q -c 1 -W 0.2 "${@:2}" "$1"; }

expect "S8 a migration" migrate 10.0.0.5 gw2
expect_within "S9 the mapping is kept to let packets follow" 10 left_behind gw1
counts gw1 forwarded-in 1 knock "$public"
counts gw1 forwarded-out 1 ip netns exec vm1 ping -n -q -c 1 -W 0.2 $SRV
# 1500 bytes; the tunnel takes 1480.
counts gw1 forwarded-in 1 knock "$public" -s 1472 -M dont
counts gw1 drop-forward-too-big 1 knock "$public" -s 1472 -M do
expect_match "and the sender is told the size" "mtu" \
	"$(ip netns exec srv ping -n -c 2 -i 0.3 -W 1 -s 1472 -M do "$public" 2>&1)"
counts gw1 drop-forward-ttl 1 knock "$public" -t 2

# Beyond max-forwards a mapping is deleted, as if there were no way.
expect "S8 a migration of another" migrate 10.0.0.6 gw2
expect "S9 one too many is not kept" no_mapping gw1 10.0.0.6

# smuggle SRC DST: gw1 puts a packet of one byte into the tunnel to gw2.
smuggle() {
	ip netns exec gw1 /usr/bin/python3 -S -E - "$1" "$2" "$(out_addr gw2)" <<-'END'
		import socket, struct, sys
		src, dst = (socket.inet_aton(a) for a in sys.argv[1:3])
		ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 29, 1, 0, 64, 17, 0, src, dst)
		total = sum(struct.unpack("!10H", ip))
		total = ~((total & 0xffff) + (total >> 16)) & 0xffff
		ip = ip[:10] + struct.pack("!H", total) + ip[12:]
		udp = struct.pack("!HHHH", 9, 9, 9, 0) + b"x"
		socket.socket(socket.AF_INET, socket.SOCK_RAW, 4).sendto(ip + udp, (sys.argv[3], 0))
	END
}
asked=$(counter gw2 upcalls)
counts gw2 drop-forward-nobody 1 smuggle $SRV 203.0.113.99
counts gw2 drop-forward-nobody 1 smuggle 10.0.0.77 $SRV
expect_eq "what comes by the tunnel asks nobody" "$asked" "$(counter gw2 upcalls)"
counts gw2 in-translated 1 smuggle $SRV "$public"
counts gw2 out-translated 1 smuggle 10.0.0.5 $SRV

expect "S9 its time over, gw1 forgets it" wait_for 100 no_mapping gw1 10.0.0.5
expect "S8 a migration back" migrate 10.0.0.5 gw1
expect_within "S9 now gw2 lets packets follow" 10 left_behind gw2
counts gw2 drop-forward-again 1 smuggle $SRV "$public"
counts gw2 drop-forward-again 1 smuggle 10.0.0.5 $SRV
quiet ip -n net route replace "$public/32" via "$(out_addr gw2)"
quiet ip -n gw2 link del to-gw1
counts gw2 drop-forward-no-way 1 knock "$public"
expect "B3 and gw1 has it in use" translates gw1 10.0.0.5
