#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# selftest.sh KERNEL_VERSION: shows that boot.sh fails when it must: a script
# that fails, a complaint in the kernel log, a panic, a guest that hangs.
# In the guest (with an argument that is a word) it plays those parts itself.
set -u
here=$(cd "$(dirname "$0")" && pwd)
case ${1:-} in
passes) exit 0 ;;
fails) exit 3 ;;
complains) echo "WARNING: CPU: 0 PID: 1 at test" >/dev/kmsg; exit 0 ;;
taints) echo 64 >/proc/sys/kernel/tainted; exit 0 ;;
panics) echo c >/proc/sysrq-trigger; exit 0 ;;
hangs) exec tail -f /dev/null ;;
lies) echo "success 0123" >"$RIG_OUT/result"; echo b >/proc/sysrq-trigger ;;
esac

version=$1 n=0 failed=0
one() { # WORD EXPECTED_CODE MESSAGE
	local rc=0 said
	n=$((n + 1))
	said=$(RIG_QUIET=1 RIG_TIMEOUT=${LIMIT:-120} RIG_NAME=$version-selftest-$1 \
		"$here/boot.sh" "$version" "$here/selftest.sh" "$1" 2>&1) || rc=$?
	if [ "$rc" = "$2" ] && grep -q -- "$3" <<<"$said"; then
		echo "ok $n - rig: a guest that $1 ends with $rc"
	else
		failed=$((failed + 1))
		echo "not ok $n - rig: a guest that $1 ends with $rc, wanted $2 and '$3'"
		sed 's/^/# /' <<<"$said"
	fi
}
# The guest must have said why; a success must have said nothing.
one passes 0 ''
one fails 1 'ended with code 3'
one complains 1 'the kernel complained'
one taints 1 'tainted'
one panics 1 'Kernel panic'
one lies 1 'without a result\|boot:'
LIMIT=15 one hangs 1 'not finished after'
echo "selftest: $((n - failed)) passed, $failed failed"
[ $failed = 0 ]
