#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kernel.sh: builds the kernel that watches the module, from Debian's source of
# 6.12 and debug.config, unless the cache has it; prints its directory, in which are
#
#   vmlinux      to start, an ELF image
#   version      what it calls itself
#   .config, Module.symvers and what else a module is built against
#
# It needs a quarter of an hour on two idle cores, and 6 GB on the disk.
#   DEBUG_KERNEL_DIR=DIR  the cache (default ${XDG_CACHE_HOME:-~/.cache}/roamnat)
#   DEBUG_KERNEL_JOBS=2   for make
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
die() { echo "debug kernel: $*" >&2; exit 1; }

archive=/usr/src/linux-source-6.12.tar.xz
[ -r "$archive" ] || die "$archive is missing: apt-get install linux-source-6.12"
# Debian's packages of one source have one version; a new one is another kernel.
source=$(dpkg-query -W -f '${Version}' linux-source-6.12 2>/dev/null) || source=$(stat -c %Y "$archive")
cache=${DEBUG_KERNEL_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/roamnat}
tree=$cache/linux-source-${source//[^0-9a-zA-Z.+-]/_}
hash=$(cat "$here/debug.config" <(gcc -dumpfullversion) | sha256sum | cut -c1-12)
dir=$cache/debug-kernel-${source//[^0-9a-zA-Z.+-]/_}-$hash

mkdir -p "$cache"
exec {lock}>"$cache/lock"
flock $lock
if [ -s "$dir/version" ]; then
	echo "$dir"
	exit 0
fi

for tool in flex bison bc gcc make; do
	command -v $tool >/dev/null || die "$tool is missing: apt-get install $tool"
done
[ -e /usr/include/libelf.h ] || die "libelf.h is missing: apt-get install libelf-dev"
if [ ! -e "$tree/Makefile" ]; then
	echo "debug kernel: unpacking $archive" >&2
	rm -rf "$tree.new"
	mkdir "$tree.new"
	tar -C "$tree.new" --strip-components=1 -xf "$archive"
	mv "$tree.new" "$tree"
fi

mkdir -p "$dir"
kmake() { nice make -s -C "$tree" O="$dir" "$@"; }
kmake tinyconfig >&2
# merge_config.sh would say what did not take and go on; this looks for itself.
sed '/^#.*is not set$/!{/^#/d}' "$here/debug.config" >>"$dir/.config"
kmake olddefconfig >&2
missing=$(sed -n '/^CONFIG_/p;/^# CONFIG_.*is not set$/p' "$here/debug.config" | while read -r line; do
	case $line in
	\#*) name=${line#\# }; name=${name%% *}; ! grep -q "^$name=" "$dir/.config" || echo "$line" ;;
	*) grep -qxF "$line" "$dir/.config" || echo "$line" ;;
	esac
done)
[ -z "$missing" ] || die "these options did not take: $(echo $missing)"
echo "debug kernel: building in $dir" >&2
kmake -j"${DEBUG_KERNEL_JOBS:-2}" vmlinux modules >"$dir/log" 2>&1 ||
	{ tail -n 30 "$dir/log" >&2; die "does not build; $dir/log has it all"; }
kmake kernelrelease >"$dir/version.new"
mv "$dir/version.new" "$dir/version"
echo "$dir"
