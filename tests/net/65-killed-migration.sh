#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Daemons die with -9 while a mapping moves. Whatever the moment, in the end
# exactly one gateway has it, and the connection lives.
# shows: S9 S12 B1 B2 B3 MIG-10
# modes: both
# kernel: any
# timeout: 500
. "$(dirname "$0")/lib.sh"
IDLE=300s
. "$NET_DIR/nat.sh"

topology
start_all
route_pool gw1
start_server srv
must ping_from vm1 $SRV 1
public=$(public_of 10.0.0.5)
chat_start chat vm1 $SRV

# Once settled, exactly one; the order may have been lost with the controller,
# then it is given again, as an orchestrator would.
settle() { # GW
	wait_for 25 settled "$1" 10.0.0.5 && return 0
	migrate 10.0.0.5 "$1" >/dev/null 2>&1
	wait_for 40 settled "$1" 10.0.0.5
}
here=gw1 there=gw2
for victim in gw1 gw2 controller; do
	for delay in 0.00 0.03 0.15; do
		controller -t 2 migrate 10.0.0.5 zone 1 to $there >/dev/null 2>&1 &
		order=$!
		ns vm1 ping -n -q -i $delay -c 2 $SRV >/dev/null 2>&1
		kill9 $victim
		move_vm vm1 "${there#gw}"
		route_public "$public" $there
		if [ $victim = controller ]; then start_controller; else start_agent $victim; fi
		wait $order
		expect "B1 B2 $victim killed $delay s into the move to $there: one owner in the end" settle $there
		expect "B3 the connection lives" chat_goes_on chat 30
		read -r here there <<<"$there $here"
	done
done
chat_stop chat
