#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The debug build's daemons are killed at each of their failpoints while mappings
# are made, moved and released; of the controller's disk, what was not synced is
# lost. After each round every address has one owner, in the records, in the
# kernels and on the wire.
# shows: S2 S8 S9 S12 S13 B1 B2 B3 B4
# modes: once
# kernel: any
# timeout: 1500
# KILL_ROUNDS=1000 KILL_SEED=1: more rounds than one for each failpoint.
. "$(dirname "$0")/lib.sh"
IDLE=300s QUARANTINE=1s STORE=$RUN/store/store.db
DEBUG_BIN=$TOP/build/debug/bin

[ -x "$DEBUG_BIN/roamnat-agent" ] || bail "there is no $DEBUG_BIN/roamnat-agent: make daemon-debug"
for daemon in agent controller; do
	refuse "I11 no failpoint is in the roamnat-$daemon that is installed" \
		grep -qaE '(agent|ctl)\.(after|before)-[a-z]' "$BIN/roamnat-$daemon"
	expect "but in the debug build" grep -qaE '(agent|ctl)\.(after|before)-[a-z]' "$DEBUG_BIN/roamnat-$daemon"
done

# prepare: what rounds.py needs: the network, the module, a configuration a mode.
prepare() {
	load_module
	pki_ready
	mkdir -p "$RUN/store"
	for mode in source destination; do
		REPORT_FROM=$mode conf_controller >"$RUN/controller.$mode.conf"
		for gw in gw1 gw2; do REPORT_FROM=$mode conf_agent $gw >"$RUN/$gw.$mode.conf"; done
	done
	cp "$RUN"/*.conf "$LOGS/"
}

# rounds NAME ARG...: runs them. $found is what they found wrong.
rounds() {
	local log=$LOGS/$1 word rest
	shift
	found=
	while read -r word rest; do
		case $word in
		say) say "$rest" ;;
		ok) ok "$rest" ;;
		not-ok) found+=$rest ;;
		end) break ;;
		esac
	done < <(exec /usr/bin/python3 -S -E "$NET_DIR/rounds.py" "$RUN" "$DEBUG_BIN" "$BIN/lostsync.so" \
		"$@" 2>"$log.err" </dev/null)
	if [ "$word" != end ]; then
		found="rounds.py broke off: $(tail -n 5 "$log.err")"
	fi
	for log in "$RUN"/log/*.log; do tail -n 3000 "$log" >"$LOGS/$(basename "$log")"; done
}

topology --vms 12
# Ten addresses for twelve VMs: they are used again, also by others.
PUBLIC_POOL='203.0.113.0/29;203.0.113.8/31'
prepare
rounds rounds --rounds "${KILL_ROUNDS:-0}" --seed "${KILL_SEED:-1}" ${KILL_ONLY:+--only "$KILL_ONLY"}
# In its name too what was found: whoever has but the failed lines of a log reads it.
expect_eq "B1 B2 nothing was lost and nothing had two owners${found:+, but $found}" "" "$found"
