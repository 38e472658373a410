#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# bugs.sh BUILD CC FLAGS OBJECTS...: plants each bug of tests/sim/bugs into a copy of
# the files it touches, links it with the other objects, and lets the simulator look
# for it. A bug that is not found within its number of seeds fails. ONLY=name for one.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
build=$1 cc=$2 flags=$3
shift 3
passed=0 failed=0

# plant PATCH DIR: the program with the bug is DIR/sim.
plant() {
	local patch=$1 dir=$2 file objects=("${@:3}") i
	rm -rf "$dir"
	mkdir -p "$dir"
	for file in $(sed -n 's|^+++ b/||p' "$patch"); do
		mkdir -p "$dir/$(dirname "$file")"
		cp "$file" "$dir/$file"
	done
	patch -s -p1 --no-backup-if-mismatch -d "$dir" <"$patch" || return 1
	for file in $(sed -n 's|^+++ b/||p' "$patch"); do
		# shellcheck disable=SC2086
		$cc $flags -Wno-error -w -c -o "$dir/$file.o" "$dir/$file" || return 1
		for i in "${!objects[@]}"; do
			[ "${objects[i]}" = "$build/obj/${file%.c}.o" ] && objects[i]=$dir/$file.o
		done
	done
	$cc -o "$dir/sim" "${objects[@]}"
}

for patch in tests/sim/bugs/*"${ONLY:-}"*.patch; do
	name=$(basename "$patch" .patch)
	rule=$(sed -n 's/^Rule: //p' "$patch")
	seeds=$(sed -n 's/^Seeds: //p' "$patch")
	if ! plant "$patch" "$build/sim-bugs/$name" "$@"; then
		echo "not ok - $name: cannot be planted; make the patch anew"
		failed=$((failed + 1))
		continue
	fi
	found=$(nice -n 5 "$build/sim-bugs/$name/sim" --seeds "$seeds" --failures 1 --quiet | sed -n 's/^seed //p')
	if [ -n "$found" ]; then
		echo "ok - $name ($rule): found by seed $found [of at most $seeds]"
		passed=$((passed + 1))
	else
		echo "not ok - $name ($rule): $seeds seeds do not find it"
		failed=$((failed + 1))
	fi
done
echo "sim-bugs: $passed passed, $failed failed"
[ $failed = 0 ] && [ $passed != 0 ]
