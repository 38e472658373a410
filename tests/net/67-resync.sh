#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A gateway with many mappings comes back: its agent was killed, the controller
# was, its host lost power. What it has is said, what it lost is granted
# again, no session is closed for that, and the other gateway does not notice.
# shows: B2 B4
# modes: once
# kernel: any
# timeout: 900
. "$(dirname "$0")/lib.sh"
IDLE=3600s
PUBLIC_POOL=20.0.0.0/16
AGENT_EXTRA='[inside many]
interface=in0
prefix=10.64.0.0/15
zone=1
kind=address
idle-timeout=3600s'
. "$NET_DIR/nat.sh"
# RESYNC_MAPPINGS=10000 RIG_ENV=RESYNC_MAPPINGS on a machine that is not busy.
MANY=${RESYNC_MAPPINGS:-300} FEW=20

# datagrams NS FIRST COUNT: one from each of so many addresses; nobody answers.
datagrams() {
	ns "$1" /usr/bin/python3 -S -E - "$2" "$3" "$SRV" <<-'END'
		import socket, sys
		first, count, to = sys.argv[1], int(sys.argv[2]), sys.argv[3]
		base = int.from_bytes(socket.inet_aton(first), "big")
		for i in range(count):
		    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
		        s.bind((socket.inet_ntoa((base + i).to_bytes(4, "big")), 0))
		        s.sendto(b"here", (to, 9))
	END
}
kernel_has() { [ "$(counter "$1" mappings)" = "$2" ]; }
fill() { # until all are there; what is dropped for the rate comes again
	local round
	for round in 1 2 3 4 5 6; do
		datagrams vm1 10.64.0.0 "$MANY"
		wait_for 30 kernel_has gw1 "$MANY" && return 0
		say "round $round: $(counter gw1 mappings) mappings"
	done
	return 1
}
incarnation() { get incarnation "$(mapping gw1 10.64.0.0)"; }
# The controller's counters begin at 0 when it starts.
resynced() { daemon_counter controller resynced; }
# others FIRST: VMs that are new at gw2 while gw1 comes back.
others() {
	datagrams vm2 "$1" $FEW
	OTHERS=$((OTHERS + FEW))
}
others_served() { # what gw2 lost: nothing, and nothing waited for 5 s
	kernel_has gw2 $((1 + OTHERS)) && [ "$(counter gw2 drop-deadline)" = 0 ]
}
OTHERS=0

topology --vms 2
move_vm vm2 2
start_all
quiet ip -n vm1 route add local 10.64.0.0/16 dev lo
quiet ip -n vm2 route add local 10.65.0.0/16 dev lo
route_pool gw1
start_server srv
ns vm2 ping -n -q -c 1 -W 1 $SRV >/dev/null
must wait_for 10 translates gw2 10.0.0.6
route_public "$(public_of 10.0.0.6)" gw2
must ping_from vm2 $SRV 1
expect "B2 gw1 gets $MANY mappings, one packet each" fill
probe_start probe vm2 $SRV
before=$(incarnation)
again=$(resynced)

kill9 gw1
start_agent gw1
others 10.65.0.0
expect_within "B4 the agent was killed: it adopts the kernel's table, and is up" 60 conf_connected gw1
expect_eq "B4 in the same incarnation" "$before" "$(incarnation)"
expect_eq "B4 nothing is granted again" "$again" "$(resynced)"
expect "B2 and nothing is lost" kernel_has gw1 "$MANY"
expect_within "B4 VMs that were new at gw2 in that time are served" 30 others_served

kill9 controller
start_controller
others 10.65.1.0
expect_within "B4 the controller was killed: the session is up again" 60 conf_connected gw1
expect_within "B4 the other one's too" 30 conf_connected gw2
expect_eq "B4 nothing is granted again" 0 "$(resynced)"
expect "B2 and nothing is lost" kernel_has gw1 "$MANY"
expect_within "B4 VMs that were new at gw2 in that time are served" 30 others_served

# Its host loses power, and with it all that its kernel knew.
result=$(probe_stop probe)
say "probe: $result"
expect_eq "B4 no datagram of the VM at gw2 was lost over all that" 0 "$(field lost "$result")"
probe_start probe2 vm2 $SRV
reboot_gateway gw1
start_agent gw1
others 10.65.2.0
expect_within "B2 everything is granted again" 120 conf_connected gw1
expect "B2 all of it" kernel_has gw1 "$MANY"
expect_eq "B2 in a new incarnation" $((before + 1)) "$(incarnation)"
expect_eq "B2 each once" "$MANY" "$(resynced)"
expect_within "B4 VMs that were new at gw2 in that time are served" 30 others_served
result=$(probe_stop probe2)
say "probe: $result"
expect_eq "B4 no datagram of the VM at gw2 was lost" 0 "$(field lost "$result")"
expect_eq "no session was closed as slow" 0 "$(daemon_counter controller sessions_slow)"
say "paused: $(daemon_counter controller sessions_paused), postponed: $(daemon_counter controller postponed), stalls: $(daemon_counter controller resync_stalls)"
