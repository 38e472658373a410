#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Builds the module against every kernel whose headers are installed and that
# we support (6.1 and later), with W=1 and sparse. A warning is a failure.
#   kernels.sh [--debug] [VERSION ...]
#   KDIR=DIR   where VERSION was built, if its headers are not installed
# Leaves build/kmod-VERSION/roamnat.ko, or with --debug, which has the
# selftests in it, build/kmod-VERSION-debug/roamnat.ko. What has been built from
# the same sources is not built again.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
oldest=6.1
suffix='' flags=''
if [ "${1:-}" = --debug ]; then
	suffix=-debug flags='DEBUG=1 RNAT_SELFTEST=1'
	shift
fi
command -v sparse >/dev/null || { echo "kernels: sparse is missing: apt-get install sparse" >&2; exit 1; }

supported() { # VERSION
	[ "$(printf '%s\n%s\n' "$oldest" "$1" | sort -V | head -n 1)" = "$oldest" ]
}

installed() {
	for build in /lib/modules/*/build; do
		[ -e "$build/Makefile" ] || continue
		version=$(basename "$(dirname "$build")")
		supported "$version" && echo "$version"
	done
}

# The paths are part of it: the log names them.
fingerprint() { # DIR
	(cd "$1" && find Kbuild dkms.conf kmod include -name '*.[ch]' -print0 -o \
		-name Kbuild -print0 -o -name dkms.conf -print0 | sort -z |
		xargs -0 sha256sum | sha256sum | cut -c1-64)
}

build() { # VERSION
	dir=$top/build/kmod-$1$suffix
	log=$dir/log
	want=$(fingerprint "$top")
	if [ -e "$dir/roamnat.ko" ] && [ "$(cat "$dir/built" 2>/dev/null)" = "$want" ]; then
		echo "kernels: $1$suffix: unchanged"
		return 0
	fi
	rm -rf "$dir"
	"$top/tests/tools/kmod-source.sh" "$dir"
	# shellcheck disable=SC2086 # flags are words
	if ! timeout 900 make -s -C "${KDIR:-/lib/modules/$1/build}" M="$dir" W=1 C=1 -j2 $flags modules >"$log" 2>&1; then
		cat "$log" >&2
		echo "kernels: $1$suffix: does not build" >&2
		return 1
	fi
	# That headers come without a vmlinux is no fault of ours.
	if grep -Ei 'warning|error|undefined' "$log" | grep -v 'Skipping BTF' >&2; then
		rm -f "$dir/roamnat.ko"
		echo "kernels: $1$suffix: builds with warnings" >&2
		return 1
	fi
	echo "$want" >"$dir/built"
	echo "kernels: $1$suffix: pass"
}

versions=${*:-$(installed)}
[ -n "$versions" ] || { echo "kernels: no headers of Linux $oldest or later: apt-get install linux-headers-amd64" >&2; exit 1; }
rc=0
for v in $versions; do
	supported "$v" || { echo "kernels: $v is older than $oldest" >&2; exit 1; }
	build "$v" || rc=1
done
exit $rc
