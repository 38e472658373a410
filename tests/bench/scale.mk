# SPDX-License-Identifier: GPL-2.0
# make bench-scale [KERNEL=6.12] [CASES=regex]: included by tests/tests.mk. A million
# mappings: install, list, memory, ageing, beside nftables, and how late packets come
# meanwhile (CASES=stall, stall-ours, stall-nft; TRACE=1); build/bench/scale.json.
$(BUILD)/bin/spin: $(BUILD)/obj/tests/bench/spin.o

.PHONY: bench-scale
bench-scale: module $(BUILD)/bin/mapload $(BUILD)/bin/spin
	tests/bench/scale/run.sh
