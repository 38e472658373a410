#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# build.sh: the debug kernel (kernel.sh), our module for it with and without its
# selftests, and the module that provokes complaints. Prints the kernel's directory.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
dir=$("$here/kernel.sh")
version=$(cat "$dir/version")
{
	KDIR=$dir "$top/tests/tools/kernels.sh" "$version"
	KDIR=$dir "$top/tests/tools/kernels.sh" --debug "$version"
	mkdir -p "$top/build/debug-provoke"
	cp "$here"/provoke/* "$top/build/debug-provoke/"
	make -s -C "$dir" M="$top/build/debug-provoke" modules
} >&2
echo "$dir"
