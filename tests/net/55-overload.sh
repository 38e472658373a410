#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# gw1 gets more than its threshold: an event says so, and whoever listens
# moves some of it away.
# shows: S8
# modes: both
# kernel: any
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/nat.sh"

topology --vms 3
GATEWAY_EXTRA[gw1]=overload=3
start_all
route_pool gw1
start_server srv
# Not by a function: the process must be the one that gets the signal.
ip netns exec ctl "$BIN/natctl" -S "unix:$RUN/controller/control.sock" -j monitor >"$RUN/events" 2>&1 &
monitor=$!
overloaded() { grep -q '"overload"' "$RUN/events"; }
must ping_from vm1 $SRV 1
must ping_from vm2 $SRV 1
refuse "S8 two mappings are no overload" overloaded
must ping_from vm3 $SRV 1
expect_within "S8 the third is: an event names it" 5 overloaded
expect "S8 and gw1" grep -q '"overload".*gw1\|gw1.*"overload"' "$RUN/events"
expect "S8 an orchestrator moves one VM away" migrate 10.0.0.7 gw2 1 cause overload
expect "S8 it is at gw2" owned_by gw2 10.0.0.7
expect_eq "S8 the audit names the cause" overload \
	"$(controller -j audit "$(public_of 10.0.0.7)" | jq -r '[.[] | select(.what == "moved")] | last | .cause')"
kill -INT $monitor
wait $monitor
expect_eq "monitor ends with 0 on SIGINT" 0 $?
