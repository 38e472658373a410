#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# In the guest: which of debug.config's options the running kernel has (of uml.config's,
# if it is that one), and for each of its checkers something that it must find. The kernel's log is full of complaints
# afterwards, so boot.sh cannot pass; what counts is what this prints. It wants
# kasan_multi_shot.
# shellcheck disable=SC2034 # for report.sh
SCENARIO=options RUN=/run/rig
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../net/report.sh"
mkdir -p "$RUN"
trap 'report_end $?' EXIT

# Starting a program takes this kernel long: one for all options.
zcat /proc/config.gz >"$RUN/config"
wanted=$here/debug.config
if [ "$RIG_ACCEL" = uml ]; then
	"$here/kernel.sh" uml options >"$RUN/wanted" && wanted=$RUN/wanted
fi
sed -n '/^# What must be noticed/,$s/^\(CONFIG_[A-Z0-9_]*\)=.*/\1=/p' "$wanted" |
	grep -F -f - "$RUN/config" | sed 's/^/# /'
lacking() {
	grep '^CONFIG_' "$wanted" | grep -vxF -f "$RUN/config"
	sed -n 's/^# \(CONFIG_[A-Z0-9_]*\) is not set$/\1=y/p' "$wanted" | grep -xF -f - "$RUN/config"
}
expect_eq "the kernel has every option of ${wanted##*/}" '' "$(lacking)"

# What must be found does not end this guest.
echo 0 >/proc/sys/kernel/panic_on_warn
echo 0 >/proc/sys/kernel/panic_on_oops
provoke() { # WHAT PATTERN CHECKER
	dmesg -C
	insmod "$RIG_TOP/build/debug-provoke-$(uname -r)/provoke.ko" what="$1" && rmmod provoke
	dmesg >"$RIG_OUT/provoke-$1"
	expect "$3 finds '$1'" grep -E "$2" "$RIG_OUT/provoke-$1"
}
# After a complaint about locks, or one of KASAN, lockdep looks no more.
provoke rcu 'suspicious RCU usage' PROVE_RCU
provoke sleep 'sleeping function called from invalid context' DEBUG_ATOMIC_SLEEP
provoke order 'possible circular locking dependency' PROVE_LOCKING
provoke shift 'UBSAN: shift-out-of-bounds' UBSAN
provoke list 'list_del corruption' DEBUG_LIST
provoke object 'ODEBUG: free active' DEBUG_OBJECTS
provoke read 'KASAN: slab-out-of-bounds' KASAN
provoke stale 'KASAN: slab-use-after-free' KASAN

# kmemleak leaves alone what is younger than five seconds.
leak=/sys/kernel/debug/kmemleak
leaks() { echo scan >$leak; grep -A 2 'unreferenced object' $leak | grep 'comm "insmod"'; }
echo clear >$leak
provoke leak 'provoke: leak is done' insmod
expect_within "kmemleak finds 'leak'" 60 leaks

# Which allocation is the one of an open file depends: checkers have some of their own,
# which may fail without a word.
echo N >/sys/kernel/debug/failslab/ignore-gfp-wait
opens() { (echo "$1" >/proc/thread-self/fail-nth; : </proc/version) 2>/dev/null; }
fails() {
	local n
	for n in {1..20}; do opens "$n" || return 0; done
	return 1
}
dmesg -C
expect "fail-nth makes a system call fail" fails
expect "failslab says so" sh -c "dmesg | grep 'FAULT_INJECTION: forcing a failure'"
