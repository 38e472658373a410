# SPDX-License-Identifier: GPL-2.0
# make bench-smp [KERNEL=6.12] [PATHS=regex] [ROUNDS=9]: included by tests/tests.mk. What a
# second CPU adds, ours and the peers', in one run; build/bench/smp.json.
.PHONY: bench-smp
bench-smp: module $(BUILD)/bin/mapload
	$(Q)tests/bench/smp/run.sh
