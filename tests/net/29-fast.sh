#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The fast path: the same bytes as without it, and what it leaves to the stack; a
# change of a route, a neighbour or a mapping is in force with the next packet.
# shows: S3 S4 S9 B1 B5 B7
# modes: once
# debug: yes
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/wires.sh"

wires
must load_module
speak "$LOGS/fast.err" /usr/bin/python3 -S -E -B "$NET_DIR/fast.py"
# With packets' routes remembered, everything goes away.
must unload_module
