# SPDX-License-Identifier: GPL-2.0
# Unit tests and the tools of the scenarios. Included by the top Makefile after
# daemon/daemon.mk and tools/natctl/natctl.mk.
#
# A suite is tests/unit/cksuite-NAME.c with "Suite *make_NAME_suite(void)" (- in
# NAME is _ there); its program is build/bin/check-NAME. It may use everything
# but the daemons' main, and the other files of tests/unit: all are linked as
# archives, so a suite gets what it calls.
#   make check-unit [UNIT=NAME] [SANITIZE=1]

.PHONY: test-tools
TEST_PKGS := check libnl-3.0 libnl-genl-3.0 libnl-route-3.0 jansson sqlite3
TEST_CPPFLAGS := -Itests/unit $(shell $(PKG_CONFIG) --cflags-only-I $(TEST_PKGS))
TEST_LIBS := $(shell $(PKG_CONFIG) --libs $(TEST_PKGS))
UNITS := $(patsubst tests/unit/cksuite-%.c,%,$(wildcard tests/unit/cksuite-*.c))
UNIT ?= $(UNITS)
UNIT_BINS := $(patsubst %,$(BUILD)/bin/check-%,$(UNITS))

test_room = $(filter-out %/main.o,$(call rn_objs,$(1)/*.c))
TEST_ARCHIVES := $(patsubst %,$(BUILD)/obj/%.a,unit lib agent controller natctl)
$(BUILD)/obj/unit.a: $(filter-out $(BUILD)/obj/tests/unit/cksuite-%,$(call rn_objs,tests/unit/*.c))
$(BUILD)/obj/lib.a: $(RN_LIB_OBJS)
$(BUILD)/obj/agent.a: $(call test_room,daemon/agent)
$(BUILD)/obj/controller.a: $(call test_room,daemon/controller)
$(BUILD)/obj/natctl.a: $(call test_room,tools/natctl)
$(TEST_ARCHIVES):
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

# The main of a suite's program: it prints what run.sh counts.
$(BUILD)/gen/check-%.c: tests/unit/main.c.in
	$(Q)mkdir -p $(@D)
	$(Q)sed -e 's/@NAME@/$*/g' -e 's/@SUITE@/make_$(subst -,_,$*)_suite/g' $< >$@
$(BUILD)/gen/check-%.o: $(BUILD)/gen/check-%.c
	$(Q)$(CC) $(RN_CPPFLAGS) $(TEST_CPPFLAGS) $(RN_CFLAGS) -c -o $@ $<

$(BUILD)/obj/tests/%.o: private RN_CPPFLAGS += $(TEST_CPPFLAGS)
$(BUILD)/obj/tests/%.o: private RN_CFLAGS += -Wno-unused-parameter
$(UNIT_BINS): $(BUILD)/bin/check-%: $(BUILD)/obj/tests/unit/cksuite-%.o $(BUILD)/gen/check-%.o $(TEST_ARCHIVES)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(RN_CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(TEST_ARCHIVES) -Wl,--end-group $(RN_LIBS) $(TEST_LIBS)

# All are run; the code says whether one failed.
check-unit: $(patsubst %,$(BUILD)/bin/check-%,$(UNIT))
	@rc=0; for t in $(UNIT); do timeout 600 $(BUILD)/bin/check-$$t || rc=1; done; exit $$rc

test-tools: $(BUILD)/bin/forge
$(BUILD)/bin/forge: $(BUILD)/obj/tests/tools/forge.o $(RN_LIB_OBJS)
