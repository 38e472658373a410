#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# image.sh KERNEL_VERSION DIR: makes DIR/vmlinux-V and DIR/initramfs-V for
# boot.sh, unless they are there and newer than what they are made from.
#
# The kernel is unpacked here: QEMU starts an ELF image directly (PVH), and an
# emulated CPU would need seconds to unpack it. Modules are unpacked for the
# same reason and listed in the order in which kmod's modprobe loads them.
# RIG_VMLINUX=FILE: a kernel that is unpacked already and needs no modules.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
version=$1 dir=$2
kernel=/boot/vmlinuz-$version
die() { echo "image: $*" >&2; exit 1; }
mkdir -p "$dir"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

unpack_kernel() {
	/usr/bin/python3 - "$kernel" "$work" <<'PY' || exit 1
import struct, sys
data = open(sys.argv[1], "rb").read()
if data[0x202:0x206] != b"HdrS":
    sys.exit("image: %s is not a Linux kernel" % sys.argv[1])
offset, length = struct.unpack_from("<II", data, 0x248)
start = (data[0x1F1] + 1) * 512 + offset
# The last four bytes of the payload are its unpacked length.
payload = data[start:start + length - 4]
kinds = {b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zst", b"\x1f\x8b": "gz"}
for magic, kind in kinds.items():
    if payload.startswith(magic):
        open("%s/payload.%s" % (sys.argv[2], kind), "wb").write(payload)
        break
else:
    sys.exit("image: %s is packed in an unknown way" % sys.argv[1])
PY
	case $(echo "$work"/payload.*) in
	*.xz) xz -dc --single-stream "$work"/payload.xz ;;
	*.zst) zstd -dcq "$work"/payload.zst ;;
	*.gz) gzip -dc "$work"/payload.gz ;;
	esac >"$work/vmlinux" || die "$kernel could not be unpacked: apt-get install xz-utils zstd"
	[ -s "$work/vmlinux" ] || die "$kernel holds nothing"
	mv "$work/vmlinux" "$dir/vmlinux-$version"
}

pack_initramfs() {
	local root=$work/root m file list=
	[ -x /bin/busybox ] || die "busybox is missing: apt-get install busybox-static"
	command -v cpio >/dev/null || die "cpio is missing: apt-get install cpio"
	mkdir -p "$root"/{bin,modules,proc,sys,dev,lower,over,new}
	cp /bin/busybox "$root/bin/"
	cp "$here/init" "$root/init"
	: >"$root/modules/order"
	[ -n "${RIG_VMLINUX:-}" ] || list=$(for m in virtio_pci 9pnet_virtio 9p overlay; do
		/sbin/modprobe -S "$version" --show-depends "$m" ||
			die "modprobe knows no $m for $version: apt-get install kmod linux-image-$version"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }')
	for file in $list; do
		m=$(basename "$file"); m=${m%%.ko*}.ko
		case $file in
		*.xz) xz -dc "$file" ;;
		*.zst) zstd -dcq "$file" ;;
		*) cat "$file" ;;
		esac >"$root/modules/$m"
		echo "$m" >>"$root/modules/order"
	done
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$work/initramfs"
	mv "$work/initramfs" "$dir/initramfs-$version"
}

if [ -n "${RIG_VMLINUX:-}" ]; then
	[ -r "$RIG_VMLINUX" ] || die "there is no kernel $RIG_VMLINUX"
	ln -sfn "$(realpath "$RIG_VMLINUX")" "$dir/vmlinux-$version"
else
	[ "$dir/vmlinux-$version" -nt "$kernel" ] || unpack_kernel
fi
if [ ! "$dir/initramfs-$version" -nt "$here/init" ] ||
   [ ! "$dir/initramfs-$version" -nt "$here/image.sh" ] ||
   [ "/lib/modules/$version/modules.dep" -nt "$dir/initramfs-$version" ]; then
	pack_initramfs
fi
