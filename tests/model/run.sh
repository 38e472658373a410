#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Searches the models with spin. Called by `make model`.
#   run.sh            all but the big runs; closes with "model: N passed, N failed"
#   run.sh PATTERN    only those whose name has PATTERN, as "M_P4" or "live"
#   run.sh --big [P]  the bigger runs of README.md, one after the other
#   run.sh --gaps     what README.md says is open: each must still break
#   MODEL_JOBS=2      so many searches at the same time
# A model must be searched to its end and break no claim; a mutant, which lacks one
# rule, must break one. What spin and pan said is in build/model/NAME.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.." || exit 1
out=build/model
own=$here/ownership.pml timer=$here/idle-timer.pml

# KIND NAME MODEL DEFINITIONS [PAN'S OPTIONS [COMPILER'S]], blanks between, commas in them
#   whole   no claim breaks, every state is visited
#   ends    the same, and there is no cycle
#   mutant  a claim breaks; breadth first, so that the trace is a shortest one
live=-DTERM,-DCONN,-DMAXE=3,-DRES=1
wide=-m200000,-w22
deep=-m2000,-w22
runs() {
	cat <<-END
	whole safe-source $own -DMAXE=3 $wide
	whole safe-destination $own -DMAXE=3,-DMODE_D $wide
	whole safe-both-reports $own -DMAXE=3,-DBOTH $wide
	whole safe-no-nonce $own -DMAXE=3,-DNO_NONCE $wide
	whole safe-leases $own -DMAXE=3,-DLEASED=3 $wide
	whole safe-two-vms $own -DMAXE=2,-DNV=2 $wide
	ends lost-source $own -DTERM,-DMAXE=2 $deep
	ends lost-destination $own -DTERM,-DMAXE=2,-DMODE_D $deep
	ends live-source $own $live $deep
	ends live-destination $own $live,-DMODE_D $deep
	whole live-silent-source $own $live,-DSILENT $deep
	whole live-silent-destination $own $live,-DSILENT,-DMODE_D $deep
	whole idle-timer $timer -DN=3 $deep
	END
	local m
	for m in M_P1_NO_FLOOR M_P1_ABORT M_P2_OPTIMISTIC M_P3_NO_FREEZE M_P3_RELEASE_FIRST M_P3_NO_FLOOR \
		M_P4_THAW M_P5_NO_INCARNATION M_P5_GRANT M_P5_REPORT M_P5_NO_SUSPEND M_VDST_GRANT \
		M_P6_EARLY M_P6_RENEW M_P7_FORGET M_P7_SHORTER_TERM M_P8_UNSAVED M_P9_ANY_OWNER M_P9_ANY_EPOCH \
		M_P9_ANY_INCARNATION M_RELEASE_IS_YES M_P10_UNBOUND M_P10_NO_VERIFY M_NONE_YES \
		M_P14_UNFENCED M_P14_UNORDERED; do
		echo "mutant $m $own -DMAXE=3,-DWEAK,-D$m"
	done
	for m in M_P11_NO_GONE M_P13_TO_DEAD; do
		echo "mutant $m $own -DTERM,-DMAXE=2,-D$m"
	done
	for m in M_P12_ONE_SLOT M_P12_ONE_FLOOR M_P16_SKEW; do
		echo "mutant $m $own $live,-DSILENT,-D$m"
		echo "mutant $m-destination $own $live,-DSILENT,-DMODE_D,-D$m"
	done
	echo "mutant M_P15_NO_QUARANTINE $own -DMAXE=2,-DNV=2,-DWEAK,-DM_P15_NO_QUARANTINE"
	for m in M_READ_FIRST M_FROM_ZERO M_STANDS M_FORGETS M_ANY_TRANSFER; do
		echo "mutant I5-$m $timer -D$m"
	done
}
big() {
	local hash=-O2,-DHC4 fast=-O2
	cat <<-END
	whole big-safe-source $own -DMAXE=4 -m300000,-w24 $fast
	whole big-safe-destination $own -DMAXE=4,-DMODE_D -m300000,-w24 $fast
	whole big-safe-two-vms $own -DMAXE=3,-DNV=2 -m300000,-w24 $fast
	whole big-lost-source $own -DTERM,-DMAXE=3 -m2000,-w26 $hash
	whole big-lost-destination $own -DTERM,-DMAXE=3,-DMODE_D -m2000,-w26 $hash
	whole big-live-source $own -DTERM,-DCONN,-DMAXE=4,-DRES=2 -m2000,-w26 $hash
	whole big-live-destination $own -DTERM,-DCONN,-DMAXE=4,-DRES=2,-DMODE_D -m2000,-w26 $hash
	whole bigger-safe-source $own -DMAXE=5 -m300000,-w27 $hash
	whole bigger-safe-destination $own -DMAXE=5,-DMODE_D -m300000,-w27 $hash
	END
}
# build DIR MODEL "SPIN'S OPTIONS" "COMPILER'S": DIR/pan
build() {
	mkdir -p "$1" && rm -f "$1"/{pan*,*.trail,_spin*,trace,log} && cp "$2" "$1/model.pml" || return 1
	# shellcheck disable=SC2086
	(cd "$1" && spin -a $3 model.pml && gcc -w -DNOREDUCE -DMEMLIM=4000 $4 -o pan pan.c) >"$1/log" 2>&1
}

# search DIR "PAN'S OPTIONS": DIR/log, and DIR/trace of what broke
search() {
	# shellcheck disable=SC2086
	(cd "$1" && ./pan -E $2 >log 2>&1)
	[ ! -e "$1/model.pml.trail" ] || (cd "$1" && ./pan -r >trace 2>/dev/null)
}

states() { awk '/states, stored/ { print $1 }' "$1/log"; }
depth() { sed -n 's/.*depth reached \([0-9]*\).*/\1/p' "$1/log"; }
# The search went through all there is to search.
complete() {
	grep -q 'errors: 0$' "$1/log" &&
		! grep -qE 'depth too small|not completed|out of memory|memory limit|truncated|resource' "$1/log"
}
broken() { sed -n '/^BROKEN /{s///p;q}' "$1/trace" 2>/dev/null; }

# judge KIND NAME DIR: one line; ok only if it is as it should be
judge() {
	local kind=$1 name=$2 dir=$3 claim
	claim=$(broken "$dir")
	if [ ! -e "$dir/pan" ]; then
		echo "not ok - $name: could not be built, see $dir/log"
	elif [ "$kind" = mutant ] && [ -n "$claim" ]; then
		echo "ok - $name: breaks $claim in $(grep -c '^EV ' "$dir/trace") steps ($(states "$dir") states)"
	elif [ "$kind" = mutant ] && complete "$dir"; then
		echo "not ok - $name: SURVIVES, $(states "$dir") states and no claim breaks"
	elif [ "$kind" != mutant ] && [ -e "$dir/model.pml.trail" ]; then
		echo "not ok - $name: breaks ${claim:-a claim}, see $dir/trace"
	elif [ "$kind" != mutant ] && complete "$dir"; then
		echo "ok - $name: $(states "$dir") states, depth $(depth "$dir")"
	else
		echo "not ok - $name: the search was cut short, see $dir/log"
	fi
}

# one KIND NAME MODEL DEFINITIONS [OPTIONS [FLAGS]]
one() {
	local kind=$1 name=$2 dir=$out/$2 flags options
	# What gcc takes longer for -O2 than for this, most searches do not win back.
	flags="-O1 -DSAFETY ${6:-}" options=${5:-}
	case $kind:$4 in
	ends:*) flags="-O1 -DNP ${6:-}" options="$options -l" ;;
	mutant:*TERM*) flags="-O1 -DSAFETY -DBFS" options=-w20 ;;
	mutant:*) flags="-O0 -DSAFETY -DBFS" options=-w20 ;;
	esac
	build "$dir" "$3" "${4//,/ }" "${flags//,/ }" && search "$dir" "${options//,/ }"
	judge "$kind" "$name" "$dir" >"$dir/result"
	cat "$dir/result"
}

# Does this script notice? What it should call a failure, it must call so.
selftest() {
	local dir=$out/selftest line
	check() {
		line=$(judge "$1" "$2" "$dir")
		case $line in
		"$3"*) echo "ok - self-test: $4" ;;
		*) echo "not ok - self-test: $4, but: $line" ;;
		esac
	}
	build "$dir" "$own" -DMAXE=1 "-O0 -DSAFETY"
	search "$dir" -m100000
	check mutant x "not ok - x: SURVIVES" "a mutant that lacks no rule is a survivor"
	search "$dir" -m20
	check whole x "not ok - x: the search was cut short" "a search that is too shallow is a failure"
	check mutant x "not ok - x: the search was cut short" "and is none of a mutant either"
	build "$dir" "$own" -DMAXE=2 "-O0 -DSAFETY -UMEMLIM -DMEMLIM=3"
	search "$dir" "-m10000 -w10"
	check whole x "not ok - x: the search was cut short" "a search without memory is a failure"
	build "$dir" "$own" "-DMAXE=1 -DM_P9_ANY_OWNER" "-O0 -DSAFETY"
	search "$dir" -m100000
	check whole x "not ok - x: breaks I3" "a model that breaks a claim is a failure"
	build "$dir" "$own" "-DMAXE=2 -DTERM -DM_P11_NO_GONE" "-O0 -DSAFETY"
	search "$dir" -m100000
	check ends x "not ok - x: breaks I2" "and so is one with a bad end"
	build "$dir" "$own" "-DMAXE=none" "-O0"
	check mutant x "not ok - x: could not be built" "a model that spin does not take is a failure"
}

# Nothing is proved by events that cannot happen: small searches print all that do.
coverage() {
	local dir=$out/coverage missing=0 n=0 defs event
	mkdir -p "$dir" && : >"$dir.events"
	for defs in -DMAXE=2 "-DMAXE=2 -DMODE_D" "-DMAXE=1 -DNV=2" "-DTERM -DCONN -DMAXE=1"; do
		build "$dir" "$own" "$defs" "-O0 -DSAFETY -DPRINTF"
		(cd "$dir" && ./pan -E -c0 -m100000) | awk '/^ *EV / && !seen[$0]++' >>"$dir.events"
	done
	build "$dir" "$timer" -DP=1 "-O0 -DSAFETY -DPRINTF"
	(cd "$dir" && ./pan -E) | awk '/^ *EV / && !seen[$0]++' >>"$dir.events"
	while read -r event; do
		n=$((n + 1))
		grep -qE "^ *$event" "$dir.events" && continue
		echo "not ok - coverage: '$event' never happens"
		missing=1
	done < <(grep -oh 'printf("EV [^"]*' "$own" "$timer" | grep -v MUTANT |
		sed 's/printf("//; s/\\n//; s/[()]/./g; s/%d/[0-9]+/g' | sort -u)
	[ $missing = 1 ] || echo "ok - coverage: each of $n events happens"
}

command -v spin >/dev/null || { echo "model: spin is missing: apt-get install spin" >&2; exit 1; }
mkdir -p "$out"
case ${1:-} in
one)
	shift
	one "$@"
	exit ;;
selftest | coverage)
	"$1"
	exit ;;
--gaps)
	list="mutant GAP_P13_LATE_FENCE $own -DTERM,-DMAXE=2,-DGAP_P13_LATE_FENCE
mutant GAP_I5_SAME_ELAPSED $timer -DGAP_I5_SAME_ELAPSED" ;;
--big)
	list=$(big | grep -- "${2:-}") MODEL_JOBS=1 ;;
*)
	list=$(runs | grep -- "${1:-}") ;;
esac
[ -n "$list" ] || { echo "model: no run is called '$1'" >&2; exit 1; }
results=$(mktemp "$out/results.XXXXXX")
trap 'rm -f "$results"' EXIT
# The long ones first; lines come as they end.
{
	echo "$list" | grep -v '^mutant' | sed 's/^/one /'
	[ -n "${1:-}" ] || printf '%s\n' selftest coverage
	echo "$list" | grep '^mutant' | sed 's/^/one /'
} | xargs -P "${MODEL_JOBS:-2}" -L 1 "$here/run.sh" 2>&1 | tee "$results"
# One that was killed says nothing.
while read -r _ name _; do
	grep -q "^\(not \)\?ok - $name: " "$results" ||
		echo "not ok - $name: ended without a result" | tee -a "$results"
done <<<"$list"
awk '/^ok - / { p++ } /^not ok - / { f++ }
	END { printf "model: %d passed, %d failed\n", p, f; exit !(p && !f) }' "$results"
