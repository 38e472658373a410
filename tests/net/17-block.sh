#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Blocks of ports of a public address, in which the kernel makes bindings: the
# module alone, without daemons.
# shows: S1 S3 S5 S7 S9 B1 B5
# modes: once
# debug: yes
# timeout: 300
. "$(dirname "$0")/lib.sh"

topology --vms 2
load_module
ip -n net route replace "$PUBLIC_POOL" via "$(out_addr gw1)"
# The segments are the test's own, and the VM's kernel is not to turn them away.
quiet ns vm1 nft -f - <<-END
	table ip quiet {
		chain o { type filter hook output priority 0; ip saddr 10.0.0.5 tcp flags rst drop; }
	}
END

speak "$LOGS/block.err" /usr/bin/python3 -S -E "$NET_DIR/block.py" "$TOP" || exit
must unload_module
