# SPDX-License-Identifier: GPL-2.0
# make check-unit [SANITIZE=1] [SUITES="codec net"]
# Included by tests/tests.mk, which adds the archives of agent, controller and natctl.
ifndef RN_UNIT_MK
RN_UNIT_MK := 1
include daemon/daemon.mk
include tools/natctl/natctl.mk

# suites.h is the list; files that are no suite are helpers of suites.
UNIT_NAMES := $(subst _,-,$(shell sed -n 's/^\tX(\([a-z0-9_]*\)).*/\1/p' tests/unit/suites.h))
UNIT_SRCS := $(UNIT_NAMES:%=tests/unit/cksuite-%.c) \
	$(filter-out tests/unit/cksuite-%,$(wildcard tests/unit/*.c))
UNIT_OBJS := $(UNIT_SRCS:%.c=$(BUILD)/obj/%.o)
UNIT_PKGS := check $(NATCTL_PKGS)
# What suites need beside base, proto, own and net: objects, and packages.
UNIT_OBJS += $(NATCTL_LIB_OBJS)

$(UNIT_OBJS): RN_CPPFLAGS += -Itests/unit $(shell $(PKG_CONFIG) --cflags-only-I $(UNIT_PKGS))
$(BUILD)/bin/check-unit: RN_PROG_LIBS = $(shell $(PKG_CONFIG) --libs $(UNIT_PKGS))
$(BUILD)/bin/check-unit: $(UNIT_OBJS) $(RN_LIB_OBJS)

.PHONY: check-unit
check-unit: $(BUILD)/bin/check-unit
# Check gives a test 4 s of wall clock, which a busy machine does not always have;
# what hangs is still ended.
	$(call say,TEST,$<)
	$(Q)CK_TIMEOUT_MULTIPLIER=10 timeout 1200 $< $(SUITES)
endif
