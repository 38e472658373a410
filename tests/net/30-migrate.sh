#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A VM moves from site 1 to site 2 while a file is downloaded; its mapping
# follows, verified with the other gateway, with its timer, and comes back.
# shows: S7 S8 S9 S10 S11 S12 B1 B3 MIG-12
# modes: both
# debug: yes
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/nat.sh"

topology --no-offload
start_all
route_pool gw1
start_server srv

must ping_from vm1 $SRV 1
public=$(public_of 10.0.0.5)
capture out1 gw1 out0 "not arp"
capture out2 gw2 out0 "not arp"
chat_start chat vm1 $SRV
fetch_start file vm1 $SRV 500000 100000
must wait_for 20 fetched_over file 100000

expect "S8 an operator starts a migration" migrate 10.0.0.5 gw2
move_vm vm1 2
route_public "$public" gw2
expect "S9 the mapping left gw1" no_mapping gw1 10.0.0.5
expect "S9 and is in gw2" translates gw2 10.0.0.5
expect "S12 the recorded owner is gw2" owned_by gw2 10.0.0.5
expect_eq "S12 at the next epoch" 2 "$(get epoch "$(record 10.0.0.5)")"
if [ "$MODE" = destination ]; then reporter=gw2 verifier=gw1; else reporter=gw1 verifier=gw2; fi
audit=$(controller -j audit "$public")
say "$audit"
expect_eq "S10 S11 the move was verified by $verifier, since $reporter reported it" "$verifier" \
	"$(jq -r '[.[] | select(.what == "moved")] | last | .verified_by' <<<"$audit")"
expect_eq "S8 the audit names the cause" operator \
	"$(jq -r '[.[] | select(.what == "moved")] | last | .cause' <<<"$audit")"
expect "B3 the download ends, all bytes right" fetch_wait file
expect "B3 the other connection goes on" chat_goes_on chat
expect_match "B3 srv sees the same public address" "^$public:" "$(chat_seen chat)"
before=$(packets out1 "src $public")
expect "and goes on" chat_goes_on chat
expect_eq "B1 gw1 translates nothing of it any more" "$before" "$(packets out1 "src $public")"
expect "B1 gw2 does" saw out2 "src $public and tcp"
expect_eq "checksums at gw1 are right" 0 "$(bad_checksums out1)"
expect_eq "checksums at gw2 are right" 0 "$(bad_checksums out2)"

expect "S9 back again" migrate 10.0.0.5 gw1
move_vm vm1 1
route_public "$public" gw1
expect_within "S9 settled at gw1" 10 settled gw1 10.0.0.5
expect "B3 the connection goes on" chat_goes_on chat
expect_eq "S12 epoch 3" 3 "$(get epoch "$(record 10.0.0.5)")"
chat_stop chat

# S7, with the figures of the patent: preset 60 s, some of it elapsed.
elapsed_over() { [ "$(get elapsed_ms "$(mapping gw1 10.0.0.5)")" -gt "$1" ]; }
must wait_for 20 elapsed_over 6000
old=$(mapping gw1 10.0.0.5)
must migrate 10.0.0.5 gw2
new=$(mapping gw2 10.0.0.5)
say "before: $old"
say "after:  $new"
expect_eq "S7 the preset moved" "$(get preset_ms "$old")" "$(get preset_ms "$new")"
expect_range "S7 the elapsed time moved (ms)" "$(get elapsed_ms "$old")" \
	$(($(get elapsed_ms "$old") + 8000)) "$(get elapsed_ms "$new")"
expect_eq "S7 preset = elapsed + remaining" "$(get preset_ms "$new")" \
	$(($(get elapsed_ms "$new") + $(get remaining_ms "$new")))
move_vm vm1 2
route_public "$public" gw2
must ping_from vm1 $SRV 1
expect_range "S7 a packet resets it (elapsed ms)" 0 3000 "$(get elapsed_ms "$(mapping gw2 10.0.0.5)")"
