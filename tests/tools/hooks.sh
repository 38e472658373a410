#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tools/hooks/libvirt-qemu, called as libvirt calls it: what natctl is told.
set -u
cd "$(dirname "$0")/../.." || exit 1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fails=0
export ROAMNAT_LIBVIRT_CONF=$dir/conf ROAMNAT_LIBVIRT_RUN=$dir/run PATH=$dir/bin:$PATH

mkdir -p "$dir/bin"
cat >"$dir/bin/fake-natctl" <<-END
	#!/bin/sh
	echo "\$*" >>"$dir/told"
	echo told >"$dir/event"
	[ ! -e "$dir/refuse" ]
END
mkfifo "$dir/event"
exec 9<>"$dir/event"
# A guest that goes on after a while.
cat >"$dir/bin/virsh" <<-END
	#!/bin/sh
	echo "event 'lifecycle' for domain 'web': Suspended Migrated"
	echo "event 'lifecycle' for domain 'web': Resumed Migrated"
END
printf '#!/bin/sh\n' >"$dir/bin/logger"
chmod +x "$dir/bin/"*
printf 'web 10.0.0.5 1\nweb 10.0.1.5 2\nmail 10.0.0.6\n' >"$dir/vms"

conf() { printf 'gateway=gw2\nnatctl=fake-natctl\nvms=%s/vms\n' "$dir" >"$dir/conf"; printf '%s\n' "$@" >>"$dir/conf"; : >"$dir/told"; }
# Natctl was called so many times; those in the background are waited for.
called() { local i; for ((i = 0; i < $1; i++)); do read -rt 20 <&9 || return; done; }
hook() { echo '<domain/>' | tools/hooks/libvirt-qemu "$@" -; }
told() { # TEXT EXPECTED
	if [ "$(cat "$dir/told")" = "$2" ]; then echo "ok - $1"; return; fi
	printf 'not ok - %s\n# told: %s\n' "$1" "$(cat "$dir/told")"
	fails=$((fails + 1))
}
both=$'migrate 10.0.0.5 zone 1 to gw2 --wait ready\nmigrate 10.0.1.5 zone 2 to gw2 --wait ready'

conf moment=begin require=yes
out=$(hook web migrate begin)
told "begin: each address of the guest is ordered here" "$both"
[ -z "$out" ] || { echo "not ok - it printed, which libvirt takes for XML: $out"; fails=$((fails + 1)); }
: >"$dir/told"
hook web stopped end
told "it did not stay: the order is withdrawn" \
	$'migrate cancel 10.0.0.5 zone 1\nmigrate cancel 10.0.1.5 zone 2'
: >"$dir/told"
hook web stopped end
told "once" ""
touch "$dir/refuse"
if hook mail migrate begin; then echo "not ok - required, and not ready: the migration went on"; fails=$((fails + 1)); else echo "ok - required, and not ready: the migration ends"; fi
told "of this guest only" "migrate 10.0.0.6 to gw2 --wait ready"
rm "$dir/refuse"
conf
called 5
hook web migrate begin
called 2
told "resumed: ordered when virsh says that it goes on" "$both"
conf
hook web prepare begin
hook web started begin
hook web release end
hook other migrate begin
told "nothing else is told" ""
echo "gateway=" >"$dir/conf"
hook web migrate begin
told "without a gateway it does nothing" ""
rm "$dir/conf"
hook web migrate begin
told "nor without a configuration" ""
[ $fails = 0 ]
