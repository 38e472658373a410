# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What a scenario is written with. It starts with
#
#	# SPDX-License-Identifier: GPL-2.0
#	# What this shows, in a sentence.
#	# shows: S1 S2 B4
#	# modes: both            (or once: does not depend on report-from)
#	# timeout: 120           (seconds, in the guest)
#	. "$(dirname "$0")/lib.sh"
#	topology
#	expect "S1 the first packet asks" ...
#
# and runs in the guest as root (tests/run.sh net). Clean-up is by trap.
#
#       site 1                                                     the internet
#  ┌──────────────┐   bridge    ┌─────────────┐                 ┌─────────────┐
#  │ vm1          │   s1t1    in0 gw1       out0 .11            │ net         │
#  │ 10.0.0.5/24 ─┼─────────────┤ 10.0.0.1/24 ├─────────────────┤ transit     │
#  └──────┬───────┘             └──────┬──────┘ 198.51.100.0/24 │ 198.51.100.1│
#         ┊ move_vm                ctl0┊ .11                    │             │
#         ┊                     ┌──────┴──────┐                 │             │
#         ┊      172.31.0.0/24  │ ctl .1      │                 │             │
#         ┊                     └──────┬──────┘                 │             │
#         ┊                        ctl0┊ .12                    │             │
#         ▽           bridge    ┌──────┴──────┐                 │             │
#    (its port is     s2t1    in0 gw2       out0 .12            │             │
#     plugged in   ─────────────┤ 10.0.0.1/24 ├─────────────────┤             │
#     there)                    └─────────────┘                 │ 192.0.2.1   │
#       site 2                                                  └──────┬──────┘
#                                                         192.0.2.2/24 │
#    public pool 203.0.113.0/24: a /32 route in net,            ┌──────┴──────┐
#    set by route_public ADDR GW; without it net                │ srv         │
#    drops. A second server address is 192.0.2.3.               └─────────────┘
#
# Each box is a network namespace; the bridges are in the namespace "lan", so a
# move is one atomic change that the VM does not notice, as in a live migration.
# Both gateways have one MAC address and one IP address inside, as anycast
# gateways have. With a second tenant, each gateway has in1 (10.0.0.1/24 again)
# on the bridges s1t2 and s2t2; table 102, chosen by mark 2/0xff, leads there.

NET_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$NET_DIR/../.." && pwd)
SCENARIO=$(basename "$0" .sh)
MODE=${REPORT_FROM:-}
KERNEL=$(uname -r)
# Captures, configurations, logs: on the results share if there is one, so that
# they outlive the guest. Sockets and databases: on the guest's own memory.
LOGS=${RIG_OUT:-/tmp/rig-logs}/$SCENARIO${MODE:+.$MODE}
RUN=/run/rig
export LC_ALL=C.UTF-8 PATH=$TOP/build/bin:$PATH

. "$NET_DIR/report.sh"
. "$NET_DIR/topology.sh"
. "$NET_DIR/traffic.sh"
. "$NET_DIR/conf.sh"
. "$NET_DIR/daemons.sh"

# Everything is undone in the order: processes, namespaces, files in /run.
cleanup() {
	local rc=$?
	trap - EXIT
	trap '' INT TERM
	daemons_cleanup
	traffic_cleanup
	cleanup_ns
	rm -rf "$RUN"
	report_end $rc
}

rm -rf "$RUN"
mkdir -p "$LOGS" "$RUN"
trap cleanup EXIT
trap 'exit 143' TERM INT
