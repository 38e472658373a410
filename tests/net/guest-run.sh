#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guest-run.sh SCENARIO[:MODE]...: in the guest, runs scenarios one after the other,
# each in MODE or in the report modes that it names, and closes with one line that
# sums up.
# REPORT_MODES (default "source destination"): what "both" means.
# RIG_LIMIT: seconds for a scenario instead of what its head says.
# FAST=yes: the gateways' interfaces have the fast path. FAST=dealt: not those of a scenario
# that says "# fast: asked", because its verdicts are wanted without.
# RIG_SLOW=5: five times what its head says, and five times each limit inside.
set -u
passed=0 failed=0 skipped=0

header() { sed -n "s/^# $2: *//p;/^[^#]/q" "$1" | head -n 1; }

# What a scenario that was killed left behind.
sweep() {
	local n pids
	for n in $(ip netns list | awk '{ print $1 }'); do
		pids=$(ip netns pids "$n")
		# shellcheck disable=SC2086
		[ -z "$pids" ] || kill -9 $pids 2>/dev/null
		ip netns del "$n"
	done
	if [ -d /sys/module/roamnat ]; then rmmod roamnat; fi
}

one() { # FILE MODE
	local name tap limit rc=0 counts start=$SECONDS fast=${FAST:-}
	name=$(basename "$1" .sh)${2:+.$2}
	tap=$RIG_OUT/$name.tap
	limit=$(header "$1" timeout)
	limit=${RIG_LIMIT:-$((${limit:-120} * ${RIG_SLOW:-1}))}
	echo "# ---- $name"
	sed -n '3,/^# shows:/{/^# shows:/d;s/^/#/p}' "$1"
	echo "rig: scenario $name" >/dev/kmsg
	if [ "$fast" = dealt ] && [ "$(header "$1" fast)" = asked ]; then fast=''; fi
	[ -z "$fast" ] || echo "# with the fast path"
	FAST=$fast REPORT_FROM=$2 timeout -k 10 "$limit" bash "$1" 2>&1 </dev/null | tee "$tap"
	rc=${PIPESTATUS[0]}
	counts=$(tail -n 1 "$tap" | sed -n 's/.*: \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p')
	if [ -z "$counts" ] || [ "$rc" = 124 ] || [ "$rc" = 137 ]; then
		echo "not ok - $name ended in $limit s (code $rc)" | tee -a "$tap"
		counts="0 1 0"
	fi
	read -r p f s <<<"$counts"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	sweep
	echo "# ---- $name took $((SECONDS - start)) s"
}

for file; do
	case $file in
	*:*)
		one "${file%:*}" "${file##*:}"
		continue ;;
	esac
	case $(header "$file" modes) in
	once) one "$file" "" ;;
	both | '') for mode in ${REPORT_MODES:-source destination}; do one "$file" "$mode"; done ;;
	*) for mode in $(header "$file" modes); do one "$file" "$mode"; done ;;
	esac
done
echo "kernel-$(uname -r): $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] && [ $passed != 0 ]
