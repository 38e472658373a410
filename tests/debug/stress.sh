#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stress.sh SECONDS SEED ROUNDS: in the guest of a watched kernel, everything at once
# (stress/), while the module goes and comes, its devices are deleted, and one in twenty
# of its own allocations fails. Then the module goes and comes ROUNDS times as fast as it
# can, under traffic and with namespaces. At the end the tables agree with themselves,
# and nothing is left; the kernel's log and kmemleak are judged by guest.sh.
# shellcheck disable=SC2034 # for report.sh
SCENARIO=stress RUN=/run/rig
top=$RIG_TOP seconds=$1 seed=$2 want=$3
. "$top/tests/net/report.sh"
mkdir -p "$RUN"
trap 'report_end $?' EXIT
PATH=$top/build/bin:$PATH
ko=$top/build/kmod-$(uname -r)/roamnat.ko fail=/sys/kernel/debug/failslab
many=1000000000

# Only what the module's own text asks for, packets' allocations too. Without that
# range everybody's would fail. How many did is what "times" has lost.
fired=0
faults() { # PERCENT
	local base size
	read -r _ size _ _ _ base _ < <(grep '^roamnat ' /proc/modules)
	printf '0x%x\n' "$base" >$fail/require-start &&
		printf '0x%x\n' $((base + size)) >$fail/require-end &&
		[ $(($(cat $fail/require-start))) = $((base)) ] && echo $many >$fail/times &&
		echo "$1" >$fail/probability
}
no_faults() {
	local left
	echo 0 >$fail/probability
	left=$(cat $fail/times)
	[ "$left" -le 0 ] || fired=$((fired + many - left))
	echo 0 >$fail/times
}
load() { insmod "$ko" && faults 5; }
# rmmod finds it in use by a dump, or a socket that speaks.
tries=0 unloading=0
remove() { tries=$((tries + 1)); rmmod roamnat; }
unload() {
	local from rc=0
	no_faults
	from=$(now_ms)
	wait_for 600 remove || rc=1
	unloading=$((unloading + $(now_ms) - from))
	return $rc
}
took() { say "$1 rmmod: $tries tries, $unloading ms"; tries=0 unloading=0; }

inside() {
	ip -batch - <<-END && ip -n gw -batch - <<-END && ip -n vm -batch - <<-END
		link add in0 netns gw type veth peer name eth0 netns vm
	END
		link set in0 up
		addr add 10.0.0.254/22 dev in0
		addr add fd00:a::fe/64 dev in0 nodad
	END
		link set eth0 up
		addr add 10.0.0.253/22 dev eth0
		addr add fd00:a::fd/64 dev eth0 nodad
		route add default via 10.0.0.254
		route add default via fd00:a::fe
	END
}
for n in gw gw2 vm srv; do quiet ip netns add $n; done
quiet inside
quiet ip link add out0 netns gw type veth peer name eth0 netns srv
ip -n gw -batch - <<-END || bail 'no network'
	link set lo up
	link set out0 up
	addr add 192.0.2.1/24 dev out0
	addr add 2001:db8:ff00::1/64 dev out0 nodad
END
ip -n srv -batch - <<-END || bail 'no network'
	link set eth0 up
	addr add 192.0.2.2/24 dev eth0
	addr add 2001:db8:ff00::2/64 dev eth0 nodad
	route add default via 192.0.2.1
	route add default via 2001:db8:ff00::1
END
quiet ip netns exec gw sh -c 'echo 1 | tee /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding'
echo N >$fail/ignore-gfp-wait
echo 0 >$fail/verbose
echo 0 >$fail/task-filter

must load
stress run $((30 * seconds)) "$seed" >"$RUN/stress" 2>&1 &
# At least so many rounds, however long they take on a busy machine.
pid=$! least=5 rounds=0 devices=0 start=$SECONDS
wanted() {
	local all=$((SECONDS - start))
	[ $all -lt $((seconds - seconds / 6)) ] && return
	[ $all -lt $((20 * seconds)) ] && { [ $rounds -lt $least ] || [ $devices -lt $least ]; }
}
while kill -0 $pid && wanted; do
	wait_for 1 false
	unload && load && rounds=$((rounds + 1))
	wait_for 1 false
	# With packets held, and prefixes that name it.
	ip -n gw link del in0 && inside && devices=$((devices + 1))
done
no_faults
# For tables that are worth a look.
wait_for $((seconds / 6 + 2)) false
kill $pid
expect "everything at once for $((SECONDS - start)) s, seed $seed" wait $pid
sed 's/^# //' "$RUN/stress" | while read -r line; do say "$line"; done
say "meanwhile the module went and came $rounds times, the inside device $devices times"
took $rounds
expect_range "the module was taken out under load" $least 100000 $rounds
expect_range "so was the device" $least 100000 $devices
expect_range "allocations did fail" 20 $many $fired
stats() { ip netns exec gw natctl -j stats show; }
say "$(stats | jq -r '[.[] | select(.value != 0) | "\(.name)=\(.value)"] | join(" ")')"
expect "R26 both directions of each table agree, and with the count" stress tables
sed -n "s/^# \(.* has .*\)/\1/p" "$RUN/said" | while read -r line; do say "$line"; done
expect "what is left is taken down, and no gauge shows anything then" stress end

# Nobody waits for anything here: each of these ends what is under way.
stress run 100000 "$seed" >"$RUN/stress" 2>&1 &
pid=$! done=0
for ((i = 0; i < want; i++)); do
	unload || { say "not unloaded: $(rmmod roamnat 2>&1)"; break; }
	[ $((i % 4)) != 0 ] || { ip netns add brief && ip netns exec brief ip link set lo up && ip netns del brief; }
	if [ $((i % 2)) = 0 ]; then load; else insmod "$ko"; fi || break
	done=$((done + 1))
done
no_faults
kill -0 $pid && kill $pid
wait $pid 2>/dev/null
took $done
expect_eq "the module goes and comes under traffic, so many times" "$want" $done
expect "and then goes" unload
for n in gw gw2 vm srv; do ip netns del $n; done
left() { grep -E '^rnat_(map|floor|binding) ' /proc/slabinfo; }
refuse "no cache of the module is left" left
