#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A gateway with many mappings falls silent, and another takes all of them over:
# because an operator says that it is off, or because its lease has run out. It
# comes back, says what it had to say, and harms nothing. A gateway that is not
# silent keeps the VMs that it has, and the answer names each.
# shows: S8 B1 B2 B6
# modes: once
# kernel: any
# timeout: 900
. "$(dirname "$0")/lib.sh"
IDLE=600s
. "$NET_DIR/nat.sh"

N=20		# addresses of vm2, 10.0.0.101 ...
topology --vms 2
GATEWAY_EXTRA[gw2]=lease=12
start_all
route_pool gw1
start_server srv
for i in $(seq $N); do echo "addr add 10.0.0.$((100 + i))/24 dev eth0"; done | quiet ip -n vm2 -batch -
watch_wire
chat_start chat vm1 $SRV
asked() { ask_each vm2 $SRV 10.0.0.101 $N "${1:-30}" >"$RUN/each" && sort "$RUN/each"; }
first=$(asked) || bail "the addresses of vm2 are not served: $first"
public=$(public_of 10.0.0.5)

owned_count() { controller -j mapping show gateway "$1" | jq '[.[] | select(.state == "granted")] | length'; }
owns() { [ "$(owned_count "$1")" = "$2" ]; }
kernel_count() { knatctl "$1" -j mapping show | jq '[.[] | select(.state == "active" and (.suspended | not))] | length'; }
translates_all() { [ "$(kernel_count "$1")" = "$2" ]; }
gateway_state() { [ "$(controller -j gateway show | jq -r --arg n "$1" '.[] | select(.name == $n) | .state')" = "$2" ]; }
owners() { controller -j mapping show | jq -c '[.[] | [.public, .owner, .epoch, .state]]'; }
expect "S8 gw1 has $((N + 1)) mappings" owns gw1 $((N + 1))
before=$(owners)

# ---- the operator's word
said=$(controller takeover gw1 to gw2 2>&1)
expect_eq "B1 gw1 is there and answers: takeover of all is refused" 2 $?
expect_match "B1 with what it answered" "$((N + 1)) of $((N + 1)) mappings: .*still there" "$said"
gateway_off gw1
must wait_for 20 gateway_state gw1 silent
move_vm vm1 2
move_vm vm2 2
route_pool gw2
said=$(controller takeover gw1 to gw2 2>&1)
expect_eq "S8 it is silent and has no lease: without fencing refused" 2 $?
expect_match "S8 the sentence says what to do" 'power it off .*fenced reason' "$said"
settled_again() { [ "$(owners)" = "$before" ]; }
expect_within "B1 and nothing has changed" 15 settled_again
expect "S8 fenced, one of them" controller takeover private 10.0.0.101 zone 1 to gw2 fenced reason "pulled the plug"
expect "B1 that one and no other" owns gw2 1
said=$(controller -j takeover gw1 to gw2 fenced reason "pulled the plug")
expect_eq "S8 fenced, all the others" 0 $?
expect_match "S8 the answer counts them" "$N mappings moved to gw2" "$said"
expect "S8 gw2 owns all" owns gw2 $((N + 1))
expect_within "S8 and translates all" 30 translates_all gw2 $((N + 1))
expect "B3 the connection lives" chat_goes_on chat 60
expect_eq "B2 all have the addresses they had" "$first" "$(asked)"
audit=$(controller -j audit "$(awk '$1 == "10.0.0.107" { print $2 }' <<<"$first")")
expect_match "B6 the audit has who, why and what for" "^gw1 gw2 uid 0 \(root\) pid [0-9]+ dead pulled the plug$" \
	"$(jq -r '[.[] | select(.what == "taken-over")] | last | "\(.from) \(.to) \(.by) \(.cause) \(.text)"' <<<"$audit")"

# ---- gw1 comes back: what it still had to say, byte for byte as it would
must stop_daemon gw1
gateway_on gw1
id=$(get id "$(record 10.0.0.5)")
after=$(owners)
for late in "rel" "mig-s src=1 dst=2" "mig-d src=2 dst=1" "resume" "yes src=1 dst=2 nonce=1" "grant-ack"; do
	# shellcheck disable=SC2086
	answer=$(forge gw1 controller $late id="$id" epoch=1 incarnation=1 private=10.0.0.5 zone=1)
	say "$late: $(tail -n 1 <<<"$answer")"
done
expect_eq "B1 late messages of gw1 change nothing" "$after" "$(owners)"
expect "B1 its kernel still believes" translates gw1 10.0.0.5
start_agent gw1
expect_within "B1 connected, it has given all of them up" 40 translates_all gw1 0
must wait_for 20 conf_connected gw1
expect_eq "B1 the records are as they were" "$after" "$(owners)"
# A late packet from inside, from whoever has the address there now.
add_vm ghost 10.0.0.5 1
flush
refuse "B1 a late packet inside site 1 is not translated" ping_from ghost $SRV 1
quiet ip -n lan link set ghost down
route_public "$public" gw1
refuse "B1 nor is one from outside answered" ping_from srv "$public" 1
route_public "$public" gw2
expect "B1 gw2 has kept it" translates gw2 10.0.0.5
expect "B3 the connection lives" chat_goes_on chat 30

# ---- the lease
must wait_for 20 translates_all gw2 $((N + 1))
# By gw2's own kernel, on the clock of the audit.
lease_end() {
	local now left
	now=$(date +%s%N)
	left=$(knatctl gw2 -j status | jq '.. | objects | select(.part == "kernel") | .lease_ms')
	echo $((now + left * 1000000))
}
partition gw2 ctl
ends=$(lease_end)
controller -t 90 takeover gw2 to gw1 >"$RUN/takeover" 2>&1 &
order=$!
said=$(controller -t 9 takeover gw2 to gw1 --no-wait 2>&1)
expect "S8 without waiting, it is not done" [ $? != 0 ]
say "$said"
expect "B1 gw2 is alive, its lease runs: nothing is given away" owns gw1 0
expect "B3 and it still translates" chat_goes_on chat 5
expect_within "B1 at the end of its lease gw2 stops by itself" 30 translates_not gw2 10.0.0.5
move_vm vm1 1
move_vm vm2 1
quiet ip -n net route del "$public"
route_pool gw1
wait $order
expect_eq "S8 nobody said a word: gw1 has all in the end" 0 $?
say "$(cat "$RUN/takeover")"
expect "S8 by the record" owns gw1 $((N + 1))
given=$(controller -j audit "$public" | jq '[.[] | select(.what == "taken-over")] | last | .time_ns')
expect "B1 the controller waited longer than gw2" [ "$given" -gt "$ends" ]
expect_match "B6 the audit says that it was the lease, or the order that waited for it" "^(lease|uid 0)" \
	"$(controller -j audit "$public" | jq -r '[.[] | select(.what == "taken-over")] | last | .by')"
expect_within "S8 and in its kernel" 30 translates_all gw1 $((N + 1))
expect "B3 the connection lives" chat_goes_on chat 60
heal gw2 ctl
expect_within "gw2 is back, in a new incarnation" 40 conf_connected gw2
expect_within "B1 with nothing" 20 translates_all gw2 0
expect_eq "B2 all have the addresses they had" "$first" "$(asked)"

# ---- a part of them
partition gw1 gw2
for i in 101 102; do must natctl gw1 migrate 10.0.0.$i zone 1 to gw2 --no-wait; done
back() { [ "$(get epoch "$(mapping gw1 "$1")")" -gt 3 ] && translates gw1 "$1"; }
must wait_for 30 back 10.0.0.101
must wait_for 30 back 10.0.0.102
heal gw1 gw2
controller -j takeover gw1 to gw2 >"$RUN/part" 2>"$RUN/part.err"
expect_eq "S8 gw1 lives and has all but two of the VMs: refused in part" 2 $?
expect_eq "S8 each that stays is named with its reason" "$((N - 1)) vm-here" \
	"$(jq -r '"\(map(select(.what == "refused" and .from == "gw1" and .to == "gw2")) | length) \(map(.text | capture("\\((?<c>[^)]*)\\)$").c) | unique | join(","))"' "$RUN/part")"
expect_match "S8 and the sum says it" "$((N - 1)) of $((N + 1)) mappings" "$(cat "$RUN/part.err")"
expect "S8 the two are at gw2" owns gw2 2
expect "B1 the others at gw1" owns gw1 $((N - 1))
chat_stop chat
never_both_on_wire
