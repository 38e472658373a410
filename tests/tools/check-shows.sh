#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every requirement of the seed, S1 … S16, is shown by at least one scenario of
# tests/net/: by its "# shows:" line, and by a check whose text begins with it.
set -u
cd "$(dirname "$0")/../net" || exit 1
rc=0
for n in $(seq 16); do
	files=$(grep -lE "^# shows:.*\bS$n\b" [0-9]*.sh)
	if [ -z "$files" ]; then
		echo "not ok - S$n is named by no scenario"
		rc=1
		continue
	fi
	# shellcheck disable=SC2086
	if ! grep -qE "(expect[a-z_]*|refuse|ok) \"[^\"]*\bS$n\b" $files; then
		echo "not ok - S$n: no check in $files has it in its text"
		rc=1
	fi
done
for file in [0-9]*.sh; do
	grep -q '^# shows: .' "$file" || { echo "not ok - $file: wants a line \"# shows: S1 …\""; rc=1; }
	grep -qE '^# modes: (once|both|source|destination)$' "$file" ||
		{ echo "not ok - $file: wants a line \"# modes: both\" or \"# modes: once\""; rc=1; }
done
[ $rc = 0 ] && echo "ok - S1 to S16 are each shown by a scenario"
exit $rc
