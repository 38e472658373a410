#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A gateway with a lease that is cut off from the controller stops by itself, in
# the kernel, before anybody may take over from it; nobody has to say that it is
# off. Connected again, it registers anew and serves what it still owns.
# shows: S8 B1 B5
# modes: both
# timeout: 400
. "$(dirname "$0")/lib.sh"
IDLE=300s
. "$NET_DIR/nat.sh"

topology --vms 2
GATEWAY_EXTRA[gw1]=lease=10
start_all
route_pool gw1
start_server srv
must ping_from vm1 $SRV 1
must ping_from vm2 $SRV 1
public=$(public_of 10.0.0.5)
chat_start chat vm1 $SRV
expect "the lease is renewed while the controller is there: 14 s later all is well" \
	ip netns exec vm2 ping -n -q -i 1 -c 15 -W 2 $SRV
expect "and gw1 translates" translates gw1 10.0.0.5

partition gw1 ctl
refuse "S8 a takeover right away is refused: the lease is running" \
	controller -t 7 takeover private 10.0.0.5 zone 1 to gw2 --no-wait
expect_within "B1 gw1 stops by itself when its lease ends" 20 translates_not gw1 10.0.0.5
capture out1 gw1 out0 "src $public"
refuse "B1 it translates nothing, while its links are up" ping_from vm1 $SRV 1
expect "B1 not a packet" saw_none out1
# By the lease itself at first; once the agent has suspended the table, the VM's
# packets wait for a confirmation and are dropped at their deadline.
why() { counter_over gw1 drop-lease 0 || counter_over gw1 drop-suspended 0 || counter_over gw1 drop-deadline 0; }
expect_within "B5 and a counter says why" 15 why
move_vm vm1 2
expect "S8 without anybody's word it can be taken over now" \
	controller -t 60 takeover private 10.0.0.5 zone 1 to gw2
route_public "$public" gw2
expect_within "S8 gw2 translates it" 10 translates gw2 10.0.0.5
expect "B3 the connection goes on" chat_goes_on chat 60
chat_stop chat

heal gw1 ctl
expect_within "gw1 is back, in a new incarnation" 40 conf_connected gw1
expect_within "it serves vm2 again" 20 translates gw1 10.0.0.6
expect "with packets" ping_from vm2 $SRV 2
expect "B1 and not vm1, which gw2 has" settled gw2 10.0.0.5
