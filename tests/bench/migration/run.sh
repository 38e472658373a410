#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh [6.12|6.1|uml]: guest.sh on one of Debian's kernels (6.12), whose clock counts
# instructions, one a nanosecond, with one CPU: so it has the time that a machine has,
# however long the emulator takes. Or in User-mode Linux, where the clock is the host's:
# the fastest way on a host that has nothing else to do.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
export RIG_NAME=${RIG_NAME:-bench-migration} RIG_TIMEOUT=${RIG_TIMEOUT:-7200}
export RIG_ENV="PAIRS TCP RATE MANY INTERVAL LOSS CASES REPORT_FROM"
if [ "${1:-}" = uml ]; then
	dir=$("$top/tests/debug/build.sh" uml-plain)
	version=$(cat "$dir/version")
	export RIG_ACCEL=uml RIG_VMLINUX=$dir/vmlinux
else
	version=$("$top/tests/tools/guest-kernels.sh" "${1:-6.12}")
	export RIG_ICOUNT=${RIG_ICOUNT:-shift=0,sleep=off}
fi
exec "$top/tests/qemu/boot.sh" "$version" "$here/guest.sh"
