#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# build.sh [uml|uml-plain]: the debug kernel (kernel.sh), our module for it with and without its
# selftests, and the module that provokes complaints. Prints the kernel's directory.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
dir=$("$here/kernel.sh" "$@")
[[ ${1:-} != uml* ]] || export ARCH=um
version=$(cat "$dir/version")
{
	KDIR=$dir "$top/tests/tools/kernels.sh" "$version"
	# What is to be fast is not watched.
	if [ "${1:-}" != uml-plain ]; then
		KDIR=$dir "$top/tests/tools/kernels.sh" --debug "$version"
		provoke=$top/build/debug-provoke-$version
		mkdir -p "$provoke"
		cp "$here"/provoke/* "$provoke/"
		make -s -C "$dir" M="$provoke" modules
	fi
} >&2
echo "$dir"
