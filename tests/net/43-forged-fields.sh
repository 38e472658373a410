#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Release, migration report, resume and verification, forged in every field: by
# another gateway, by one that owned the mapping before, by the owner itself, as
# an answer to a real question, without a certificate that counts, and replayed
# byte for byte. Each is refused, counted and, within the bound, audited; record,
# kernel and traffic stay as they are. forge makes the cases from its own table
# of fields, so none is forgotten.
# shows: S10 S11 S13 S14 B1 B6
# modes: both
# kernel: any
# timeout: 900
. "$(dirname "$0")/lib.sh"
IDLE=600s
. "$NET_DIR/nat.sh"

topology --vms 3 --gateways 3
start_all
route_pool gw1
start_server srv
natctl controller monitor >"$LOGS/monitor.out" 2>&1 &
watcher=$!
watch_wire
chat_start chat vm1 $SRV
must ping_from vm2 $SRV 1
public=$(public_of 10.0.0.5)
id=$(get id "$(record 10.0.0.5)")

# There and back: gw1 has it at epoch 3, gw2 had it at epoch 2, which is one less.
for gw in gw2 gw1; do
	must migrate 10.0.0.5 $gw
	move_vm vm1 ${gw#gw}
	route_public "$public" $gw
	must wait_for 20 settled $gw 10.0.0.5
done
must wait_for 10 file_says "$LOGS/monitor.out" moved

# What must be the same before and after: records, kernels, the public address
# that srv sees.
kernel() { knatctl "$1" -j mapping show | jq -c '[.[] | [.id, .public, .private, .zone, .epoch, .incarnation, .state, .suspended]]'; }
state() { controller -j mapping show | jq -c 'sort_by(.id) | [.[] | [.id, .public, .private, .zone, .owner, .epoch, .state]]'; kernel gw1; kernel gw2; kernel gw3; chat_seen chat; }

refused_more() { [ "$(daemon_counter controller sessions_refused)" -gt "$1" ]; }

# every TEXT GW TYPE ARG...: all cases of that message; the sum is shown, the
# cases are in the log.
every() {
	local text=$1 gw=$2 type=$3 rc=0 log
	shift 3
	log=$LOGS/forged-$gw-$type${TAG:-}.out
	forge "$gw" controller --control "$RUN/controller/control.sock" "$@" "$type" "${ALL[@]}" \
		>"$log" 2>&1 || rc=$?
	say "$gw $type: $(grep '^sum' "$log")"
	grep -v '^ok\|^HELLO\|^PEER\|^sum' "$log" | sed 's/^/#   /'
	expect "$text" [ $rc = 0 ]
}
# As gw1 would say it.
ALL=("id=$id" epoch=3 private=10.0.0.5 zone=1 "public=$public" src=1 dst=2
	preset=600000 elapsed=1000 remaining=599000)
TYPES="rel mig-s mig-d resume yes no"
before=$(state)

# ---- by others
must stop_daemon gw2		# its certificate is in other hands now
must stop_daemon gw3
for type in $TYPES; do
	every "S14 $type by gw2, the owner before, as it is and with every field changed" gw2 $type --first
done
for type in rel mig-d; do
	every "S14 $type by gw3, which never had it" gw3 $type --first
done
expect_eq "S14 records, kernels and traffic are as before" "$before" "$(state)"
expect "B3 the connection goes on" chat_goes_on chat

# ---- by the owner, with one field wrong; its agent is dead, its kernel goes on
must stop_daemon gw1
which=id,epoch,incarnation,private,zone,kind,proto,port
every "S13 release by the owner, with each field wrong that a release has" gw1 rel --only $which
every "S13 resume by the owner, the same" gw1 resume --only $which
if [ "$MODE" = destination ]; then
	every "S10 mig-s where the destination reports" gw1 mig-s --first
else
	every "S10 mig-s by the owner, each field that counts" gw1 mig-s --only $which,dst=0,dst=max
fi
# Of an epoch before its own it says what is done already, and is told so.
every "S14 mig-d by the owner, about what it has itself" gw1 mig-d --first \
	--only id,epoch+1,epoch=max,incarnation,private,zone,kind,proto,port,src,dst
for type in yes no; do
	every "S14 $type by the owner, whom nobody asked" gw1 $type --first
done
expect_eq "S14 records, kernels and traffic are as before" "$before" "$(state)"

# ---- answers to a real question: gw2 claims the VM, so the owner is asked
answers() { # GW FIELDS: waits for the question, in the background
	forge "$1" controller --control "$RUN/controller/control.sock" --question \
		--only "$2" yes >"$LOGS/answers-$1.out" 2>&1 &
	liar=$!
	wait_for 20 file_says "$LOGS/answers-$1.out" HELLO_ACK
}
answers_end() { # TEXT GW
	local rc=0
	wait $liar || rc=$?
	say "$2 yes: $(grep '^sum' "$LOGS/answers-$2.out")"
	grep '^BAD\|^DOWN' "$LOGS/answers-$2.out" | sed 's/^/#   /'
	expect "$1" [ $rc = 0 ]
}
answers gw1 id,epoch,incarnation,nonce,src,dst
TAG=-open
forge gw2 controller natreq private=10.0.0.5 zone=1 >"$LOGS/claim.out" 2>&1 &
claim=$!
every "S11 yes to another's question" gw3 yes --first --only id,nonce
wait $claim
answers_end "S11 yes of the one that was asked, with each field wrong" gw1
expect_within "S11 nobody said a right yes: it stays" 20 owned_by gw1 10.0.0.5
expect_eq "S14 records, kernels and traffic are as before" "$before" "$(state)"

# ---- byte for byte: a whole session of gw1, with a request and a release in it
capture session gw1 ctl0 -s 0 "tcp and src host $(ctl_addr gw1) and dst port $CONTROLLER_PORT"
start_agent gw1
must wait_for 20 conf_connected gw1
must ping_from vm3 $SRV 1
must natctl gw1 mapping release private 10.0.0.6 zone 1
must wait_for 20 record_state quarantine 10.0.0.6
must ping_from vm2 $SRV 1
capture_stop session
before=$(state)
counted=$(daemon_counter controller sessions_refused)
expect "S14 the session of gw1 is said again, byte for byte" \
	peer gw1 replay "$LOGS/session.pcap" "$(ctl_addr ctl)" $CONTROLLER_PORT
expect "S14 refused and counted" wait_for 10 refused_more "$counted"
ALL=("id=$(get id "$(record 10.0.0.6)")" epoch=1 private=10.0.0.6 zone=1)
every "S14 its release, said again by the other" gw2 rel --first --only nonce
expect_eq "S14 records, kernels and traffic are as before" "$before" "$(state)"

# ---- certificates that do not count
ALL=("id=$id" epoch=3 private=10.0.0.5 zone=1)
for cert in gw9 revoked expired stranger; do
	counted=$(daemon_counter controller sessions_refused)
	FORGE_CERT=$cert refuse "S14 $cert: not let in" forge gw2 controller rel "${ALL[@]}"
	expect "S14 $cert: counted" wait_for 10 refused_more "$counted"
done
counted=$(daemon_counter controller sessions_refused)
ns gw2 gnutls-cli --no-ca-verification -p $CONTROLLER_PORT "$(ctl_addr ctl)" </dev/null >"$LOGS/nocert.out" 2>&1
expect "S14 no certificate: counted" wait_for 10 refused_more "$counted"
expect_eq "S14 records, kernels and traffic are as before" "$before" "$(state)"

# ---- what is left of it
refused=$(daemon_counter controller refused)
unaudited=$(daemon_counter controller refusals_unaudited)
kill $watcher
audited=$(grep -cE '^\[rev [0-9]+\] [0-9:.]+ (refused|alarm) ' "$LOGS/monitor.out")
say "refused $refused, of these written to the audit $audited, beyond the bound $unaudited"
expect_eq "B6 each refusal is in the audit or counted as one too many" "$refused" $((audited + unaudited))
expect_range "B6 the audit is bounded: 30 a minute and gateway" 30 $((3 * 30 * (1 + SECONDS / 60))) "$audited"
# The owner's first lies may have been one too many in that minute.
expect_match "B6 the address's own audit names who lied" "^(gw1 )?gw2 gw3\$" \
	"$(controller -j audit "$public" | jq -r '[.[] | select(.what == "alarm") | .by] | unique | join(" ")')"
expect "B3 the connection never noticed" chat_goes_on chat
chat_stop chat
never_both_on_wire
