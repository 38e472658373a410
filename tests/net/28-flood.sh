#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# First packets of very many sources: held up to the bounds, without loss below them;
# dropped and counted above; who has a mapping does not notice; memory comes back.
# FLOOD=1000000 for the long one.
# shows: S1 S3
# modes: once
# debug: yes
# timeout: 300
. "$(dirname "$0")/lib.sh"

topology --gateways 1
quiet load_module
tap flood "${FLOOD:-50000}"
expect "B7 the module unloads" unload_module
