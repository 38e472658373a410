#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# gw2, with a valid certificate, hands gw1 transfers of mappings that it never
# had. They are held for a while at most; no VM is starved, none loses what it
# has, and the controller gives nothing away.
# shows: S11 S12 B1
# modes: both
# kernel: any
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/nat.sh"

topology --vms 2
start_all
route_pool gw1
start_server srv
must ping_from vm1 $SRV 1
public=$(public_of 10.0.0.5)
id=$(get id "$(record 10.0.0.5)")
chat_start chat vm1 $SRV
stop_daemon gw2		# its certificate is in other hands now

answer=$(forge gw2 gw1 xfer "id=$id" epoch=99 private=10.0.0.5 zone=1 public="$public" \
	preset=60000 elapsed=0 remaining=60000)
say "$answer"
expect_match "I8 a transfer of what gw1 itself translates is refused" 'XFER_ACK code (wrong-epoch|busy)' "$answer"
expect "I8 and the connection goes on" chat_goes_on chat

answer=$(forge gw2 gw1 xfer id=777 epoch=99 private=10.0.0.6 zone=1 public=203.0.113.77 \
	preset=60000 elapsed=0 remaining=60000)
say "$answer"
expect "I8 a VM for which a forged transfer waits is served all the same" ping_from vm2 $SRV 3
refuse "S12 but not with the address that was forged" [ "$(public_of 10.0.0.6)" = 203.0.113.77 ]
expect "S11 gw1 owns what it translates" settled gw1 10.0.0.6
answer=$(forge gw2 gw1 xfer "id=$id" epoch=99 private=10.0.0.5 zone=1 public="$public" \
	preset=60000 elapsed=50000 remaining=60000)
expect_match "S7 a timer that does not add up is refused" 'XFER_ACK code (bad-timer|wrong-epoch|busy)' "$answer"
FORGE_CERT=gw9 refuse "a gateway that the controller does not name is not let in" \
	forge gw2 gw1 xfer id=777 epoch=99 private=10.0.0.6 zone=1 public=203.0.113.77 preset=60000 elapsed=0 remaining=60000
answer=$(forge gw2 gw1 grant "id=$id" epoch=100 private=10.0.0.6 zone=1 public="$public" preset=60000 remaining=60000)
expect "P1 a grant from another than the controller changes nothing" [ "$(get public "$(mapping gw1 10.0.0.5)")" = "$public" ]
expect "B1 gw1 goes on with vm1" chat_goes_on chat
chat_stop chat
