# SPDX-License-Identifier: GPL-2.0
# What a migration costs the streams of the VM; included by tests/tests.mk.
#   make bench-migration [PAIRS=20] [TCP=100] [MANY=10000] [CASES="udp tcp many"]
# On User-mode Linux (tests/debug/build.sh uml-plain, built once): QEMU's emulation has
# no time for a thousand packets a second each way beside three daemons. With
# KERNEL=6.12 or 6.1 it runs on Debian's in QEMU; INTERVAL=10000 is a rate for that.
.PHONY: bench-migration
bench-migration: daemon natctl test-tools $(if $(KERNEL),kernels)
	$(Q)mkdir -p $(BUILD)/bench
	$(Q)[ -e $(BUILD)/pki/done ] || tests/net/pki.sh $(BUILD)/pki >/dev/null
	$(Q)tests/bench/migration/run.sh $(KERNEL)
	$(Q)jq -s . $(BUILD)/logs/bench-migration/migration.json >$(BUILD)/bench/migration.json
	$(Q)cat $(BUILD)/bench/migration.json
