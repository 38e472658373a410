#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh [6.1|6.12]: guest.sh in User-mode Linux, or in QEMU on that one of Debian's
# kernels.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
export RIG_NAME=${RIG_NAME:-bench-migration} RIG_TIMEOUT=${RIG_TIMEOUT:-3600}
export RIG_ENV="PAIRS TCP RATE MANY INTERVAL CASES"
if [ $# -gt 0 ]; then
	version=$("$top/tests/tools/guest-kernels.sh" "$1")
else
	dir=$("$top/tests/debug/build.sh" uml-plain)
	version=$(cat "$dir/version")
	export RIG_ACCEL=uml RIG_VMLINUX=$dir/vmlinux
fi
exec "$top/tests/qemu/boot.sh" "$version" "$here/guest.sh"
