#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The requirements of RFC 4787, 5382, 5508, 6888 and 7857, each as packets that
# go in and the bytes that must come out: tests/conformance/.
# shows: S3 S4 B5 B7
# modes: once
# debug: yes
# fast: asked
# timeout: 400
. "$(dirname "$0")/lib.sh"

. "$NET_DIR/wires.sh"

wires
must load_module
mkdir -p "${RIG_OUT:-/tmp}/conformance"
speak "$LOGS/run.err" /usr/bin/python3 -S -E -B "$TOP/tests/conformance/run.py" \
	"${RIG_OUT:-/tmp}/conformance/$KERNEL.json" ${CONFORMANCE_ONLY:-}
