# SPDX-License-Identifier: GPL-2.0
# roamnat-controller; included by daemon/daemon.mk.
RN_CONTROLLER_LIBS := $(shell $(PKG_CONFIG) --libs sqlite3)
RN_CONTROLLER_CPPFLAGS := \
	-DROAMNAT_VERSION='"$(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)"'
RN_CONTROLLER_OBJS := $(call rn_objs,daemon/controller/*.c)
# What the unit tests link: all but main.
RN_CONTROLLER_LIB_OBJS := $(filter-out %/controller/main.o,$(RN_CONTROLLER_OBJS))

$(RN_CONTROLLER_OBJS): RN_CPPFLAGS += $(RN_CONTROLLER_CPPFLAGS)
$(BUILD)/bin/roamnat-controller: RN_PROG_LIBS := $(RN_CONTROLLER_LIBS)
$(BUILD)/bin/roamnat-controller: $(RN_CONTROLLER_OBJS) $(RN_LIB_OBJS)

daemon: $(BUILD)/bin/roamnat-controller
