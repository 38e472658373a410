#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# gw2, with a valid certificate of its own, says what is not so: releases,
# migrations and claims of gw1's mapping. Nothing changes; each is refused,
# counted and logged. So are the late duplicates of an old owner.
# shows: S13 S14
# modes: both
# kernel: any
# timeout: 600
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

unchanged() { owned_by gw1 10.0.0.5 && [ "$(get epoch "$(record 10.0.0.5)")" = 1 ] && translates gw1 10.0.0.5; }
# lie TEXT REGEX ARG...: gw2 says it; the answer matches, nothing changed, it was counted.
lie() {
	local text=$1 wanted=$2 refused answer
	shift 2
	refused=$(daemon_counter controller refused)
	answer=$(forge gw2 controller "$@" private=10.0.0.5 zone=1 "id=$id")
	expect_match "$text: refused" "$wanted" "$answer"
	expect "$text: nothing changed" unchanged
	expect "$text: counted" [ "$(daemon_counter controller refused)" -gt "$refused" ]
}
lie "S14 release by another gateway" '^(deny|DENY) code not-owner' rel epoch=1
lie "S14 release with an epoch to come" '^(deny|DENY) code' rel epoch=2
lie "S14 release with epoch 0" '^(deny|DENY) code' rel epoch=0
lie "S14 release with gw1's incarnation" '^(deny|DENY) code' rel epoch=1 incarnation=99
lie "S14 migration reported by another than the owner" '^(deny|DENY) code' mig-s epoch=1 dst=2
lie "S14 claim of a transfer that never was" '^(deny|DENY) code' mig-d epoch=1 src=1
lie "S14 request for a VM that is elsewhere" '^(deny|DENY) code' natreq
lie "S14 resume by another gateway" '(stale|STALE|deny|DENY) code' resume epoch=1
# An answer to a question that nobody asked gets none.
forge gw2 controller yes "id=$id" epoch=1 src=1 dst=2 nonce=1 >/dev/null
expect "S14 a yes that nobody asked for: nothing changed" unchanged
expect "S14 the log names gw2" log_has controller 'gw2'
expect "S14 the connection never noticed" chat_goes_on chat
expect "S14 the audit has the attempts" [ "$(controller -j audit "$public" | jq '[.[] | select(.what == "alarm" or .what == "refused")] | length')" -gt 3 ]
FORGE_CERT=gw9 refuse "a certificate that is in nobody's table is not let in" forge gw2 controller rel "id=$id" epoch=1
expect "S14 unchanged" unchanged

# The old owner's late release, after the mapping moved away and back.
start_agent gw2
must wait_for 20 conf_connected gw2
must migrate 10.0.0.5 gw2
must wait_for 10 settled gw2 10.0.0.5
stop_daemon gw1
answer=$(forge gw1 controller rel "id=$id" epoch=1 private=10.0.0.5 zone=1)
expect_match "S14 a delayed release of the old owner is refused" '(deny|DENY) code' "$answer"
expect "S14 gw2 keeps it" owned_by gw2 10.0.0.5
start_agent gw1
must wait_for 20 conf_connected gw1
chat_stop chat

# S13: the owner itself, rightly.
must natctl gw2 mapping release public "$public"
expect "S13 the recorded owner's release is granted" record_state quarantine 10.0.0.5
expect "S13 and its kernel entry is gone" no_mapping gw2 10.0.0.5
