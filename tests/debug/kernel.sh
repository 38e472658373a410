#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kernel.sh [uml|uml-plain [options]]: builds the kernel that watches the module, from Debian's
# source of 6.12 and debug.config, unless the cache has it; prints its directory, in which are
#
#   vmlinux      to start, an ELF image; with uml (and uml.config) a program, which
#                is some hundred times as fast as what QEMU emulates, and has one CPU;
#                uml-plain is that and watches nothing, for benchmarks
#   version      what it calls itself
#   .config, Module.symvers and what else a module is built against
#
# "options" prints only which ones it has. It needs a quarter of an hour on two idle
# cores, and 6 GB on the disk.
#   DEBUG_KERNEL_DIR=DIR  the cache (default ${XDG_CACHE_HOME:-~/.cache}/roamnat)
#   DEBUG_KERNEL_JOBS=2   for make
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
case ${1:-} in
'') kind=debug config=$here/debug.config arch=() ;;
uml | uml-plain) kind=$1 config=$here/uml.config arch=(ARCH=um) ;;
*) echo "kernel.sh: '$1' is no kind of kernel" >&2; exit 1 ;;
esac
die() { echo "debug kernel: $*" >&2; exit 1; }

archive=/usr/src/linux-source-6.12.tar.xz
[ -r "$archive" ] || die "$archive is missing: apt-get install linux-source-6.12"
# Debian's packages of one source have one version; a new one is another kernel.
source=$(dpkg-query -W -f '${Version}' linux-source-6.12 2>/dev/null) || source=$(stat -c %Y "$archive")
cache=${DEBUG_KERNEL_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/roamnat}
tree=$cache/linux-source-${source//[^0-9a-zA-Z.+-]/_}
# All options that it shall have. What is not of the machine, and is not in a line
# "#without" of uml.config, the two share. A plain one does without what must be
# noticed, and has a name of its own.
wanted() {
	local shared='/^# What programs ask for/,$p'
	case $kind in
	debug) cat "$config"; return ;;
	uml) cat "$config" ;;
	uml-plain)
		grep -v '^CONFIG_LOCALVERSION=' "$config"
		cat "$here/uml-plain.config"
		shared='/^# What programs ask for/,/^# What must be noticed/p' ;;
	esac
	sed -n "$shared" "$here/debug.config" |
		grep -vE "^($(sed -n 's/^#without //p' "$config" | tr ' \n' '||')none)="
}
if [ "${2:-}" = options ]; then
	wanted
	exit 0
fi
hash=$(cat <(wanted) <(gcc -dumpfullversion) | sha256sum | cut -c1-12)
dir=$cache/$kind-kernel-${source//[^0-9a-zA-Z.+-]/_}-$hash

mkdir -p "$cache"
exec {lock}>"$cache/lock-$kind" {unpack}>"$cache/lock"
flock $lock
if [ -s "$dir/version" ]; then
	echo "$dir"
	exit 0
fi

for tool in flex bison bc gcc make; do
	command -v $tool >/dev/null || die "$tool is missing: apt-get install $tool"
done
[ -e /usr/include/libelf.h ] || die "libelf.h is missing: apt-get install libelf-dev"
flock $unpack
if [ ! -e "$tree/Makefile" ]; then
	echo "debug kernel: unpacking $archive" >&2
	rm -rf "$tree.new"
	mkdir "$tree.new"
	tar -C "$tree.new" --strip-components=1 -xf "$archive"
	mv "$tree.new" "$tree"
fi
# A host's kernel takes all floating point registers or none, and newer processors have
# more of them than there is room for (fixed in 6.13): the first system call of init
# would be the last one.
sed -i 's/HOST_FP_SIZE, 2696)/HOST_FP_SIZE, 12288)/' "$tree/arch/x86/um/user-offsets.c"
flock -u $unpack

mkdir -p "$dir"
kmake() { nice make -s -C "$tree" O="$dir" "${arch[@]}" "$@"; }
kmake tinyconfig >&2
# merge_config.sh would say what did not take and go on; this looks for itself.
wanted | sed '/^#.*is not set$/!{/^#/d}' | awk '!said[$0]++' >>"$dir/.config"
kmake olddefconfig >&2
missing=$(wanted | sed -n '/^CONFIG_/p;/^# CONFIG_.*is not set$/p' | while read -r line; do
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
