# SPDX-License-Identifier: GPL-2.0
# make bench [KERNEL=6.12] [PATHS=regex]: included by tests/tests.mk. Instructions per
# packet, ours and the peers', in one run; build/bench/packet.json. Then, beside the last
# run of tests/bench/history.jsonl; make bench-record adds the last run to it. make bench-plots
# draws both, and the first packet's, as build/bench/*.svg.
$(BUILD)/obj/tests/bench/mapload.o: private RN_CPPFLAGS += -Iinclude/uapi \
	$(shell $(PKG_CONFIG) --cflags-only-I libnl-3.0 libnl-genl-3.0)
$(BUILD)/bin/mapload: private RN_PROG_LIBS = $(BUILD)/obj/agent.a $(TEST_LIBS)
$(BUILD)/bin/mapload: $(BUILD)/obj/tests/bench/mapload.o $(RN_LIB_OBJS) $(BUILD)/obj/agent.a

HISTORY := tests/bench/packet/history.py

.PHONY: bench bench-record bench-document bench-plots
bench: module $(BUILD)/bin/mapload
	$(Q)tests/bench/packet/run.sh
	$(Q)$(HISTORY) compare $(BUILD)/bench/packet.json tests/bench/history.jsonl
bench-record:
	$(Q)$(HISTORY) record $(BUILD)/bench/packet.json tests/bench/history.jsonl
bench-document:
	$(Q)tests/bench/packet/document.py $(BUILD)/bench/packet.json docs/performance.md
bench-plots:
	$(Q)mkdir -p $(BUILD)/bench
	$(Q)tests/bench/plots.py $(BUILD)/bench tests/bench/history.jsonl
