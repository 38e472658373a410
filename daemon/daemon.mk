# SPDX-License-Identifier: GPL-2.0
# Objects and programs of user space. The top Makefile includes this file; it
# works alone too: make -f daemon/daemon.mk daemon
#   V=1          shows commands
#   SANITIZE=1   address and undefined behaviour sanitizers, into build/asan/
#   FAILPOINTS=1 points at which a test kills the daemons, into build/debug/
ifndef RN_DAEMON_MK
RN_DAEMON_MK := 1

BUILD := $(if $(FAILPOINTS),build/debug,$(if $(SANITIZE),build/asan,build))
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))
PKG_CONFIG ?= pkg-config

RN_PKGS := glib-2.0 gnutls libprotobuf-c
RN_SANITIZE := -fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all
RN_CPPFLAGS := -D_GNU_SOURCE -Idaemon -I$(BUILD)/gen -Iinclude/uapi \
	$(shell $(PKG_CONFIG) --cflags-only-I $(RN_PKGS))
RN_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wmissing-prototypes -Wshadow \
	-Wno-unused-parameter $(if $(SANITIZE),$(RN_SANITIZE)) $(if $(FAILPOINTS),-DRN_FAILPOINTS) \
	$(CFLAGS)
RN_LIBS := $(shell $(PKG_CONFIG) --libs $(RN_PKGS))

# Rooms, lowest first. Each may include those before it and no other.
rn_objs = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $(1)))
RN_PROTO_GEN := $(BUILD)/gen/roamnat.pb-c $(BUILD)/gen/control.pb-c
RN_BASE_OBJS := $(call rn_objs,daemon/base/*.c)
RN_PROTO_OBJS := $(call rn_objs,daemon/proto/*.c) $(RN_PROTO_GEN:=.o)
RN_OWN_OBJS := $(call rn_objs,daemon/own/*.c)
RN_NET_OBJS := $(call rn_objs,daemon/net/*.c)
RN_LIB_OBJS := $(RN_BASE_OBJS) $(RN_PROTO_OBJS) $(RN_OWN_OBJS) $(RN_NET_OBJS)
# What a client of the control socket needs (natctl).
RN_CLIENT_OBJS := $(RN_BASE_OBJS) $(RN_PROTO_OBJS) $(BUILD)/obj/daemon/net/frame.o \
	$(BUILD)/obj/daemon/net/control_client.o

.PHONY: all daemon
daemon:
all: daemon

# Generated code is not ours to warn about.
$(BUILD)/gen/%.pb-c.c $(BUILD)/gen/%.pb-c.h &: daemon/proto/%.proto
	$(call say,PROTOC,$<)
	$(Q)mkdir -p $(BUILD)/gen
	$(Q)protoc-c --proto_path=daemon/proto --c_out=$(BUILD)/gen $<

$(BUILD)/gen/%.pb-c.o: $(BUILD)/gen/%.pb-c.c
	$(call say,CC,$<)
	$(Q)$(CC) $(RN_CPPFLAGS) $(filter-out -Wextra -Wshadow,$(RN_CFLAGS)) -c -o $@ $<

# User space only: Kbuild compiles kmod/ from a copy of the tree.
$(BUILD)/obj/%.o: %.c | $(RN_PROTO_GEN:=.h)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(RN_CPPFLAGS) $(RN_CFLAGS) -MMD -MP -c -o $@ $<

# A program lists its objects as prerequisites and may set RN_PROG_LIBS.
$(BUILD)/bin/%:
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(RN_CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(RN_LIBS) $(RN_PROG_LIBS)

-include daemon/agent/agent.mk
-include daemon/controller/controller.mk

.SECONDARY:
RN_DEPS := $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
-include $(RN_DEPS)
endif
