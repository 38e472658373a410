#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Each packet that the module sees ends in one named counter, with a sentence;
# nothing outside the configured prefixes is touched, and nftables and conntrack
# see private addresses.
# shows: S3 B5 B7
# modes: once
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/nat.sh"

topology --vms 2
start_all
route_pool gw1
start_server srv
must ns gw1 nft -f - <<-END
	table inet fw {
		chain f {
			type filter hook forward priority 0; policy drop;
			ct state established,related counter accept
			ip saddr 10.0.0.0/24 ct state new counter accept
			ip daddr 10.0.0.5 tcp dport 8080 counter accept
			counter comment "dropped"
		}
		chain post { type filter hook postrouting priority 200; ip saddr 10.0.0.5 counter; ip saddr $PUBLIC_POOL counter; }
	}
END
expect "B7 behind a stateful firewall that knows private addresses only" ping_from vm1 $SRV 2
public=$(public_of 10.0.0.5)
expect_eq "B7 tcp too" "$public" "$(seen_as tcp vm1 $SRV)"
refuse "B7 the firewall drops new connections from outside" ask_tcp srv "$public" x 0 22
start_server vm1 8080
expect "B7 and lets in what its rule on the private address names" ask_tcp srv "$public" x 0 8080
expect "B7 conntrack knows the private address" sh -c "ip netns exec gw1 conntrack -L 2>/dev/null | grep -q 'src=10.0.0.5 dst=$SRV'"
refuse "B7 and never the public one" sh -c "ip netns exec gw1 conntrack -L 2>/dev/null | grep -q 'dst=$public'"

outbound() { counter gw1 out-translated; }
inbound() { counter gw1 in-translated; }
o=$(outbound) i=$(inbound)
must ping_from vm1 $SRV 5
expect_eq "B5 five echo requests: five more out-translated" $((o + 5)) "$(outbound)"
expect_eq "B5 five replies: five more in-translated" $((i + 5)) "$(inbound)"

why() { knatctl gw1 -j why "$@" | jq -r '.[0] | "\(.verdict) \(.leaves_source) \(.leaves_destination) \(.leaves_dev)"'; }
before=$(outbound) elapsed=$(counter gw1 upcalls)
expect_eq "B5 why: a packet from the VM would be translated" \
	"out-translated $public:40000 $SRV:80 out0" "$(why 10.0.0.5:40000/tcp to $SRV:80 dev in0)"
expect_eq "B5 why: one from outside, from where the route to its source points" \
	"in-translated $SRV:80 10.0.0.5:22 in0" "$(why $SRV:80/tcp to "$public:22")"
expect_eq "B5 why: one to nobody" "pass-not-public" "$(why $SRV/udp to 203.0.113.99 dev out0 | cut -d' ' -f1)"
expect_eq "B5 why: one that stays inside" "pass-inside" "$(why 10.0.0.5 to 10.0.0.6 dev in0 | cut -d' ' -f1)"
expect_eq "B5 why: one of a VM without a mapping would wait" "held" "$(why 10.0.0.6 to $SRV dev in0 | cut -d' ' -f1)"
expect_eq "B5 nothing was counted by asking" "$before" "$(outbound)"
expect_eq "B5 and nobody was asked for a mapping" "$elapsed" "$(counter gw1 upcalls)"
expect "B5 why names the mapping" sh -c "ip netns exec gw1 $BIN/natctl why 10.0.0.5/udp to $SRV dev in0 | grep -q 'mapping $public private 10.0.0.5'"
quiet ip -n gw1 route add unreachable 198.51.100.77
refuse "B5 why without a route says so" knatctl gw1 why 10.0.0.5 to 198.51.100.77 dev in0

before=$(counter gw1 pass-not-inside)
quiet ip -n vm1 addr add 10.9.9.9/32 dev eth0
ns vm1 ping -n -q -c 1 -W 1 -I 10.9.9.9 $SRV >/dev/null
expect "B5 a source outside the prefixes is left alone, and counted so" counter_over gw1 pass-not-inside "$before"
expect "S3 nothing was asked for it" no_mapping gw1 10.9.9.9
before=$(counter gw1 drop-refused)
stop_daemon controller
ns vm2 ping -n -q -c 1 -W 1 -w 8 $SRV >"$RUN/ping" 2>&1
expect_within "B5 with the controller away a new VM's packet is dropped at its deadline" 15 \
	counter_over gw1 drop-deadline 0
expect "B5 natctl explains" sh -c "ip netns exec gw1 $BIN/natctl stats show --explain | grep -q 'hold-ms'"
expect "B5 each counter has its sentence" [ "$(knatctl gw1 -j stats show | jq '[.[] | select(.type == "counter" and (.sentence | length) < 10)] | length')" = 0 ]
stop_daemon gw1
expect_eq "B5 why: without the agent the reason is another" "drop-no-agent" \
	"$(why 10.0.0.6 to $SRV dev in0 | cut -d' ' -f1)"
run knatctl gw1 stats show --explain
expect "B5 an unprivileged user may read them" ip netns exec gw1 setpriv --reuid 65534 --clear-groups "$BIN/natctl" stats show
