# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# How a scenario says what it does and what it found.
# Output is TAP: "ok 3 - S7 the timer moves (report-from=source)".

passed=0 failed=0 skipped=0 bailed=
# RIG_SLOW=5: a kernel that watches takes so many times as long, so limits are longer.
# What has to be over in a time that the protocol gives is not such a limit.
SLOW=${RIG_SLOW:-1}

# With RIG_TIMES=1 every line has the time since the last one in front.
if [ -n "${RIG_TIMES:-}" ]; then
	exec > >(last=0; while IFS= read -r line; do
		t=${EPOCHREALTIME/[.,]/} t=$((t / 1000))
		printf '%6d %s\n' $((last ? t - last : 0)) "$line"
		last=$t
	done)
fi

# say TEXT...: a remark for the reader.
say() { printf '# %s\n' "$*"; }

# run CMD...: prints the command, runs it, prints what it says as remarks. On
# failure the code is returned; nothing is counted.
run() {
	local rc=0
	printf '# $'; printf ' %q' "$@"; printf '\n'
	"$@" >"$RUN/said" 2>&1 || rc=$?
	sed 's/^/#   /' "$RUN/said"
	[ "$rc" = 0 ] || printf '#   (code %s)\n' "$rc"
	return "$rc"
}

# must CMD...: run it; without it the scenario makes no sense.
must() { run "$@" || bail "this command must not fail: $*"; }

# quiet CMD...: for set-up; silent unless it fails, and then the scenario ends.
quiet() {
	local said
	said=$("$@" 2>&1) && return
	printf '%s\n' "$said" | sed 's/^/# /'
	bail "this command must not fail: $*"
}

# bail TEXT: ends the scenario, which has then failed.
bail() {
	bailed=$*
	exit 1
}

result() { # WORD TEXT [SUFFIX]
	printf '%s %d - %s%s%s\n' "$1" $((passed + failed + skipped)) "$2" \
		"${MODE:+ (report-from=$MODE)}" "${3:-}"
}
ok() { passed=$((passed + 1)); result ok "$*"; }
fail() { failed=$((failed + 1)); result 'not ok' "$*"; on_failure; return 1; }
# skip TEXT REASON
skip() { skipped=$((skipped + 1)); result ok "$1" " # SKIP $2"; }
# Scenarios may redefine it to print what helps; it must not end the scenario.
on_failure() { :; }

# expect TEXT CMD...: ok if the command succeeds. What it printed is shown when
# it does not.
expect() {
	local text=$1 rc=0
	shift
	"$@" >"$RUN/said" 2>&1 || rc=$?
	if [ $rc = 0 ]; then ok "$text"; return; fi
	printf '# $'; printf ' %q' "$@"; printf '\n'
	sed 's/^/#   /' "$RUN/said"
	printf '#   (code %s)\n' "$rc"
	fail "$text"
}

# refuse TEXT CMD...: ok if the command fails by itself: neither a time-out's
# code (124) nor a shell's for "not found" or a signal (126 and more, but 255).
refuse() {
	local text=$1 rc=0
	shift
	"$@" >"$RUN/said" 2>&1 || rc=$?
	if [ $rc != 0 ] && { [ $rc -lt 124 ] || [ $rc = 255 ]; }; then ok "$text"; return; fi
	printf '# $'; printf ' %q' "$@"; printf '\n'
	sed 's/^/#   /' "$RUN/said"
	printf '#   (code %s, a refusal was expected)\n' "$rc"
	fail "$text"
}

# expect_eq TEXT WANTED GOT
expect_eq() {
	if [ "$2" = "$3" ]; then ok "$1"; return; fi
	say "wanted '$2', got '$3'"
	fail "$1"
}

# expect_range TEXT LOW HIGH GOT: whole numbers.
expect_range() {
	if [ "$4" -ge "$2" ] 2>/dev/null && [ "$4" -le "$3" ]; then
		ok "$1 ($4 in $2..$3)"
		return
	fi
	say "wanted $2..$3, got '$4'"
	fail "$1"
}

# expect_match TEXT REGEX GOT: extended regular expression.
expect_match() {
	if grep -qE -- "$2" <<<"$3"; then ok "$1"; return; fi
	say "wanted a match of '$2' in:"
	printf '%s\n' "$3" | sed 's/^/#   /'
	fail "$1"
}

# tap CMD...: a program that says "ok" and "not ok" itself; its lines become ours.
tap() {
	local line rc=1
	while IFS= read -r line; do
		case $line in
		'ok '*) ok "${line#* - }" ;;
		'not ok '*) fail "${line#* - }" ;;
		'code '*) rc=${line#code } ;;
		*) say "${line#\# }" ;;
		esac
	done < <("$@" 2>&1; echo "code $?")
	[ "$rc" = 0 ] || fail "$1 ends with 0 (it did with $rc)"
}

# speak LOG CMD...: a program that says "say", "ok" and "not-ok" TEXT, and "end" when it
# has come to its end; its lines become ours. Its standard error goes to LOG.
speak() {
	local log=$1 word='' rest
	shift
	while read -r word rest; do
		case $word in
		say) say "$rest" ;;
		ok) ok "$rest" ;;
		not-ok) fail "$rest" ;;
		end) return ;;
		esac
	done < <(exec "$@" 2>"$log" </dev/null)
	say "$(tail -n 5 "$log")"
	fail "$* comes to its end"
}

# pause: 50 ms, without starting a program.
exec {NOTHING}<> <(:)
pause() { read -r -t 0.05 -u "$NOTHING" || :; }

now_ms() { local t=${EPOCHREALTIME/[.,]/}; echo $((t / 1000)); }

# wait_for SECONDS CMD...: polls until the command succeeds; fails when it did
# not in time. The command is asked at least once, and once after the deadline.
wait_for() {
	local end=$(($(now_ms) + $1 * SLOW * 1000)) late=
	shift
	until "$@" >/dev/null 2>&1; do
		[ -z "$late" ] || return 1
		[ "$(now_ms)" -lt $end ] || late=1
		pause
	done
}

# expect_within TEXT SECONDS CMD...
expect_within() {
	local text=$1 limit=$2
	shift 2
	if wait_for "$limit" "$@"; then ok "$text"; return; fi
	say "not within $((limit * SLOW)) s: $*"
	fail "$text"
}

# stays SECONDS CMD...: the command succeeds now and whenever it is asked until
# SECONDS have passed.
stays() {
	local end=$(($(now_ms) + $1 * 1000))
	shift
	while :; do
		"$@" >/dev/null 2>&1 || return 1
		[ "$(now_ms)" -lt $end ] || return 0
		pause
	done
}

# expect_stays TEXT SECONDS CMD...
expect_stays() {
	local text=$1 limit=$2
	shift 2
	if stays "$limit" "$@"; then ok "$text"; return; fi
	say "did not stay so for $limit s: $*"
	fail "$text"
}

# Called by the trap with the scenario's exit code.
report_end() {
	if [ -n "$bailed" ]; then
		failed=$((failed + 1))
		result 'not ok' "$SCENARIO went to its end"
		say "it gave up: $bailed"
	elif [ "$1" != 0 ] && [ $failed = 0 ]; then
		failed=$((failed + 1))
		result 'not ok' "$SCENARIO went to its end"
		say "it ended with code $1"
	elif [ $((passed + failed + skipped)) = 0 ]; then
		failed=1
		result 'not ok' "$SCENARIO checked something"
	fi
	printf '1..%d\n' $((passed + failed + skipped))
	printf '%s: %d passed, %d failed, %d skipped\n' "$SCENARIO${MODE:+.$MODE}" \
		$passed $failed $skipped
	[ $failed = 0 ] && exit 0
	exit 1
}
