#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Installs what packages.txt names and this machine lacks. Does nothing, quickly,
# when all is there.
#   deps.sh [--list]     --list: print what is missing, install nothing
set -euo pipefail
list=$(dirname "$0")/packages.txt
mapfile -t wanted < <(sed 's/#.*//' "$list" | awk 'NF { print $1 }')

if ! command -v dpkg-query >/dev/null; then
	echo "deps: this is not a Debian; install by its own means what $list names" >&2
	exit 1
fi
missing() {
	dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null |
		awk '$2 == "installed" { print $1 }' | sort -u |
		comm -13 - <(printf '%s\n' "${wanted[@]}" | sort -u)
}
mapfile -t lacking < <(missing)
[ ${#lacking[@]} != 0 ] || exit 0
if [ "${1:-}" = --list ]; then
	printf '%s\n' "${lacking[@]}"
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "deps: as root, run:  apt-get update && apt-get install ${lacking[*]}" >&2
	exit 1
fi
echo "deps: installing ${lacking[*]}"
export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { timeout 600 "${apt[@]}" update && timeout 2400 "${apt[@]}" install --no-install-recommends "${lacking[@]}"; } \
	</dev/null >"$log" 2>&1; then
	tail -n 40 "$log" >&2
	echo "deps: apt-get failed, see above; wanted: ${lacking[*]}" >&2
	exit 1
fi
mapfile -t lacking < <(missing)
[ ${#lacking[@]} = 0 ] || { echo "deps: still missing: ${lacking[*]}" >&2; exit 1; }
