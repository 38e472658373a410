# SPDX-License-Identifier: GPL-2.0
# natctl and its script. Included by the top Makefile after daemon/daemon.mk;
# works alone too: make -f tools/natctl/natctl.mk natctl
ifndef RN_NATCTL_MK
RN_NATCTL_MK := 1

include daemon/daemon.mk

NATCTL_PKGS := libnl-genl-3.0 jansson
NATCTL_OBJS := $(call rn_objs,tools/natctl/*.c)
# Everything but main, for the unit tests.
NATCTL_LIB_OBJS := $(filter-out %/main.o,$(NATCTL_OBJS))
NATCTL_CPPFLAGS := $(shell $(PKG_CONFIG) --cflags-only-I $(NATCTL_PKGS))
# The version of the whole, written once.
NATCTL_CPPFLAGS += -DROAMNAT_VERSION='"$(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)"'
NATCTL_LIBS := $(shell $(PKG_CONFIG) --libs $(NATCTL_PKGS))

.PHONY: natctl install-natctl
natctl: $(BUILD)/bin/natctl $(BUILD)/bin/natctl-pki

# Commands and callbacks have one shape each, and not all need all of it.
$(NATCTL_OBJS): private RN_CPPFLAGS += $(NATCTL_CPPFLAGS)
$(NATCTL_OBJS): private RN_CFLAGS += -Wno-unused-parameter
$(BUILD)/bin/natctl: private RN_PROG_LIBS := $(NATCTL_LIBS)
$(BUILD)/bin/natctl: $(NATCTL_OBJS) $(RN_CLIENT_OBJS)

$(BUILD)/bin/natctl-pki: tools/natctl/natctl-pki
	$(call say,COPY,$@)
	$(Q)mkdir -p $(@D)
	$(Q)install -m 0755 $< $@

PREFIX ?= /usr
install-natctl: natctl
	install -D -m 0755 $(BUILD)/bin/natctl $(DESTDIR)$(PREFIX)/bin/natctl
	install -D -m 0755 tools/natctl/natctl-pki $(DESTDIR)$(PREFIX)/libexec/roamnat/natctl-pki
	install -D -m 0644 tools/natctl/natctl.8 $(DESTDIR)$(PREFIX)/share/man/man8/natctl.8
	install -D -m 0644 tools/natctl/natctl.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/natctl
endif
