#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stress.sh SECONDS SEED: in the guest of the debug kernel, stress.c, while the module
# goes and comes and one in twenty of its own allocations fails. At the end nothing
# is left; the kernel's log and kmemleak are judged by guest.sh.
# shellcheck disable=SC2034 # for report.sh
SCENARIO=stress RUN=/run/rig
top=$RIG_TOP seconds=$1 seed=$2
. "$top/tests/net/report.sh"
mkdir -p "$RUN"
trap 'report_end $?' EXIT
PATH=$top/build/bin:$PATH
ko=$top/build/kmod-$(uname -r)/roamnat.ko fail=/sys/kernel/debug/failslab

# Only what the module's own text asks for, packets' allocations too. Without that
# range everybody's would fail.
faults() { # PERCENT
	local base size
	read -r _ size _ _ _ base _ < <(grep '^roamnat ' /proc/modules)
	printf '0x%x\n' "$base" >$fail/require-start &&
		printf '0x%x\n' $((base + size)) >$fail/require-end &&
		[ $(($(cat $fail/require-start))) = $((base)) ] && echo "$1" >$fail/probability
}
load() { insmod "$ko" && faults 5; }
unload() { echo 0 >$fail/probability; wait_for 20 rmmod roamnat; }

printf '%s\n' 'netns add gw' 'netns add vm' 'netns add srv' \
	'link add in0 netns gw type veth peer name eth0 netns vm' \
	'link add out0 netns gw type veth peer name eth0 netns srv' | ip -batch - || bail 'no network'
printf '%s\n' 'link set in0 up' 'link set out0 up' 'link set lo up' 'addr add 10.0.0.254/24 dev in0' \
	'addr add 192.0.2.1/24 dev out0' | ip -n gw -batch - || bail 'no network'
printf '%s\n' 'link set eth0 up' 'addr add 10.0.0.253/24 dev eth0' \
	'route add default via 10.0.0.254' | ip -n vm -batch - || bail 'no network'
printf '%s\n' 'link set eth0 up' 'addr add 192.0.2.2/24 dev eth0' \
	'route add default via 192.0.2.1' | ip -n srv -batch - || bail 'no network'
ip netns exec gw sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
echo N >$fail/ignore-gfp-wait
echo 0 >$fail/verbose
echo -1 >$fail/times
echo 0 >$fail/task-filter

must load
stress "$seconds" "$seed" >"$RUN/stress" 2>&1 &
pid=$! end=$((SECONDS + seconds)) rounds=0
while [ $SECONDS -lt $end ] && kill -0 $pid; do
	wait_for 5 false
	unload && load && rounds=$((rounds + 1))
done
expect "everything at once for $seconds s, seed $seed" wait $pid
sed 's/^# //' "$RUN/stress" | while read -r line; do say "$line"; done
expect_range "meanwhile the module went and came" 3 100000 $rounds

echo 0 >$fail/probability
stats() { ip netns exec gw natctl -j stats show; }
say "$(stats | jq -r '[.[] | select(.value != 0) | "\(.name)=\(.value)"] | join(" ")')"
expect "what is left is taken down, and no gauge shows anything then" stress end
expect "the module unloads" unload
for n in gw vm srv; do ip netns del $n; done
left() { grep -E '^rnat_(map|floor) ' /proc/slabinfo; }
refuse "no cache of the module is left" left
