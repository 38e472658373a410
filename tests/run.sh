#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh check    every ring, one after the other; all run even if one fails
# run.sh net      scenarios in QEMU; KERNEL=6.1 and SCENARIO=05 choose, FULL=1: all on both,
#                 else each where it is dealt to, by the number of commits or TURN=0, 1;
#                 FAST=yes: their interfaces have the fast path, which is dealt likewise
# run.sh debug    the module on kernels that watch it (tests/debug); PARTS="options
#                 netlink packet compare stress scenarios" chooses; SEED=, MESSAGES=,
#                 PACKETS=, COMPARE=packets, RUNS= (in user space), STRESS=seconds,
#                 SCENARIO=05; UML=no: all of it in QEMU
# run.sh kill     ROUNDS=1000 rounds of kill -9, on one kernel (scenario 66)
# run.sh conformance  scenario 36 on both kernels; writes docs/compliance.md
# run.sh demo     the demonstration, on one kernel
# RIG_NAME=mine   another directory of logs than build/logs/net-VERSION, so that
#                 two runs do not wait for each other
# Called by make, which builds first. Logs are in build/logs.
set -uo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
unset "${!LC_@}"
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin LC_ALL=C.UTF-8 LANG=C.UTF-8
logs=build/logs
mkdir -p $logs
passed=0 failed=0 skipped=0 table=()

# part NAME COUNTED CMD...: runs a part, shows and keeps its output.
part() {
	local name=$1 counted=$2 log start=$SECONDS rc
	log=$(mktemp "$logs/part.XXXXXX")
	shift 2
	printf '\n==== %s\n' "$name"
	"$@" </dev/null 2>&1 | tee "$log"
	rc=${PIPESTATUS[0]}
	count "$name" "$counted" "$log" "$rc" $((SECONDS - start))
}

# count NAME COUNTED LOG CODE SECONDS: COUNTED is a pattern for the names in its
# lines "name: N passed, N failed"; a part without such lines counts as one.
count() {
	local name=$1 p f s
	read -r p f s < <(sed -nE "s/^($2): ([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?\$/\2 \3 \5/p" "$3" |
		awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }')
	if [ "$4" = 0 ] && [ $((p + f + s)) = 0 ]; then p=1; fi
	if [ "$4" != 0 ] && [ "$f" = 0 ]; then f=1; fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	table+=("$(printf '%-22s %-6s %5d passed %4d failed %4d skipped %5d s' "$name" \
		"$([ "$f" = 0 ] && echo ok || echo FAILED)" "$p" "$f" "$s" "$5")")
	mv "$3" "$logs/check-$name.log"
}

# deal VERSION FILE...: what this kernel's guest runs, as FILE or FILE:MODE. A scenario of
# both report modes runs in one of them on each kernel, in turns. One that says
# "# kernel: any", because its subject is in the daemons, runs on one kernel, in one mode.
# Which is which changes with each commit, so that two in a row have run nearly all;
# TURN=0 or 1 says it. Who chooses, or FULL=1, gets every mode on every kernel.
deal() {
	local version=$1 n=0 i=0 k=0 at file v modes=(source destination)
	shift
	for v in $kernels; do
		[ "$v" != "$version" ] || at=$n
		n=$((n + 1))
	done
	for file; do
		if [ -n "${KERNEL:-}${SCENARIO:-}${FULL:-}${REPORT_MODES:-}" ] || [ $n = 1 ]; then
			realpath "$file"
		elif grep -q '^# kernel: any$' "$file"; then
			[ $(((k++ + turn) % n)) = "$at" ] || continue
			if grep -q '^# modes: both$' "$file"; then
				echo "$(realpath "$file"):${modes[(k / n + turn) % 2]}"
			else
				realpath "$file"
			fi
		elif grep -q '^# modes: both$' "$file"; then
			echo "$(realpath "$file"):${modes[(at + i++ + turn) % 2]}"
		else
			realpath "$file"
		fi
	done
}

# goes_on NAME FILE[:MODE]...: those that had not ended when the guest NAME broke, if it
# was QEMU's doing: emulating two CPUs, it now and then executes an instruction that the
# kernel is patching.
goes_on() {
	local out=$logs/$1 last
	shift
	grep -q 'Oops: int3' "$out/console.log" || return 1
	last=$(sed -n 's/^# ---- \([^ ]*\)$/\1/p' "$out/output" | tail -n 1)
	while [ $# != 0 ]; do
		case $last in
		"$(basename "${1%:*}" .sh)" | "$(basename "${1%:*}" .sh)".*) echo "$@"; return ;;
		esac
		shift
	done
	return 1
}

# fast VERSION: do the interfaces of its scenarios have the fast path? FAST=yes says so for
# all; else they have it on the newest kernel with every second commit, so that two in a row
# have run with and without. Who chooses a scenario says it.
fast() {
	if [ -n "${FAST:-}${KERNEL:-}${SCENARIO:-}${FULL:-}" ]; then
		echo "${FAST:-}"
	elif [ "$turn" = 1 ] && [ "$1" = "${kernels##*[[:space:]]}" ]; then
		echo dealt
	fi
}

# net VERSION: all chosen scenarios in one boot; more, if QEMU breaks.
net() {
	local files todo name=${RIG_NAME:-net}-$1 boot rc
	files=$(ls tests/net/[0-9]*"${SCENARIO:-}"*.sh 2>/dev/null)
	case ${SCENARIO:-} in [0-9]*) files=$(ls tests/net/"$SCENARIO"*.sh 2>/dev/null) ;; esac
	if [ -z "$files" ]; then
		echo "run: there is no scenario '${SCENARIO:-}' in tests/net" >&2
		return 1
	fi
	# shellcheck disable=SC2086
	todo=$(deal "$1" $files)
	rm -rf "$logs/$name".{2,3}
	for boot in "" .2 .3; do
		rc=0
		# shellcheck disable=SC2086
		FAST=$(fast "$1") RIG_NAME=$name$boot RIG_TIMEOUT=${RIG_TIMEOUT:-4500} \
			RIG_ENV="REPORT_MODES RIG_TIMES RIG_LIMIT RIG_SLOW FAST ${RIG_ENV:-}" \
			tests/qemu/boot.sh "$1" tests/net/guest-run.sh $todo || rc=$?
		# shellcheck disable=SC2086
		if [ $rc = 0 ] || ! todo=$(goes_on "$name$boot" $todo); then return $rc; fi
		echo "run: the emulation broke; once more, from $(basename "${todo%% *}") on"
	done
	return 1
}

# unit [VAR=VALUE...]: says the sum of Check's own line in the rig's words.
unit() {
	local rc=0 log=$logs/unit.log checks failures errors
	make --no-print-directory -j2 check-unit "$@" 2>&1 | tee "$log"
	rc=${PIPESTATUS[0]}
	read -r checks failures errors < <(sed -nE \
		's/^[0-9]+%: Checks: ([0-9]+), Failures: ([0-9]+), Errors: ([0-9]+)$/\1 \2 \3/p' "$log" |
		awk '{ c += $1; f += $2; e += $3 } END { print c + 0, f + 0, e + 0 }')
	printf 'unit: %d passed, %d failed\n' $((checks - failures - errors)) $((failures + errors))
	return "$rc"
}

# nets: a guest for each kernel. One alone leaves much of two cores idle; they run at
# the same time, each line with its series in front; RIG_JOBS=1: one by one.
nets() {
	local version start=$SECONDS pattern='[0-9]+-[^ ]*'
	declare -A log pid
	if [ "${RIG_JOBS:-2}" = 1 ]; then
		for version in $kernels; do part "net-$version" "$pattern" net "$version"; done
		return
	fi
	printf '\n==== scenarios on %s\n' "$(echo $kernels)"
	for version in $kernels; do
		log[$version]=$(mktemp "$logs/part.XXXXXX")
		(net "$version" </dev/null 2>&1 | tee "${log[$version]}" |
			sed -u "s/^/$(cut -d. -f1,2 <<<"$version"): /"
		 exit "${PIPESTATUS[0]}") &
		pid[$version]=$!
	done
	for version in $kernels; do
		local rc=0
		wait "${pid[$version]}" || rc=$?
		count "net-$version" "$pattern" "${log[$version]}" "$rc" $((SECONDS - start))
	done
}

# watched SCRIPT ARG...: in a guest of the debug kernel, with patience: it is three to
# ten times slower than Debian's. natively: the same in a User-mode Linux.
watched() {
	local name
	name=$(basename "$1" .sh)
	RIG_VMLINUX=$debug_kernel/vmlinux RIG_MEM=${RIG_MEM:-2048} RIG_NAME=${RIG_NAME:-debug}-$name \
		RIG_TIMEOUT=${RIG_TIMEOUT:-7200} tests/qemu/boot.sh "$(cat "$debug_kernel/version")" "$@"
}
natively() {
	local debug_kernel=$uml_kernel
	if [ "$uml_kernel" != "$qemu_kernel" ]; then local -x RIG_ACCEL=uml; fi
	RIG_NAME=${RIG_NAME:-debug}-uml watched "$@"
}
# Its complaints are what is wanted, so the guest as a whole cannot pass.
options() {
	local out=$logs/${RIG_NAME:-debug}-options/output
	RIG_APPEND=kasan_multi_shot "${1:-watched}" tests/debug/options.sh 2>&1 | grep -v '^boot: '
	[ "${1:-watched}" = watched ] || out=$logs/${RIG_NAME:-debug}-uml-options/output
	grep -q '^options: [1-9][0-9]* passed, 0 failed' "$out"
}
# Those that say "# debug: yes" in their heads: their subject is in the kernel. In the
# kernel that is as fast as a program, all.
watched_scenarios() { # WHERE SLOWNESS PATTERN
	local files
	files=$(grep -lE "$3" tests/net/[0-9]*.sh)
	[ -z "${SCENARIO:-}" ] || files=$(ls tests/net/"$SCENARIO"*.sh) || return 1
	# shellcheck disable=SC2086
	RIG_SLOW=${RIG_SLOW:-$2} RIG_ENV="REPORT_MODES RIG_SLOW RIG_LIMIT" REPORT_MODES=${REPORT_MODES:-source} \
		RIG_APPEND=kmemleak=off "$1" tests/net/guest-run.sh $(realpath $files)
}

# why: what failed, again, for whom the log is cut short. Lines of the parts that passed
# are none of its business: the rig's own tests fail on purpose.
why() {
	local row name
	for row in "${table[@]}"; do
		case $row in *' FAILED '*) ;; *) continue ;; esac
		name=${row%% *}
		printf -- '---- %s\n' "$name"
		grep -hE '^# ---- [^ ]+$|^not ok|:[EF]:|error:|: Error |Sanitizer:|killed|^boot:' "$logs/check-$name.log" |
			awk '/^# ---- / { scenario = $3; next } { print (scenario ? scenario ": " : "") $0 }' | tail -n 25
	done
}

finish() {
	printf '\n==== summary (%d s)\n' "$SECONDS"
	printf '%s\n' "${table[@]}"
	[ "$failed" = 0 ] || why
	printf '%d passed, %d failed\n' "$passed" "$failed"
	[ "$failed" = 0 ] && [ "$passed" != 0 ]
}

# verdicts: what the conformance cases said on each kernel.
verdicts() {
	local version
	for version in $kernels; do
		ls "$logs/${RIG_NAME:-net}-$version"{,.2,.3}/conformance/"$version.json" 2>/dev/null
	done
}

prepare() {
	turn=${TURN:-$(($(git -c safe.directory="$(pwd -P)" rev-list --count HEAD 2>/dev/null || echo 0) % 2))}
	kernels=$(tests/tools/guest-kernels.sh ${KERNEL:+"$KERNEL"}) || exit 1
	tests/net/pki.sh build/pki || exit 1
}

case ${1:-} in
check)
	prepare
	part build - make --no-print-directory -j2 all debug daemon-debug test-tools
	part gen-check - make --no-print-directory gen-check
	part layers - make --no-print-directory check-layers
	part hooks - tests/tools/hooks.sh
	part style - make --no-print-directory style
	part shows - make --no-print-directory check-shows
	part conformance - make --no-print-directory check-conformance
	part unit unit unit
	part unit-sanitized unit unit SANITIZE=1
	part fuzz-packet - make --no-print-directory fuzz-packet FUZZ_SECONDS=10
	part model model make --no-print-directory model
	# With a SEED it would be one world, and nothing would fail: so none from outside.
	part sim sim make --no-print-directory sim SEED= SEEDS=5000
	part sim-bugs 'sim[-a-z]*' make --no-print-directory sim-bugs
	part sim-sanitized sim make --no-print-directory -j2 sim SANITIZE=1 SEED= SEEDS=300
	part dkms - make --no-print-directory dkms-check
	part rig selftest make --no-print-directory check-rig
	part kill-rig - make --no-print-directory check-kill-rig
	nets
	part compliance - tests/conformance/table.py verify $(verdicts)
	finish ;;
net)
	prepare
	nets
	finish ;;
debug)
	seed=${SEED:-$((RANDOM))} pattern='options|netlink|packet|stress|[0-9]+-[^ ]*'
	parts=${PARTS:-options netlink packet compare stress scenarios} qemu_kernel='' uml_kernel=''
	tests/net/pki.sh build/pki || exit 1
	echo "debug: seed $seed; each kernel needs a quarter of an hour if it is not there yet"
	case "$parts " in *options*|*stress*|*scenarios*) qemu_kernel=$(tests/debug/build.sh) || exit 1 ;; esac
	case "${UML:-yes} $parts " in
	no*) uml_kernel=${qemu_kernel:-$(tests/debug/build.sh)} || exit 1 ;;
	*options*|*netlink*|*packet*|*compare*|*stress*|*scenarios*) uml_kernel=$(tests/debug/build.sh uml) || exit 1 ;;
	esac
	debug_kernel=${qemu_kernel:-}
	for p in $parts; do
		case $p in
		options)
			part options "$pattern" options
			if [ "$uml_kernel" != "$qemu_kernel" ]; then part options-uml "$pattern" options natively; fi ;;
		netlink) part netlink "$pattern" natively "$PWD/tests/debug/fuzz.sh" "${MESSAGES:-1000000}" "$seed" ;;
		stress)
			part stress "$pattern" watched "$PWD/tests/debug/stress.sh" "${STRESS:-120}" "$seed" 20
			part stress-uml "$pattern" natively "$PWD/tests/debug/stress.sh" "${STRESS:-120}" "$seed" 100 ;;
		packet)
			part packet-user - make --no-print-directory fuzz-packet SEED="$seed" RUNS="${RUNS:-10000000}"
			# All checkers for some; for many KASAN, UBSAN and lockdep, which cost a fifth.
			part packet "$pattern" natively "$PWD/tests/debug/packet.sh" $((${PACKETS:-10000000} / 50)) "$seed"
			RIG_APPEND="kmemleak=off no_debug_objects" \
				part packet-many "$pattern" natively "$PWD/tests/debug/packet.sh" "${PACKETS:-10000000}" "$seed" ;;
		compare)
			RIG_SMP=1 RIG_APPEND="kmemleak=off no_debug_objects" \
				part compare "$pattern" natively "$PWD/tests/debug/packet.sh" "${COMPARE:-1000000}" "$seed" compare ;;
		scenarios)
			part scenarios "$pattern" watched_scenarios watched 6 '^# debug: yes$'
			if [ "$uml_kernel" != "$qemu_kernel" ]; then
				part scenarios-uml "$pattern" watched_scenarios natively 3 '^# shows: '
			fi ;;
		*) echo "run: there is no part '$p'" >&2; exit 1 ;;
		esac
	done
	finish ;;
kill)
	export KERNEL=${KERNEL:-6.12} SCENARIO=66 KILL_ROUNDS=${ROUNDS:-1000} KILL_SEED=${SEED:-1} KILL_ONLY=${ONLY:-}
	export RIG_ENV="KILL_ROUNDS KILL_SEED KILL_ONLY" RIG_LIMIT=$((1500 + 30 * KILL_ROUNDS))
	RIG_NAME=${RIG_NAME:-kill} RIG_TIMEOUT=$((RIG_LIMIT + 300))
	prepare
	nets
	finish ;;
conformance)
	export SCENARIO=36 RIG_NAME=${RIG_NAME:-conformance}
	prepare
	nets
	mkdir -p build/conformance
	# shellcheck disable=SC2046
	cp $(verdicts) build/conformance/ || exit 1
	# shellcheck disable=SC2046
	tests/conformance/table.py write $(verdicts) >build/conformance/compliance.md || exit 1
	cp build/conformance/compliance.md docs/compliance.md
	finish ;;
demo)
	KERNEL=${KERNEL:-6.12}
	prepare
	[ -e tests/demo/demo.sh ] || { echo "run: there is no tests/demo/demo.sh" >&2; exit 1; }
	RIG_NAME=demo RIG_TIMEOUT=${RIG_TIMEOUT:-900} tests/qemu/boot.sh "$kernels" tests/demo/demo.sh ;;
*)
	sed -n '3,15s/^# //p' "$0" >&2
	exit 1 ;;
esac
