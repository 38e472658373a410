#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Late packets of an IPv6 mapping and of a block of ports; of a mapping that moved
# twice; and what becomes of them when the agent dies meanwhile.
# shows: S9 B1 B3 B4
# modes: once
# kernel: any
# timeout: 400
. "$(dirname "$0")/lib.sh"
FORWARD=yes IDLE=300s
. "$NET_DIR/nat.sh"

# counts GW NAME NUMBER COMMAND...: the command makes that counter of the gateway
# larger by so many, in the end.
counts() {
	local gw=$1 name=$2 want=$3 before
	before=$(counter "$gw" "$name")
	"${@:4}" >/dev/null 2>&1
	wait_for 5 counter_over "$gw" "$name" $((before + want - 1))
	expect_eq "$gw counts $name" $((before + want)) "$(counter "$gw" "$name")"
}
state() { get state "$(mapping "$@")"; }
is() { [ "$(state "$2" "$3")" = "$1" ]; }
knock() { ip netns exec "$1" ping -n -q -c 1 -W 0.2 "${@:3}" "$2"; }
# say_from PORT COUNT: a datagram from so many ports of the VM in the block; nobody
# answers.
say_from() {
	ip netns exec vm2 /usr/bin/python3 -S -E - 10.0.1.5 "$1" "$2" $SRV <<-'END'
		import socket, sys
		for i in range(int(sys.argv[3])):
		    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
		        s.bind((sys.argv[1], int(sys.argv[2]) + i))
		        s.sendto(b"here", (sys.argv[4], 9))
	END
}

topology --vms 2 --gateways 3
tunnel gw1 gw2 gre
tunnel gw2 gw3 gre
for gw in gw1 gw2 gw3; do later $gw route add 10.0.1.0/24 dev in0; done
later vm2 addr add 10.0.1.5/32 dev eth0
later net route add 203.0.114.0/28 via "$(out_addr gw1)"
flush
topology6
for gw in gw1 gw2 gw3; do
	quiet ns $gw sh -c 'for f in /proc/sys/net/ipv6/conf/to-*; do echo 0 >$f/accept_dad; echo 0 >$f/disable_ipv6; done'
done
CONTROLLER_EXTRA=$(printf '[pool six]\nkind=address\nprefix=%s\nzones=1\n' $PUBLIC_POOL_6
	printf '[pool blocks]\nkind=block\nprefix=203.0.114.0/28\nblock-size=64\nblocks-per-vm=2\nzones=1\n')
AGENT_EXTRA=$(printf '[inside six]\ninterface=in0\nprefix=fd00::/64\nzone=1\nidle-timeout=%s\n' 300s
	printf '[inside blocks]\ninterface=in0\nprefix=10.0.1.0/24\nzone=1\nkind=block\nidle-timeout=%s\n' 300s
	printf '[kernel]\nforward-time=600s\n')	# all of this, on any machine
start_all
route_pool gw1
route_pool6 gw1
start_server srv

must ping_from vm1 $SRV_6 1
public6=$(public_of fd00::5)
expect "S8 a mapping of IPv6 moves" migrate fd00::5 gw2
expect_within "S9 gw1 keeps it to let packets follow" 10 is moved gw1 fd00::5
counts gw1 forwarded-in 1 knock srv "$public6"
counts gw2 in-translated 1 knock srv "$public6"
counts gw1 forwarded-out 1 knock vm1 $SRV_6
counts gw2 out-translated 1 knock vm1 $SRV_6
# 1500 bytes; the tunnel takes 1476.
counts gw1 drop-forward-too-big 1 knock srv "$public6" -s 1452 -M "do"
counts gw1 drop-forward-ttl 1 knock srv "$public6" -t 2

# 40 of the 64 ports of its block; three quarters are 48. No more than 32 packets would
# wait for it.
say_from 20000 1
must wait_for 10 translates gw1 10.0.1.5
say_from 20000 40
expect "S8 a block moves" migrate 10.0.1.5 gw2
expect_within "S9 gw1 keeps it to let packets follow" 10 is moved gw1 10.0.1.5
bound=$(knatctl gw2 -j binding list private 10.0.1.5 | jq -r '.[0].public')
counts gw1 forwarded-in 1 ip netns exec srv bash -c "echo >/dev/udp/${bound%:*}/${bound#*:}"
asked=$(counter gw2 upcalls)
counts gw1 forwarded-out 1 say_from 20000 1
counts gw2 drop-block-full 6 say_from 30000 30
expect_eq "S1 what is forwarded asks for no other block" "$asked" "$(counter gw2 upcalls)"
move_vm vm2 2
quiet ip -n net route replace 203.0.114.0/28 via "$(out_addr gw2)"
expect "S1 what the VM sends there does" ask_each vm2 $SRV 10.0.1.5 1

must ping_from vm1 $SRV 1
public=$(public_of 10.0.0.5)
must migrate 10.0.0.5 gw2
must wait_for 10 is moved gw1 10.0.0.5
must migrate 10.0.0.5 gw3
expect_within "S9 it moved twice" 10 is moved gw2 10.0.0.5
counts gw2 drop-forward-again 1 knock srv "$public"
counts gw1 forwarded-out 1 knock vm1 $SRV
expect_eq "B3 gw2 did not forward what gw1 had forwarded" "0 0" \
	"$(counter gw2 forwarded-in) $(counter gw2 forwarded-out)"
expect_eq "and counted it" 2 "$(counter gw2 drop-forward-again)"

kill9 gw1
counts gw1 forwarded-in 1 knock srv "$public6"
start_agent gw1
must wait_for 30 conf_connected gw1
expect "B4 the agent was killed: what has moved is still forwarded" is moved gw1 fd00::5
counts gw1 forwarded-in 1 knock srv "$public6"

# The agent dies between freeze and transfer, which nobody else knows of.
move_vm vm2 1
must ping_from vm2 $SRV 1
public=$(public_of 10.0.0.6)
pause_daemon gw2
must controller --no-wait migrate 10.0.0.6 zone 1 to gw2
must wait_for 10 is moving-out gw1 10.0.0.6
knock srv "$public"
kill9 gw1
resume_daemon gw2
start_agent gw1
has_owner() { owned_by "$1" 10.0.0.6 && translates "$1" 10.0.0.6; }
has_one() { has_owner gw1 || has_owner gw2; }
expect_within "B2 the agent was killed while it moved: somebody has it" 40 has_one
none_waits() { [ "$(counter gw1 held-packets)" = 0 ]; }
expect_within "B3 and no packet waits any more" 10 none_waits
owner=$(get owner "$(record 10.0.0.6)")
say "it is $owner"
move_vm vm2 "${owner#gw}"
route_public "$public" "$owner"
expect "B3 it is in use" ping_from vm2 $SRV 1
