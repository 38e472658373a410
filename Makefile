# SPDX-License-Identifier: GPL-2.0
#   make                all: module, daemon, natctl
#   make check          every test; closes with "N passed, N failed"
#   make sim            the ownership protocol in worlds that go wrong  [SEED=7]
#   make check-net      scenarios in QEMU  [KERNEL=6.1] [SCENARIO=05]
#   make check-debug    the module on a kernel that watches it: KASAN, lockdep, …
#   make fuzz-packet    its packet code under libFuzzer  [RUNS=] [SEED=]
#   make conformance    RFC requirements on both kernels; writes docs/compliance.md
#   make model          the ownership protocol's model in spin, and its mutants
#   make bench          instructions per packet, beside the peers' and the last record
#   make bench-wall     what a packet takes by the host's clock, beside plain forwarding
#   make bench-smp      what a second CPU adds, ours and the peers'
#   make bench-record   that run into tests/bench/history.jsonl
#   make bench-document that run into docs/performance.md
#   make bench-plots    both, drawn, in build/bench
#   make bench-first-packet  of a new VM, with agent, controller and store
#   make bench-controller  durable grants per second, beside the disk's own rate
#   make bench-evacuate    10 000 mappings leave a gateway
#   make bench-gateways    1000 gateways at one controller
#   make bench-scale       a million mappings in the kernel, beside nftables; how late
#                          packets come meanwhile
#   make demo           the story of the README, with real packets
#   make deps           install what is missing (Debian 12, as root)
#   make install        [DESTDIR=] [PREFIX=/usr]
# tests/README.md has the rest. Everything that is built is in build/.
.DEFAULT_GOAL := all
SHELL := /bin/bash
PREFIX ?= /usr
# "su" without "-" leaves out the sbins.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin
# Scripts read what tools say; and a locale that ssh brought along and this machine
# lacks makes perl warn. The kernel's makefiles take LC_ALL away, so all of them.
unexport $(filter LC_%,$(.VARIABLES))
export LC_ALL := C.UTF-8
export LANG := C.UTF-8
VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

.PHONY: all module daemon daemon-debug natctl debug gen gen-check check check-unit check-layers \
	check-shows check-conformance conformance check-rig check-net check-debug check-kill check-kill-rig style kernels dkms-check demo deps install clean

# Before the included files ask pkg-config. Whoever only builds may lack what
# the tests need; who checks may not.
goals := $(or $(MAKECMDGOALS),all)
ifneq ($(filter-out clean deps,$(goals)),)
ifneq ($(shell tests/tools/deps.sh >&2 && echo there),there)
$(if $(filter check% demo,$(goals)),$(error packages are missing))
endif
endif

ifneq ($(filter-out clean deps gen gen-check style kernels module debug dkms-check model \
	check-conformance conformance,$(goals)),)
-include daemon/daemon.mk
-include tools/natctl/natctl.mk
-include tests/tests.mk
endif
include tests/model/model.mk

all: module daemon natctl

# The module, for every kernel whose headers are here; a warning is a failure.
module kernels:
	MAKEFLAGS= tests/tools/kernels.sh
# With selftests that run at load: build/kmod-VERSION-debug.
debug:
	MAKEFLAGS= tests/tools/kernels.sh --debug

# The daemons with points at which tests kill them: build/debug/bin.
daemon-debug:
	$(MAKE) --no-print-directory FAILPOINTS=1 daemon

gen:
	tests/tools/gen.sh
gen-check:
	tests/tools/gen.sh --check
style:
	tests/tools/style.sh
check-layers:
	tests/tools/check-layers.sh
check-shows:
	tests/tools/check-shows.sh
# Each requirement has a case or an explanation; make check compares the document.
check-conformance:
	tests/conformance/table.py check
conformance: module
	tests/run.sh conformance
dkms-check:
	MAKEFLAGS= tests/tools/dkms.sh

# Scenarios need all programs, and the selftests' module for one of them.
check-net: all debug daemon-debug test-tools
	tests/run.sh net
# The disk that forgets, and the analysis of the wire, fail when they must.
check-kill-rig: test-tools
	tests/tools/kill-rig.py build/bin/lostsync.so
check-rig:
	tests/qemu/selftest.sh "$$(tests/tools/guest-kernels.sh 6.12)"
# Daemons killed 1000 times, and power lost: make check-kill [ROUNDS=1000] [SEED=1]
check-kill: all daemon-debug test-tools
	tests/run.sh kill
# On a kernel that is built for it, once: KASAN, lockdep, kmemleak, failslab.
check-debug: all test-tools
	tests/run.sh debug
check:
	tests/run.sh check
demo: all test-tools
	tests/run.sh demo

deps:
	tests/tools/deps.sh

# The module's sources go where DKMS finds them:
#   dkms install roamnat/VERSION
install: daemon install-natctl
	install -D -m 0755 -t $(DESTDIR)$(PREFIX)/sbin build/bin/roamnat-agent build/bin/roamnat-controller
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system daemon/agent/roamnat-agent.service \
		daemon/controller/roamnat-controller.service
	install -D -m 0644 daemon/roamnat.sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/roamnat.conf
	install -D -m 0644 daemon/agent/roamnat.modules-load.conf \
		$(DESTDIR)$(PREFIX)/lib/modules-load.d/roamnat.conf
	install -D -m 0644 daemon/agent/roamnat.rt_protos.conf \
		$(DESTDIR)/etc/iproute2/rt_protos.d/roamnat.conf
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/roamnat/examples \
		daemon/agent/agent.conf.example daemon/controller/controller.conf.example
	install -D -m 0755 -t $(DESTDIR)$(PREFIX)/share/doc/roamnat/examples tools/hooks/libvirt-qemu
	tests/tools/kmod-source.sh "$(DESTDIR)$(PREFIX)/src/roamnat-$(VERSION)"

clean:
	rm -rf build
