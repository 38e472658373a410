#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Boots one of Debian's kernels in QEMU and runs a script in it as root.
#
#   boot.sh KERNEL_VERSION SCRIPT [ARG...]      e.g. boot.sh 6.1.0-56-amd64 t.sh
#
# The guest sees the whole file system of the host read-only (9p), with a tmpfs
# laid over it, so every program, the kernel's modules and this tree's build/
# are there under their own paths; what it writes is lost. One directory is
# shared for writing: build/logs/NAME, $RIG_OUT in the guest.
#
# Exit code 0 only if the guest itself wrote the success line: the script ended
# with 0, the kernel log is clean and the kernel is not tainted beyond
# out-of-tree and unsigned. Left in build/logs/NAME: console.log, dmesg,
# output (what SCRIPT printed), and what the script put there.
#
# Environment:
#   RIG_NAME=NAME      of the log directory (default: version and script); a
#                      second run of the same name waits for the first
#   RIG_TIMEOUT=600    seconds until the guest is killed
#   RIG_ACCEL=auto     auto: KVM if a trial boot lives, else TCG; tcg; kvm; uml:
#                      RIG_VMLINUX is a User-mode Linux, with one CPU
#   RIG_SHM=/dev/shm   where that one's memory is a file
#   RIG_ICOUNT=        e.g. shift=0,sleep=off: deterministic clock, one CPU; more of them
#                      take turns, so the clock counts what all execute
#   RIG_SMP=2 RIG_MEM=1536 RIG_APPEND=  CPUs, MiB, more kernel parameters
#   RIG_ENV="A B"      names of variables that are handed to SCRIPT
#   RIG_VMLINUX=FILE   this ELF image, which needs no modules, instead of Debian's
#   RIG_MONITOR=1      QEMU's monitor listens at build/logs/NAME/monitor
#   RIG_QUIET=1        do not show the script's output while it runs
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
die() { echo "boot: $*" >&2; exit 1; }

[ $# -ge 2 ] || die "usage: boot.sh KERNEL_VERSION SCRIPT [ARG...]"
version=$1 script=$(readlink -f "$2"); shift 2
[ -r "$script" ] || die "there is no script $script"
name=${RIG_NAME:-$version-$(basename "$script" .sh)}
limit=${RIG_TIMEOUT:-600}
out=$top/build/logs/$name
cache=$top/build/qemu

accel=${RIG_ACCEL:-auto}
[ "$accel" = uml ] || command -v qemu-system-x86_64 >/dev/null ||
	die "qemu-system-x86_64 is missing: apt-get install qemu-system-x86"
if [ -z "${RIG_VMLINUX:-}" ]; then
	[ -r "/boot/vmlinuz-$version" ] ||
		die "/boot/vmlinuz-$version is missing or unreadable: apt-get install linux-image-$version"
	[ -d "/lib/modules/$version" ] ||
		die "/lib/modules/$version is missing: apt-get install linux-image-$version"
fi
[ "$accel" = uml ] || "$here/image.sh" "$version" "$cache"

monitor=none
[ -z "${RIG_MONITOR:-}" ] || monitor=unix:$out/monitor,server,nowait
common=(-nodefaults -no-user-config -display none -monitor "$monitor" -no-reboot
	-kernel "$cache/vmlinux-$version" -initrd "$cache/initramfs-$version")
# The watchdogs are lenient because an emulated CPU can wait long for a real
# one. Mitigations cost much and protect a guest from nobody.
checks="loglevel=5 panic=-1 oops=panic panic_on_warn=1"
append="console=ttyS0 $checks mitigations=off nokaslr no_timer_check tsc=reliable watchdog_thresh=60
	rcupdate.rcu_cpu_stall_timeout=120 random.trust_cpu=1 cgroup_disable=memory
	systemd.unified_cgroup_hierarchy=1"
# The counter's frequency is told, not measured: see tsc.c. Under icount it is
# one tick for each nanosecond.
tsc_khz() {
	local file=$cache/tsc-$boot_id
	if [ -n "${RIG_ICOUNT:-}" ]; then echo 1000000; return; fi
	if [ ! -s "$file" ]; then
		cc -O2 -o "$file.bin.$$" "$here/tsc.c" && "$file.bin.$$" >"$file.$$" && mv "$file.$$" "$file"
		rm -f "$file.bin.$$"
	fi
	cat "$file"
}
boot_id=$(cat /proc/sys/kernel/random/boot_id)
if [ "$accel" != uml ]; then
	khz=$(tsc_khz)
	# Debian's HZ is 250, and the delay loop counts by that counter.
	append=$(echo $append tsc_early_khz=$khz lpj=$((khz * 4)) ${RIG_APPEND:-})
fi

# A guest under KVM lives on some machines and dies in its first instructions
# on others (nested virtualisation), whatever /dev/kvm looks like. Asked once
# per boot of the host.
kvm_works() {
	local answer=$cache/kvm-$boot_id
	[ -w /dev/kvm ] || return 1
	if [ ! -e "$answer" ]; then
		# In a shell of its own, so that nobody reports how QEMU died.
		(ulimit -c 0
		 timeout -k 2 20 qemu-system-x86_64 "${common[@]}" -machine q35,accel=kvm \
			-cpu host -m 512 -smp 2 -serial "file:$answer.log" \
			-append "$append rig.probe" </dev/null || true) >/dev/null 2>&1
		if grep -q 'rig: probe ok' "$answer.log" 2>/dev/null; then
			echo yes >"$answer"
		else
			echo no >"$answer"
		fi
	fi
	grep -q yes "$answer"
}

if [ "$accel" = auto ]; then
	if [ -z "${RIG_ICOUNT:-}" ] && kvm_works; then accel=kvm; else accel=tcg; fi
fi
case $accel in
kvm) machine=(-machine q35,accel=kvm -cpu host -smp "${RIG_SMP:-2}") ;;
tcg)
	if [ -n "${RIG_ICOUNT:-}" ]; then
		machine=(-machine q35 -accel tcg,thread=single -icount "$RIG_ICOUNT" -cpu max -smp "${RIG_SMP:-1}")
	else
		machine=(-machine q35 -accel tcg,thread=multi -cpu max -smp "${RIG_SMP:-2}")
	fi ;;
uml) ;;
*) die "RIG_ACCEL is '$accel': use auto, tcg, kvm or uml" ;;
esac

# Two runs of one name would take each other's results away.
mkdir -p "$top/build/logs"
exec {lock}>"$out.lock"
if ! flock -n $lock; then
	echo "boot: $name runs already, waiting for its end" >&2
	flock -w "$limit" $lock || die "$name still runs after $limit s; another RIG_NAME runs beside it"
fi
rm -rf "$out"
mkdir -p "$out"
nonce=$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')
{
	echo "RIG_NONCE=$nonce"
	printf 'export RIG_TOP=%q RIG_KERNEL=%q RIG_ACCEL=%q\n' "$top" "$version" "$accel"
	for v in ${RIG_ENV:-}; do
		[ -z "${!v+x}" ] || printf 'export %s=%q\n' "$v" "${!v}"
	done
	printf 'job=('; printf '%q ' "$script" "$@"; echo ')'
} >"$out/job"
: >"$out/output"

# Who is not root here cannot give files away as the guest's root does (tcpdump,
# of its captures); QEMU notes the owner elsewhere then.
owners=none
[ "$(id -u)" = 0 ] || owners=mapped-file
qemu=(qemu-system-x86_64 "${common[@]}" "${machine[@]}"
	-m "${RIG_MEM:-1536}" -serial "file:$out/console.log"
	-virtfs local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap
	-virtfs "local,path=$out,mount_tag=out,security_model=$owners"
	-append "$append")
says=$out/qemu.log
# A file is made of its memory, and its console is what it prints.
if [ "$accel" = uml ]; then
	ulimit -c 0
	says=$out/console.log
	qemu=(env TMPDIR="${RIG_SHM:-/dev/shm}" "$RIG_VMLINUX" mem="${RIG_MEM:-1536}M" noreboot con=null con0=null,fd:1
		uml_dir="$out/uml" umid=guest rootfstype=hostfs rootflags=/ ro init="$here/init-uml"
		rig.out="$out" $checks ${RIG_APPEND:-})
fi
# -k: a guest that does not listen to SIGTERM is killed five seconds later.
emulate() {
	timeout -k 5 "$limit" "${qemu[@]}" </dev/null >"$says" 2>&1 &
	guest=$!
	trap 'kill $guest 2>/dev/null || true' EXIT
	[ -n "${RIG_QUIET:-}" ] || tail -n +1 -f --pid=$guest "$out/output"
	rc=0
	wait $guest || rc=$?
	trap - EXIT
}
emulate
# QEMU's emulation of two CPUs now and then executes an instruction that the kernel
# is patching ("Oops: int3"). Before the script began nothing of ours can be to blame.
if [ "$rc" = 0 ] && ! grep -q 'rig: up after' "$out/console.log" &&
   grep -q 'Oops: int3' "$out/console.log"; then
	echo "boot: $name: the emulation broke before the script began, once more" >&2
	mv "$out/console.log" "$out/console.broken.log"
	emulate
fi

if [ "$rc" = 124 ] || [ "$rc" = 137 ]; then
	echo "boot: $name: not finished after $limit s, killed; see $out/console.log" >&2
	exit 1
elif [ "$rc" != 0 ]; then
	tail -n 40 "$says" >&2
	die "$name: ${qemu[0]##*/} ended with code $rc"
fi
# What the console saw counts too: after a panic there is no dmesg.
if "$here/klog.sh" "$out/console.log" >&2 && grep -qx "success $nonce" "$out/result" 2>/dev/null; then
	exit 0
fi
if [ -e "$out/result" ]; then
	die "$name: $(grep -v '^success' "$out/result" | tr '\n' ' ')(logs in $out)"
fi
tail -n 40 "$out/console.log" >&2
die "$name: the guest ended without a result; its console is $out/console.log"
