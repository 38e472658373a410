# SPDX-License-Identifier: GPL-2.0
# What a migration costs the streams of the VM; included by tests/tests.mk.
#   make bench-migration [KERNEL=6.12] [PAIRS=20] [TCP=100] [MANY=10000] [CASES="udp tcp many hand"]
# KERNEL=6.1 is Debian's other kernel, KERNEL=uml User-mode Linux (run.sh).
.PHONY: bench-migration
bench-migration: daemon natctl test-tools $(if $(filter uml,$(KERNEL)),,kernels)
	$(Q)mkdir -p $(BUILD)/bench
	$(Q)[ -e $(BUILD)/pki/done ] || tests/net/pki.sh $(BUILD)/pki >/dev/null
	$(Q)tests/bench/migration/run.sh $(KERNEL)
	$(Q)jq -s . $(BUILD)/logs/bench-migration/migration.json >$(BUILD)/bench/migration.json
	$(Q)cat $(BUILD)/bench/migration.json
