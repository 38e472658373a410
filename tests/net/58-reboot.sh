#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A gateway's host reboots, the module is reloaded, agents and controller start
# again in the middle of a migration. What was granted comes back by grant, at
# the same public addresses, and connections go on.
# shows: S9 S12 B1 B2 B3 B4
# modes: both
# kernel: any
# timeout: 900
. "$(dirname "$0")/lib.sh"
IDLE=600s
. "$NET_DIR/nat.sh"

topology --vms 2
start_all
route_pool gw1
start_server srv
watch_wire
chat_start chat vm1 $SRV
chat_start other vm2 $SRV
public=$(public_of 10.0.0.5)
public2=$(public_of 10.0.0.6)

# ---- at rest
old=$(mapping gw1 10.0.0.5)
reboot_gateway gw1
refuse "B1 the host is up, its kernel knows nothing: nothing is translated" \
	translates gw1 10.0.0.5
watch_wire gw1
start_agent gw1
expect_within "B2 the mapping comes back by grant" 40 translates gw1 10.0.0.5
new=$(mapping gw1 10.0.0.5)
expect_eq "B2 with its address" "$public" "$(get public "$new")"
expect_eq "B2 in the next incarnation" $(($(get incarnation "$old") + 1)) "$(get incarnation "$new")"
expect "B2 the other VM's too" translates gw1 10.0.0.6
expect "B3 the connection goes on" chat_goes_on chat 40
expect "B3 the other VM's too" chat_goes_on other 40
expect_match "B2 srv sees the address that it saw" "^$public:" "$(chat_seen chat)"

# ---- while a mapping moves
# order GW: the order is under way, and the source has stopped or never will.
order() {
	controller -t 30 migrate 10.0.0.5 zone 1 to "$1" >"$RUN/order" 2>&1 &
	order=$!
}
under_way() { [ "$(get state "$(mapping $here 10.0.0.5)")" != active ]; }
# Once settled, exactly one; the order may have died with the controller or with
# the source, then it is given again, as an orchestrator would.
settle() { # GW
	wait $order && wait_for 20 settled "$1" 10.0.0.5 && return 0
	migrate 10.0.0.5 "$1"
	wait_for 60 settled "$1" 10.0.0.5
}
here=gw1 there=gw2
moved() { # TEXT
	move_vm vm1 "${there#gw}"
	route_public "$public" $there
	expect "B1 B2 $1: one owner in the end, $there" settle $there
	expect "B3 $1: the connection goes on" chat_goes_on chat 60
	read -r here there <<<"$there $here"
}
again() { reboot_gateway "$1"; watch_wire "$1"; start_agent "$1"; }

order $there
wait_for 5 under_way
again $here
moved "the source's host reboots"

order $there
wait_for 5 under_way
again $there
moved "the destination's host reboots"

# The agents stop as they should, so the kernels' tables stay; then not even those.
order $there
wait_for 5 under_way
must stop_daemon gw1
must stop_daemon gw2
must unload_module
load_module
start_agent gw2
start_agent gw1
moved "the module is reloaded"

order $there
wait_for 5 under_way
must stop_daemon gw1
must stop_daemon gw2
kill9 controller
start_agent gw1
start_controller
start_agent gw2
moved "agents and controller start again, the kernels' tables are kept"

expect "B3 the connection of the VM that did not move goes on" chat_goes_on other 60
expect "B2 at gw1" settled gw1 10.0.0.6
expect_eq "B2 and at its address" "$public2" "$(public_of 10.0.0.6)"
expect_eq "S14 nobody saw an attack in all that" 0 "$(daemon_counter controller alarms)"
chat_stop chat
chat_stop other
never_both_on_wire
