#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Generates the uapi header and the netlink policies from roamnat.yaml with the
# kernel's own generator, which Debian ships inside linux-source-6.12.
#   gen.sh          writes include/uapi/linux/roamnat.h, kmod/netlink_gen.[ch] and
#                   tools/natctl/explain_gen.c
#   gen.sh --check  writes nothing, fails when they differ from the spec
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
tarball=${LINUX_SOURCE:-/usr/src/linux-source-6.12.tar.xz}
[ -r "$tarball" ] || { echo "gen: $tarball is missing: apt-get install linux-source-6.12" >&2; exit 1; }
cache=$top/build/ynl
if [ ! -e "$cache/done" ]; then
	rm -rf "$cache" && mkdir -p "$cache"
	tar -xf "$tarball" -C "$cache" --strip-components=1 --wildcards \
		'*/tools/net/ynl/*' '*/Documentation/netlink/*' '*/MAINTAINERS'
	touch "$cache/done"
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
spec=$cache/Documentation/netlink/specs/roamnat.yaml
cp "$top/include/uapi/linux/roamnat.yaml" "$spec"
gen() { # MODE KIND FILE
	# The generator searches its tree upwards without end if the spec is not
	# inside one, hence the time limit.
	timeout 60 /usr/bin/python3 "$cache/tools/net/ynl/ynl-gen-c.py" \
		--mode "$1" "--$2" --spec "$spec" -o "$out/$3"
	sed -i -e 's,Documentation/netlink/specs/,include/uapi/linux/,' \
		-e 's, */\* YNL-GEN.*,/* by the kernel'\''s ynl-gen-c.py; see `make gen`. */,' "$out/$3"
}
gen uapi header roamnat.h
gen kernel header netlink_gen.h
gen kernel source netlink_gen.c
# The generator writes the whole family for newer kernels only, and leaves its
# multicast groups static where it does not.
sed -i 's/^static \(const struct genl_multicast_group\)/\1/' "$out/netlink_gen.c"
sed -i 's/^enum {$/extern const struct genl_multicast_group roamnat_nl_mcgrps[1];\n\n&/' "$out/netlink_gen.h"
sed -i 's/^\(const struct genl_multicast_group roamnat_nl_mcgrps\)\[\]/\1[1]/' "$out/netlink_gen.c"
/usr/bin/python3 "$top/tests/tools/explain.py" "$spec" >"$out/explain_gen.c"
rc=0
check=0
if [ "${1:-}" = --check ]; then check=1; fi
put() { # NAME DEST
	if [ "$check" = 1 ]; then
		diff -u "$top/$2" "$out/$1" || { echo "gen-check: $2 differs from roamnat.yaml: run make gen" >&2; rc=1; }
	else
		cmp -s "$out/$1" "$top/$2" || cp "$out/$1" "$top/$2"
	fi
}
put roamnat.h include/uapi/linux/roamnat.h
put netlink_gen.h kmod/netlink_gen.h
put netlink_gen.c kmod/netlink_gen.c
put explain_gen.c tools/natctl/explain_gen.c
exit $rc
