#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Agents and controller are killed and come back, in each order, and the module
# is reloaded; what is translated goes on, what was decided stays.
# shows: B2 B4
# modes: both
# kernel: any
# timeout: 400
. "$(dirname "$0")/lib.sh"
IDLE=300s
. "$NET_DIR/nat.sh"

topology --vms 2
start_all
route_pool gw1
start_server srv
must ping_from vm1 $SRV 1
public=$(public_of 10.0.0.5)
chat_start chat vm1 $SRV
probe_start probe vm1 $SRV

kill9 gw1
expect "B4 the agent is dead: the connection goes on" chat_goes_on chat
before=$(counter gw1 drop-no-agent)
refuse "B4 a new VM has nobody to ask" ping_from vm2 $SRV 1
expect "B5 and its packets are counted so" counter_over gw1 drop-no-agent "$before"
start_agent gw1
expect_within "B4 the agent is back and reconciled" 20 conf_connected gw1
expect_eq "B4 by the kernel's table: the same epoch" 1 "$(get epoch "$(mapping gw1 10.0.0.5)")"
expect "B4 the new VM is served" ping_from vm2 $SRV 2
expect "B4 no new incarnation" [ "$(get incarnation "$(mapping gw1 10.0.0.5)")" = 1 ]

kill9 controller
expect "B4 the controller is dead: the connection goes on" chat_goes_on chat
start_controller
expect_within "B4 the agents find it again" 30 conf_connected gw1
expect_within "B4 both" 30 conf_connected gw2
expect "B2 the record is as it was" owned_by gw1 10.0.0.5
expect_eq "B2 so is the address" "$public" "$(public_of 10.0.0.5)"
expect "B4 a migration works as ever" migrate 10.0.0.5 gw2
move_vm vm1 2
route_public "$public" gw2
expect_within "B4 settled" 10 settled gw2 10.0.0.5

kill9 controller
kill9 gw1
kill9 gw2
expect "B4 all three dead: the connection goes on" chat_goes_on chat
start_agent gw2
start_agent gw1
expect "B4 agents without a controller: it goes on" chat_goes_on chat
start_controller
expect_within "B4 all are back" 30 conf_connected gw2
must wait_for 30 conf_connected gw1
expect "B2 gw2 owns it" settled gw2 10.0.0.5
result=$(probe_stop probe)
say "probe: $result"
expect_range "B4 datagrams lost over all that (the VM's own move apart)" 0 150 "$(field lost "$result")"

# The kernel forgets: a new incarnation, and the mapping comes back by grant.
must stop_daemon gw1
must stop_daemon gw2
must unload_module
load_module
start_agent gw1
start_agent gw2
expect_within "B2 the module was reloaded: gw2 gets its mapping back" 30 translates gw2 10.0.0.5
expect_eq "B2 in a new incarnation" 2 "$(get incarnation "$(mapping gw2 10.0.0.5)")"
expect "B3 and the connection goes on" chat_goes_on chat 40
expect_match "B2 at the same public address" "^$public:" "$(chat_seen chat)"
chat_stop chat
