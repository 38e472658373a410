# SPDX-License-Identifier: GPL-2.0
# What a migration costs the streams of the VM; included by tests/tests.mk.
#   make bench-migration [KERNEL=6.12] [PAIRS=20] [TCP=100]
.PHONY: bench-migration
bench-migration: kernels daemon test-tools
	$(Q)mkdir -p $(BUILD)/bench
	$(Q)[ -e $(BUILD)/pki/done ] || tests/net/pki.sh $(BUILD)/pki >/dev/null
	$(Q)RIG_NAME=bench-migration RIG_TIMEOUT=3600 RIG_ENV="PAIRS TCP" \
		tests/qemu/boot.sh "$$(tests/tools/guest-kernels.sh $(or $(KERNEL),6.12))" \
		$(CURDIR)/tests/bench/migration/guest.sh
	$(Q)jq -s . $(BUILD)/logs/bench-migration/migration.json >$(BUILD)/bench/migration.json
	$(Q)cat $(BUILD)/bench/migration.json
