#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# dkms add, build and install of this tree for every supported kernel, in a
# throw-away tree: /usr/src, /var/lib/dkms and /lib/modules stay as they are.
#   dkms.sh [VERSION ...]
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
# The keys to sign with are DKMS's own business; here they are thrown away, too.
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export mok_signing_key=$tmp/mok.key mok_certificate=$tmp/mok.pub

command -v dkms >/dev/null || { echo "dkms: missing: apt-get install dkms" >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "dkms: dkms install wants root, even in a throw-away tree" >&2; exit 1; }

setting() { # NAME
	sed -n "s/^$1=\"\(.*\)\"/\1/p" "$top/dkms.conf"
}
name=$(setting PACKAGE_NAME)
version=$(setting PACKAGE_VERSION)
supported=$(setting BUILD_EXCLUSIVE_KERNEL)

run() {
	echo "+ dkms $*"
	timeout 900 dkms "$@" --dkmstree "$tmp/dkms" --sourcetree "$tmp/src" \
		--installtree "$tmp/modules" --no-depmod >"$tmp/log" 2>&1 && return 0
	cat "$tmp/log" "$tmp"/dkms/"$name"/"$version"/build/make.log >&2 2>/dev/null || true
	echo "dkms: dkms $* failed" >&2
	return 1
}

kernels() {
	local build kernel
	for build in /lib/modules/*/build; do
		kernel=$(basename "$(dirname "$build")")
		[ -e "$build/Makefile" ] && [[ $kernel =~ $supported ]] && echo "$kernel"
	done
	return 0
}

mkdir -p "$tmp/dkms" "$tmp/src" "$tmp/modules"
"$top/tests/tools/kmod-source.sh" "$tmp/src/$name-$version"
versions=${*:-$(kernels)}
[ -n "$versions" ] || { echo "dkms: no headers of a kernel that matches $supported" >&2; exit 1; }

run add -m "$name" -v "$version"
for kernel in $versions; do
	mkdir -p "$tmp/modules/$kernel"
	run build -m "$name" -v "$version" -k "$kernel" -j 2
	run install -m "$name" -v "$version" -k "$kernel"
	ko=$(find "$tmp/modules/$kernel/updates/dkms" -name "$name.ko*")
	[ -n "$ko" ] || { echo "dkms: $kernel: no $name.ko under updates/dkms" >&2; exit 1; }
	if [ "$(modinfo -F version "$ko")" != "$version" ]; then
		echo "dkms: $kernel: the module says version $(modinfo -F version "$ko"), dkms.conf $version" >&2
		exit 1
	fi
	[ "$(modinfo -F vermagic "$ko" | cut -d' ' -f1)" = "$kernel" ] ||
		{ echo "dkms: $kernel: built for another kernel" >&2; exit 1; }
	echo "dkms: $kernel: pass"
done
# One that we do not support is refused with a word, not tried.
if [[ 5.10.0-1-amd64 =~ $supported ]] || [[ 6.0.12 =~ $supported ]] ||
	! [[ 6.1.0-1-amd64 =~ $supported && 6.18.1 =~ $supported && 7.0.0 =~ $supported ]]; then
	echo "dkms: BUILD_EXCLUSIVE_KERNEL says the wrong thing" >&2
	exit 1
fi
run remove -m "$name" -v "$version" --all
[ -z "$(find "$tmp/modules" -name "$name.ko*")" ] ||
	{ echo "dkms: remove left a module behind" >&2; exit 1; }
echo "dkms: add, build, install, remove: pass"
