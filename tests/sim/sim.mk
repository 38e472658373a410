# SPDX-License-Identifier: GPL-2.0
# make sim [SEED=n] [SEEDS=n] [EVENTS=n] [FIRST=n]; make sim-bugs
ifndef RN_SIM_MK
RN_SIM_MK := 1
include daemon/daemon.mk

SIM_OBJS := $(call rn_objs,tests/sim/*.c)
# What the machines need and no more: nothing here does I/O.
SIM_LIB_OBJS := $(RN_OWN_OBJS) $(BUILD)/obj/daemon/base/addr.o $(BUILD)/obj/daemon/proto/msg.o
SIM_ARGS = $(if $(SEED),--seed $(SEED) --trace,--cells --first $(or $(FIRST),1) \
	$(if $(EVENTS),--events $(EVENTS),--seeds $(or $(SEEDS),8000)))

$(SIM_OBJS): private RN_CPPFLAGS += -Itests/sim
$(BUILD)/bin/sim: $(SIM_OBJS) $(SIM_LIB_OBJS)

.PHONY: sim sim-bugs
sim: $(BUILD)/bin/sim
	$(Q)$< $(SIM_ARGS)
	$(if $(SEED)$(SEEDS)$(EVENTS),,$(Q)$(MAKE) --no-print-directory sim-bugs)

# [ONLY=name]
sim-bugs: $(SIM_OBJS) $(SIM_LIB_OBJS)
	$(Q)ONLY=$(ONLY) tests/sim/bugs.sh "$(BUILD)" "$(CC)" "$(RN_CPPFLAGS) -Itests/sim $(RN_CFLAGS)" $^
endif
