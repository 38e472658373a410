# SPDX-License-Identifier: GPL-2.0
# make bench [KERNEL=6.12] [PATHS=regex]: included by tests/tests.mk. Instructions per
# packet, ours and the peers', in one run; build/bench/packet.json.
$(BUILD)/obj/tests/bench/mapload.o: private RN_CPPFLAGS += -Iinclude/uapi \
	$(shell $(PKG_CONFIG) --cflags-only-I libnl-3.0 libnl-genl-3.0)
$(BUILD)/bin/mapload: private RN_PROG_LIBS = $(BUILD)/obj/agent.a $(TEST_LIBS)
$(BUILD)/bin/mapload: $(BUILD)/obj/tests/bench/mapload.o $(RN_LIB_OBJS) $(BUILD)/obj/agent.a

.PHONY: bench
bench: module $(BUILD)/bin/mapload
	tests/bench/packet/run.sh
