#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guest-kernels.sh [PREFIX...]: of each series (default 6.1 and 6.12), the newest
# kernel that is installed with its headers, one version a line.
set -euo pipefail
rc=0
for series in "${@:-6.1 6.12}"; do
	for prefix in $series; do
		found=
		for image in $(ls /boot/vmlinuz-"$prefix"* 2>/dev/null | sort -V); do
			version=${image#/boot/vmlinuz-}
			# "6.1" is not the beginning of 6.12.
			case ${version#"$prefix"} in [0-9]*) continue ;; esac
			[ -e "/lib/modules/$version/build/Makefile" ] && found=$version
		done
		if [ -z "$found" ]; then
			case $prefix in 6.12*) p=6.12-amd64 ;; *) p=amd64 ;; esac
			echo "kernels: no Linux $prefix with its headers: apt-get install linux-image-$p linux-headers-$p" >&2
			rc=1
		else
			echo "$found"
		fi
	done
done
exit $rc
