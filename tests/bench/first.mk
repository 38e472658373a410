# SPDX-License-Identifier: GPL-2.0
# What the first packet of a new VM costs; included by tests/tests.mk.
#   make bench-first-packet [KERNEL=6.12] [VMS=500] [PAUSE=20] [DELAYS="0 1"]
.PHONY: bench-first-packet
bench-first-packet: daemon natctl kernels
	$(Q)[ -e $(BUILD)/pki/done ] || tests/net/pki.sh $(BUILD)/pki >/dev/null
	$(Q)tests/bench/first/run.sh
