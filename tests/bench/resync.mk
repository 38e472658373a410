# SPDX-License-Identifier: GPL-2.0
# make bench-resync [MAPPINGS=100000]: included by tests/tests.mk.
RESYNC_OBJS := $(addprefix $(BUILD)/obj/tests/,bench/resync.o bench/resync-agent.o)

$(BUILD)/obj/tests/bench/resync.o $(BUILD)/obj/tests/bench/resync-agent.o: \
	private RN_CPPFLAGS += -Itests/bench $(shell $(PKG_CONFIG) --cflags-only-I libnl-3.0 sqlite3)
$(BUILD)/bin/bench-resync: private RN_PROG_LIBS = -Wl,--start-group $(BUILD)/obj/agent.a \
	$(BUILD)/obj/controller.a -Wl,--end-group $(TEST_LIBS)
$(BUILD)/bin/bench-resync: $(RESYNC_OBJS) $(RN_LIB_OBJS) $(BUILD)/obj/agent.a $(BUILD)/obj/controller.a

.PHONY: bench-resync
bench-resync: $(BUILD)/bin/bench-resync $(BUILD)/bin/roamnat-controller
	$(call say,BENCH,$<)
	$(Q)tests/net/pki.sh build/pki
	$(Q)$< $(if $(MAPPINGS),-n $(MAPPINGS))
