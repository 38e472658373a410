# SPDX-License-Identifier: GPL-2.0
# Benchmarks; included by tests/tests.mk. They print ratios, and pass no verdict.
#   make bench-controller [BENCH_DIR=build] [BENCH_RUNS=5]
BENCH_DIR ?= $(BUILD)
BENCH_RUNS ?= 5
BENCH_OBJS := $(BUILD)/obj/tests/bench/grants.o $(BUILD)/obj/tests/unit/ctlbench.o

$(BENCH_OBJS): private RN_CPPFLAGS += -Itests/unit
$(BUILD)/bin/bench-grants: private RN_PROG_LIBS += $(BUILD)/obj/controller.a $(TEST_LIBS)
$(BUILD)/bin/bench-grants: $(BENCH_OBJS) $(RN_LIB_OBJS) $(BUILD)/obj/controller.a

.PHONY: bench-controller
bench-controller: $(BUILD)/bin/bench-grants
	$(Q)$< $(BENCH_DIR) $(BENCH_RUNS)
