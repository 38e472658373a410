# SPDX-License-Identifier: GPL-2.0
# What the tests are made of. Included by the top Makefile after daemon/daemon.mk
# and tools/natctl/natctl.mk.
.PHONY: test-tools

# tests/unit/unit.mk links the lower rooms. A suite may test agent, controller
# and natctl as well: these are archives, of which the linker takes what the
# suites call, and never a main.
-include tests/unit/unit.mk
-include tests/sim/sim.mk

TEST_PKGS := libnl-3.0 libnl-genl-3.0 libnl-route-3.0 jansson sqlite3
TEST_LIBS := $(shell $(PKG_CONFIG) --libs $(TEST_PKGS))
test_room = $(filter-out %/main.o,$(call rn_objs,$(1)/*.c))
TEST_ARCHIVES := $(patsubst %,$(BUILD)/obj/%.a,agent controller natctl)
$(BUILD)/obj/agent.a: $(call test_room,daemon/agent)
$(BUILD)/obj/controller.a: $(call test_room,daemon/controller)
$(BUILD)/obj/natctl.a: $(call test_room,tools/natctl)
$(TEST_ARCHIVES):
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

$(UNIT_OBJS): private RN_CPPFLAGS += $(shell $(PKG_CONFIG) --cflags-only-I $(TEST_PKGS))
$(UNIT_OBJS): private RN_CFLAGS += -Wno-unused-parameter
$(BUILD)/bin/check-unit: $(TEST_ARCHIVES)
$(BUILD)/bin/check-unit: private RN_PROG_LIBS += -Wl,--start-group $(TEST_ARCHIVES) -Wl,--end-group $(TEST_LIBS)

-include tests/bench/*.mk
-include tests/fuzz/fuzz.mk

test-tools: $(BUILD)/bin/forge $(BUILD)/bin/lostsync.so $(BUILD)/bin/stream $(BUILD)/bin/echoes
$(BUILD)/bin/stream $(BUILD)/bin/echoes: $(BUILD)/bin/%: $(BUILD)/obj/tests/tools/%.o
$(BUILD)/bin/forge: $(patsubst %,$(BUILD)/obj/tests/tools/%.o,forge forge-cases) $(RN_LIB_OBJS)

# A disk that forgets what was not synced, preloaded into the controller.
$(BUILD)/bin/lostsync.so: tests/tools/lostsync.c
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(RN_CPPFLAGS) $(RN_CFLAGS) -fPIC -shared -o $@ $<
