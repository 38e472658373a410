#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module comes and goes: load, selftests, unload; with namespaces made and
# deleted meanwhile; with traffic running. It leaves nothing behind.
# shows: B7
# modes: once
# debug: yes
# timeout: 300
. "$(dirname "$0")/lib.sh"

family_there() { ns "${1:-gw1}" genl ctrl get name roamnat >/dev/null 2>&1; }
selftest=$TOP/build/kmod-$KERNEL-debug/roamnat.ko

topology
route_private "${VM_ADDR[vm1]}" gw1
start_server srv

must load_module
expect "B7 the family is there in every namespace" family_there gw2
expect "B7 the module unloads" unload_module
refuse "B7 its family goes with it" family_there gw1

for i in 1 2 3; do
	quiet load_module
	quiet ip netns add "brief$i"
	quiet ns "brief$i" ip link set lo up
	quiet ip netns del "brief$i"
	quiet unload_module
done
ok "B7 three rounds of load, namespace, unload"

quiet load_module
quiet ip netns add stays
expect "B7 unload while a namespace from its time lives" unload_module
quiet ip netns del stays

chat_start chat vm1 $SRV
probe_start probe vm1 $SRV
for i in 1 2 3; do
	quiet load_module
	expect "B7 traffic without mappings passes the module ($i)" chat_goes_on chat
	expect "B7 unload with traffic running ($i)" unload_module
done
expect "B7 the connection lives" chat_goes_on chat
probe=$(probe_stop probe)
say "probe: $probe"
expect_eq "B7 no datagram was lost by it" 0 "$(field lost "$probe")"
chat_stop chat

if [ -e "$selftest" ]; then
	for dep in $(modinfo -F depends "$selftest" | tr , ' '); do quiet modprobe "$dep"; done
	expect "B7 the selftests pass at load" insmod "$selftest"
	expect "B7 and say so" sh -c "dmesg | grep -q 'roamnat: selftest .*pass'"
	unload_module
else
	skip "B7 the selftests pass at load" "no $selftest: make debug"
fi
