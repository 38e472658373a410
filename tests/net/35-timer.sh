#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A mapping that was idle for a while before it moved expires at the destination
# after what remained, not later and not at once.
# shows: S6 S7
# modes: both
# debug: yes
# timeout: 300
. "$(dirname "$0")/lib.sh"
IDLE=24s
. "$NET_DIR/nat.sh"

topology
start_all
route_pool gw1
start_server srv

must ping_from vm1 $SRV 1
last=$(now_ms)
elapsed_over() { [ "$(get elapsed_ms "$(mapping gw1 10.0.0.5)")" -gt "$1" ]; }
must wait_for 20 elapsed_over 8000
must migrate 10.0.0.5 gw2
remaining=$(get remaining_ms "$(mapping gw2 10.0.0.5)")
expect_range "S7 what remained arrives (ms)" 5000 16500 "$remaining"
expect "S7 it is there" translates gw2 10.0.0.5
expect_within "S7 it expires at the destination" 30 no_mapping gw2 10.0.0.5
expect_range "S7 idle time until its release (ms): preset, plus the time it took to move" \
	23500 30000 $(($(now_ms) - last))
expect_within "S6 the controller has it back" 5 record_state quarantine 10.0.0.5
