#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The controller's store: checked, backed up while traffic goes on, lost and
# restored from the backup by the procedure of docs/operations.md, and brought
# forward from an older schema. Addresses stay, and the audit log says who had
# which at any time.
# shows: B1 B2 B4
# modes: once
# kernel: any
# timeout: 500
. "$(dirname "$0")/lib.sh"
IDLE=300s QUARANTINE=20s
. "$NET_DIR/nat.sh"

STORE=$RUN/controller/store.db
# the controller's program, on its configuration
program() { "$BIN/roamnat-controller" --config "$RUN/controller.conf" "$@"; }
held_at() { controller -j audit "$1" at "$2" 2>/dev/null | jq -r '[.[].to] | join(" ")'; }
now_ns() { date -u +%Y-%m-%dT%H:%M:%S.%6NZ; }
waits() { controller -j status | jq -r '.[0].waits // empty'; }
# waits_for NAMES: those that the controller still has to hear.
waits_for() { [ "$(waits | sed 's/.*: //')" = "$1" ]; }

topology --vms 3
start_all
route_pool gw1
start_server srv
before=$(now_ns)
must ping_from vm1 $SRV 1
must ping_from vm2 $SRV 1
public=$(public_of 10.0.0.5)
public2=$(public_of 10.0.0.6)
chat_start chat vm1 $SRV
first=$(now_ns)

expect "P8 --check-store finds nothing, beside the controller" program --check-store
backup=$RUN/controller/backup.db
expect "B4 a backup while it runs" controller store backup "$backup"
expect "B4 and the connection goes on" chat_goes_on chat
expect "P8 the backup is whole" program --check-store "$backup"
expect_eq "P8 and one file" "$backup" "$(ls "$backup"*)"
said=$(controller store backup "$STORE" 2>&1)
expect_eq "P8 the store itself is no place for a backup" 2 $?
expect_match "P8 it says so" 'the store itself' "$said"

# What happens now is not in the backup: vm1 moves, vm3 is new, vm2 is released.
expect "B1 vm1 moves to gw2 after the backup" migrate 10.0.0.5 gw2
move_vm vm1 2
route_public "$public" gw2
expect_within "B1 settled" 15 settled gw2 10.0.0.5
moved=$(now_ns)
must ping_from vm3 $SRV 1
public3=$(public_of 10.0.0.7)
must natctl gw1 mapping release private 10.0.0.6 zone 1
must wait_for 15 record_state quarantine 10.0.0.6
released=$(now_ns)

expect_eq "B6 before the first packet nobody had it" "" "$(held_at "$public" "$before")"
expect_eq "B6 gw1 had it first" gw1 "$(held_at "$public" "$first")"
expect_eq "B6 then gw2" gw2 "$(held_at "$public" "$moved")"
expect_eq "B6 vm2's address was gw1's" gw1 "$(held_at "$public2" "$moved")"
expect_eq "B6 and after its release nobody's" "" "$(held_at "$public2" "$released")"
said=$(controller audit "$public2" at "$released" 2>&1 >/dev/null)
expect_match "B6 which is said" 'nobody had it at .*: released by gw1' "$said"
expect_eq "B6 what vm1 had is asked by its own address" "$public" \
	"$(controller -j audit private 10.0.0.5 zone 1 at "$first" | jq -r '.[0].public')"
expect_match "B6 a gateway has a history" 'registered' "$(controller audit gateway gw2)"
expect_eq "B6 a part of one: since the move no more grants to gw1 but vm3's" "$public3" \
	"$(controller -j audit gateway gw1 since "$moved" | jq -r '[.[] | select(.what == "granted") | .public] | join(" ")')"
moved_event=$(controller -j audit "$public" | jq -c '[.[] | select(.what == "moved")] | last')
expect_eq "B6 who verified it, and both epochs" "gw2 1 2" \
	"$(jq -r '"\(.verified_by) \(.epoch_from) \(.epoch)"' <<<"$moved_event")"

# The disk is lost.
kill9 controller
rm -f "$STORE" "$STORE"-wal "$STORE"-shm
cp "$backup" "$STORE"
expect "B4 the controller is dead: the connection goes on" chat_goes_on chat
said=$(program 2>&1)
expect_eq "B1 the controller does not start from a backup" 1 $?
expect_match "B1 it says what to do" 'is a backup.*--restored' "$said"
expect "B1 so it is told, once" program --restored
# One gateway is cut off: it may still translate what nobody remembers.
partition gw2 ctl
start_controller
expect_within "B1 it hears gw1, and waits for gw2" 30 waits_for gw2
expect_match "B1 and says so" 'restored from a backup' "$(waits)"
expect "B1 gw2 translates what it has (B4)" translates gw2 10.0.0.5
refuse "B1 nobody else translates for vm1's address" translates gw1 10.0.0.5
expect_stays "B1 and nobody is granted anything" 3 translates_not gw1 10.0.0.6
heal gw2 ctl
expect_within "B2 gw2 is heard: the mappings of the backup are granted again" 40 translates gw1 10.0.0.6
expect_eq "B2 vm2 has its address" "$public2" "$(public_of 10.0.0.6)"
expect_within "B4 both are connected" 30 conf_connected gw2
must wait_for 30 conf_connected gw1

# The record is that of the backup: vm1 is said to be at gw1, so the orchestrator
# says again where its VMs are.
expect_eq "B2 vm1 has its address" "$public" "$(public_of 10.0.0.5)"
expect "B2 and is said to be at gw2 again" migrate 10.0.0.5 gw2
expect_within "B2 settled" 20 settled gw2 10.0.0.5
expect_match "I6 at an epoch that never was" '^42949672[0-9]+$' "$(get epoch "$(record 10.0.0.5)")"
expect "B3 the connection has lived through all of it" chat_goes_on chat 60
expect_match "B2 at the same public address" "^$public:" "$(chat_seen chat)"
said=$(controller audit "$public" at "$moved" 2>&1)
expect_eq "B6 the lost time is not invented" 6 $?
expect_match "B6 but named" 'restored from a backup.*is not known' "$said"
expect_eq "B6 before it everything is known" gw1 "$(held_at "$public" "$first")"
expect "P8 --check-store finds nothing" program --check-store

# An older store.
must stop_daemon controller
rm -f "$STORE" "$STORE"-wal "$STORE"-shm
must sqlite3 "$STORE" ".read $TOP/tests/unit/store-v1.sql"
start_controller
expect_match "P8 an older store is brought forward" '203.0.113.4' "$(controller mapping show private 10.0.0.4)"
expect "P8 with the file before kept" [ "$(sqlite3 "$STORE.v1.bak" 'PRAGMA user_version')" = 1 ]
expect_eq "B6 its audit log answers" gw2 "$(held_at 203.0.113.2 @1790000005)"
expect "P8 and it is whole" program --check-store
must stop_daemon controller
# Damage is refused with a sentence, not repaired by guessing.
must sqlite3 "$STORE" 'UPDATE mapping SET epoch = epoch + 1 WHERE id = 1'
said=$(program --check-store)
expect_eq "P8 --check-store finds a changed row" 1 $?
expect_match "P8 and names it" 'mapping 1 \(203.0.113.1\): the row is not as it was written' "$said"
said=$(program 2>&1)
expect_eq "P8 the controller does not start with it" 1 $?
expect_match "P8 it says what to do" 'restore the store from a backup' "$said"
chat_stop chat
