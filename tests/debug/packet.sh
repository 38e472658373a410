#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# packet.sh COUNT SEED [compare]: in the guest of a watched kernel, COUNT spoiled packets
# into the module's hooks (fuzz/inject). nftables counts what comes to our hooks, in chains
# beside them, and the module's own counters must account for every one of it. compare:
# each packet that a quick way takes goes the general way, too (kmod/compare.h).
# The kernel's log and kmemleak are judged by guest.sh.
# shellcheck disable=SC2034 # for report.sh
SCENARIO=packet RUN=/run/rig
top=$RIG_TOP
. "$top/tests/net/report.sh"
mkdir -p "$RUN"
trap 'report_end $?' EXIT
PATH=$top/build/bin:$PATH
gw() { ip netns exec gw "$@"; }

if [ "${3:-}" = compare ]; then
	must insmod "$top/build/kmod-$(uname -r)-debug/roamnat.ko" compare=1
else
	must insmod "$top/build/kmod-$(uname -r)/roamnat.ko"
fi
quiet ip netns add gw
for d in in0 out0 way0; do quiet gw ip tuntap add dev $d mode tun vnet_hdr; done
quiet gw sh -c '
cd /proc/sys/net
echo 1 | tee ipv4/ip_forward ipv6/conf/all/forwarding >/dev/null
echo 0 | tee ipv4/conf/*/rp_filter >/dev/null
ip link set lo up && ip link set in0 up && ip link set out0 up && ip link set way0 up &&
ip route add 10.0.0.0/16 dev in0 && ip route add default dev out0 &&
ip -6 route add fd00:a::/32 dev in0 && ip -6 route add default dev out0'
# Our hooks stand at -390 and INT_MAX - 10. "seen" comes to the first one; "between" has
# passed it and may still be counted by the second, to which "last" comes. What the
# gateway says itself is another matter, and is kept from our hooks.
gw nft -f - <<'NFT' || bail 'no counters'
table inet count {
	counter seen { }
	counter between { }
	counter last { }
	chain first { type filter hook prerouting priority -391; counter name seen; }
	chain then {
		type filter hook prerouting priority -389
		iifname { "in0", "way0" } ip saddr 10.0.0.0/22 counter name between
		iifname { "in0", "way0" } ip6 saddr fd00:a::/64 ip6 daddr != { ::, ::1, ::ffff:0:0/96, fe80::/10, ff00::/8 } counter name between
	}
	chain end {
		type filter hook postrouting priority 2147483636
		iifname { "in0", "way0" } ip saddr 10.0.0.0/22 counter name last
		iifname { "in0", "way0" } ip6 saddr fd00:a::/64 ip6 daddr != { ::, ::1, ::ffff:0:0/96, fe80::/10, ff00::/8 } counter name last
	}
	chain own { type filter hook output priority -500; policy drop; }
}
NFT
count() { gw nft -j list counter inet count "$1" | jq '.nftables[] | .counter? // empty | .packets'; }

from=$top/build/fuzz/packet/corpus samples=$RIG_OUT/samples
[ -n "$(ls "$from" 2>/dev/null)" ] || from=$top/build/fuzz/packet/seeds
# They are kept: a fuzzer may be at work on them, and what SEED replays is made of them.
mkdir -p "$samples"
cp "$from"/* "$samples" 2>/dev/null
say "seed $2, samples from ${from##*/}: $(ls "$samples" | wc -l)"
expect "$1 packets go in" sh -c "ip netns exec gw inject $samples $1 $2 >$RUN/inject 2>&1 || { cat $RUN/inject; false; }"
sed -n 's/^# //p' "$RUN/inject" | while read -r line; do say "$line"; done
value() { sed -n "s/^$1 //p" "$RUN/inject"; }
seen=$(count seen) between=$(count between) last=$(count last)
say "$(gw natctl -j stats show | jq -r '[.[] | select(.value != 0) | "\(.name)=\(.value)"] | join(" ")')"
say "seen $seen, from inside and passed on $between, came to the end $last"
expect_eq "each of them is in exactly one counter" $((seen - between + last)) "$(value counted)"
expect_range "most came as far as our hooks" $(($1 / 3)) "$1" "$seen"
expect_range "and they met counters of every sort" 20 100 "$(value named)"
if [ "${3:-}" = compare ]; then
	param() { cat "/sys/module/roamnat/parameters/$1"; }
	say "two ways: translated $(param inbound) inbound, $(param outbound) outbound, passed $(param passed); $(param left) left to the general one, $(param ticked) while the clock went on"
	expect_range "a quick way translated many of them inbound" $(($1 / 100)) "$1" "$(param inbound)"
	expect_range "and outbound" $(($1 / 200)) "$1" "$(param outbound)"
	expect_eq "4787-1 and they became what the general way makes of them, all states too" 0 "$(param differed)"
fi
quiet ip netns del gw
expect "the module unloads" rmmod roamnat
