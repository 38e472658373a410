# SPDX-License-Identifier: GPL-2.0
# make bench-resync [MAPPINGS=100000], make bench-evacuate [MAPPINGS=10000], make
# bench-gateways [GATEWAYS=1000] [MAPPINGS=1000000]: included by tests/tests.mk.
RESYNC_OBJS := $(addprefix $(BUILD)/obj/tests/bench/,resync.o resync-agent.o rig.o)
EVACUATE_OBJS := $(addprefix $(BUILD)/obj/tests/bench/,evacuate.o resync-agent.o rig.o)
GATEWAYS_OBJS := $(addprefix $(BUILD)/obj/tests/bench/,gateways.o rig.o)
GATEWAY_BENCHES := $(addprefix $(BUILD)/bin/,bench-resync bench-evacuate bench-gateways)

$(RESYNC_OBJS) $(EVACUATE_OBJS) $(GATEWAYS_OBJS): \
	private RN_CPPFLAGS += -Itests/bench $(shell $(PKG_CONFIG) --cflags-only-I libnl-3.0 sqlite3)
$(GATEWAY_BENCHES): private RN_PROG_LIBS = -Wl,--start-group $(BUILD)/obj/agent.a \
	$(BUILD)/obj/controller.a -Wl,--end-group $(TEST_LIBS)
$(BUILD)/bin/bench-resync: $(RESYNC_OBJS)
$(BUILD)/bin/bench-evacuate: $(EVACUATE_OBJS)
$(BUILD)/bin/bench-gateways: $(GATEWAYS_OBJS)
$(GATEWAY_BENCHES): $(RN_LIB_OBJS) $(BUILD)/obj/agent.a $(BUILD)/obj/controller.a

.PHONY: bench-resync bench-evacuate
bench-resync bench-evacuate: %: $(BUILD)/bin/% $(BUILD)/bin/roamnat-controller
	$(call say,BENCH,$<)
	$(Q)tests/net/pki.sh build/pki
	$(Q)$< $(if $(MAPPINGS),-n $(MAPPINGS))

.PHONY: bench-gateways
bench-gateways: $(BUILD)/bin/bench-gateways $(BUILD)/bin/roamnat-controller
	$(call say,BENCH,$<)
	$(Q)tests/bench/gateways-pki.sh build/bench/pki $(or $(GATEWAYS),1000)
	$(Q)$< -g $(or $(GATEWAYS),1000) $(if $(MAPPINGS),-n $(MAPPINGS))
