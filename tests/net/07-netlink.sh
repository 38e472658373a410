#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the module refuses, and to whom; and a few messages that the spec does not
# allow. make check-debug sends a million of them to a kernel that watches.
# shows: B7
# modes: once
# debug: yes
# timeout: 300
. "$(dirname "$0")/lib.sh"

quiet load_module
tap nlrules
tap nlfloors "${SEED:-1}"
expect "R18 messages that are wrong in every way" nlfuzz 12000 "${SEED:-1}" 2
say "$(grep -h 'a second' "$RUN/said")"
expect "B7 the module unloads" unload_module
