# SPDX-License-Identifier: GPL-2.0
# roamnat-agent; included by daemon/daemon.mk. Unit tests of daemon/agent/ need
# AGENT_CPPFLAGS and AGENT_LIBS too.
AGENT_PKGS := libnl-3.0 libnl-genl-3.0
AGENT_CPPFLAGS := $(shell $(PKG_CONFIG) --cflags-only-I $(AGENT_PKGS)) \
	-DROAMNAT_VERSION='"$(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)"'
AGENT_LIBS := $(shell $(PKG_CONFIG) --libs $(AGENT_PKGS))
RN_AGENT_OBJS := $(call rn_objs,daemon/agent/*.c)

$(RN_AGENT_OBJS): RN_CPPFLAGS += $(AGENT_CPPFLAGS)
$(BUILD)/bin/roamnat-agent: RN_PROG_LIBS = $(AGENT_LIBS)
$(BUILD)/bin/roamnat-agent: $(RN_AGENT_OBJS) $(RN_LIB_OBJS)
daemon: $(BUILD)/bin/roamnat-agent
