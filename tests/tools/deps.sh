#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Installs what packages.txt names and this machine lacks. Does nothing, quickly,
# when all is there.
#   deps.sh [--list]     --list: print what is missing, install nothing
set -euo pipefail
# "su" without "-" leaves out the sbins, and dpkg does not go without.
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin LC_ALL=C DEBIAN_FRONTEND=noninteractive
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
	echo "deps: missing: ${lacking[*]}" >&2
	echo "deps: as root, run:  $(realpath "$0")" >&2
	exit 1
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# "_apt" reads the sources of a run.
chmod 755 "$tmp"
apt=(-o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)

# Nobody's lists are locked for long, but timers of a fresh machine like to have
# them just then; apt itself waits only for dpkg's lock.
update() {
	local try
	for try in {1..30}; do
		timeout 600 apt-get -q "${apt[@]}" update </dev/null >"$tmp/log" 2>&1 && return
		grep -q 'Could not get lock' "$tmp/log" || return
		sleep 10
	done
	return 1
}
# Of those that are missing, what apt's sources do not have, on one line.
unknown() {
	apt-cache "${apt[@]}" policy "${lacking[@]}" |
		awk '/^[^ ]/ { p = $1 } /^  Candidate: [0-9]/ { print p }' | tr -d : | sort -u |
		comm -13 - <(printf '%s\n' "${lacking[@]}" | sort -u) | xargs
}
failed() {
	tail -n 40 "$tmp/log" >&2
	echo "deps: $1" >&2
	exit 1
}

echo "deps: installing ${#lacking[@]} packages, which may take some minutes: ${lacking[*]}"
update || failed "apt-get update failed, see above"
# Linux 6.12 is in Debian 12's security archive, which a minimal installation may
# not ask. It is asked for this run only; the machine's sources stay as they are.
if [ -n "$(unknown)" ] && (. /etc/os-release && [ "${VERSION_CODENAME:-}" = bookworm ]); then
	security="deb http://deb.debian.org/debian-security bookworm-security main"
	echo "deps: not in apt's sources: $(unknown); asking, this once:  $security"
	mkdir "$tmp/parts"
	find /etc/apt/sources.list.d -maxdepth 1 -type f -exec cp -t "$tmp/parts" {} +
	echo "$security" >"$tmp/parts/roamnat-deps.list"
	apt+=(-o "Dir::Etc::sourceparts=$tmp/parts")
	update || failed "see above; for Linux 6.12, /etc/apt/sources.list wants a line like:  $security"
fi
[ -z "$(unknown)" ] ||
	failed "apt knows no $(unknown): are these Debian 12's sources, with bookworm-security?"
# Debian starts a daemon as soon as it is installed, and at each boot. BIRD and FRR are
# for the guests; on this machine nothing is to route because of the tests.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap 'rm -rf "$tmp" $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
fi
timeout 2400 apt-get -q -y "${apt[@]}" install --no-install-recommends "${lacking[@]}" </dev/null >"$tmp/log" 2>&1 ||
	failed "apt-get install failed, see above; wanted: ${lacking[*]}"
for service in bird2:bird frr:frr; do
	[[ " ${lacking[*]} " != *" ${service%:*} "* ]] || update-rc.d "${service#*:}" disable || :
done
mapfile -t lacking < <(missing)
[ ${#lacking[@]} = 0 ] || { echo "deps: still missing: ${lacking[*]}" >&2; exit 1; }
