#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Second half of the guest's start, on the host's root: sets up what scripts
# may expect, runs the job, judges the kernel's log and powers off.
# Runs as process 1; boot.sh on the host reads $RIG_OUT/result.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LC_ALL=C.UTF-8 RIG_OUT=/run/rig-out TERM=dumb
cd /
. "$RIG_OUT/job"
here=$RIG_TOP/tests/qemu

mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts 2>/dev/null ||
	{ mkdir -p /dev/pts; mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts; }
mkdir -p /dev/shm /run/netns /run/lock
mount -t tmpfs shm /dev/shm
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
ln -sfn /proc/self/fd /dev/fd
ln -sfn /proc/self/fd/0 /dev/stdin
ln -sfn /proc/self/fd/1 /dev/stdout
ln -sfn /proc/self/fd/2 /dev/stderr
hostname rig
ip link set lo up
# Everything from here on goes to the console as well.
dmesg -n 7
echo "rig: up after $(cut -d' ' -f1 /proc/uptime) s" | tee /dev/kmsg

tainted_before=$(cat /proc/sys/kernel/tainted)
setsid "${job[@]}" >>"$RIG_OUT/output" 2>&1 </dev/null &
pid=$!
# As process 1 this shell inherits orphans; wait reaps them with the job.
wait $pid
rc=$?
echo "rig: script ended with $rc after $(cut -d' ' -f1 /proc/uptime) s" >/dev/kmsg

verdict=()
[ $rc = 0 ] || verdict+=("the script ended with code $rc")
leak=/sys/kernel/debug/kmemleak
if [ -w $leak ]; then
	# The first scan only marks; objects must be unreferenced in two.
	echo scan >$leak; echo scan >$leak
	cat $leak >/dev/kmsg
	[ ! -s $leak ] || verdict+=("kmemleak found unreferenced objects")
fi
dmesg >"$RIG_OUT/dmesg"
bad=$("$here/klog.sh" "$RIG_OUT/dmesg") || verdict+=("the kernel complained: $bad")
# Bits 12 and 13: an out-of-tree and an unsigned module, as ours is.
tainted=$(($(cat /proc/sys/kernel/tainted) & ~(1 << 12 | 1 << 13) & ~tainted_before))
[ $tainted = 0 ] || verdict+=("the kernel became tainted (bits $tainted)")

if [ ${#verdict[@]} = 0 ]; then
	echo "success $RIG_NONCE" >"$RIG_OUT/result"
else
	printf '%s\n' "${verdict[@]}" >"$RIG_OUT/result"
fi
sync "$RIG_OUT/result"
# -no-reboot turns this into the end of QEMU, faster than an ACPI shutdown.
echo b >/proc/sysrq-trigger
