#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What was planned for a site cannot be exceeded without somebody being told.
# shows: S15
# modes: both
# kernel: any
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/nat.sh"

topology --vms 3
GATEWAY_EXTRA[gw1]=planned=2
GATEWAY_EXTRA[gw2]=planned=1
start_all
route_pool gw1
start_server srv

must ping_from vm1 $SRV 1
must ping_from vm2 $SRV 1
before=$(counter gw1 drop-refused)
refuse "S15 a third VM at gw1 is not planned" ping_from vm3 $SRV 1
expect "S15 its packets are dropped with that reason" counter_over gw1 drop-refused "$before"
expect "S15 the log says why" log_has controller 'plan'
expect "S15 one may move to gw2" migrate 10.0.0.5 gw2
said=$(migrate 10.0.0.6 gw2 1 2>&1)
expect_eq "S15 a second is refused with exit code 2" 2 $?
expect_match "S15 with a sentence that names the gateway and the plan" 'gw2.*plan|plan.*gw2' "$said"
expect "S15 it stayed where it was" owned_by gw1 10.0.0.6
expect "S15 and goes on there" ping_from vm2 $SRV 1
expect "S15 it moves when somebody says so" migrate 10.0.0.6 gw2 1 force reason "site 1 is shut down"
expect "S15 gw2 has two" owned_by gw2 10.0.0.6
expect_eq "S15 gateway show tells plan and use" "1 2" \
	"$(controller -j gateway show | jq -r '.[] | select(.name == "gw2") | "\(.planned) \(.mappings)"')"
