#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Copies what the module is built from to DIR, which is made or refreshed: the
# tree itself is never built in, and DKMS gets these files and no others.
#   kmod-source.sh DIR
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
dir=${1:?usage: kmod-source.sh DIR}
mkdir -p "$dir"
rm -rf "$dir/kmod" "$dir/include"
cd "$top"
find Kbuild dkms.conf COPYING kmod include -type f \
	\( -name '*.[ch]' -o -name Kbuild -o -name dkms.conf -o -name COPYING \) \
	-exec cp -p --parents -t "$dir" {} +
