# SPDX-License-Identifier: GPL-2.0
# make fuzz-packet [RUNS=10000000] [SEED=1] [FUZZ_SECONDS=0]
# kmod's pure files in user space under libFuzzer, ASan and UBSan: packet/fuzz.c.
# What it finds is left in build/fuzz/packet/crash-*; the program takes such a file
# as its argument. A SEED replays a run, from an empty corpus, on the same program.
.PHONY: fuzz-packet
FUZZ_CLANG ?= clang
RUNS ?= 10000000
FUZZ_SECONDS ?= 0
FUZZ_SRCS := $(wildcard tests/fuzz/packet/*.c) kmod/tuple.c kmod/rewrite.c kmod/icmp.c
FUZZ_DEPS := $(wildcard tests/fuzz/packet/*.h tests/fuzz/packet/shim/*/*.h kmod/*.h) \
	include/uapi/linux/roamnat.h tests/fuzz/fuzz.mk

# Headers are where they fall in a packet, so alignment is not checked.
$(BUILD)/fuzz/packet/fuzz: $(FUZZ_SRCS) $(FUZZ_DEPS)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CLANG) -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-fno-sanitize=alignment,function -Wall -Wextra -Werror -Wno-sign-compare \
		-Wno-address-of-packed-member -Wno-gnu-include-next -Itests/fuzz/packet \
		-Itests/fuzz/packet/shim -Iinclude -Ikmod -o $@ $(FUZZ_SRCS)

fuzz-packet: $(BUILD)/fuzz/packet/fuzz
	$(Q)rm -rf $(<D)/seeds $(<D)/corpus && mkdir -p $(<D)/corpus
	$(Q)tests/fuzz/packet/seeds.py $(<D)/seeds
	$(Q)cd $(<D) && nice ./fuzz -seed=$(or $(SEED),1) -runs=$(RUNS) -max_total_time=$(FUZZ_SECONDS) \
		-max_len=600 -timeout=600 -print_final_stats=1 -verbosity=0 corpus seeds
	@echo "fuzz-packet: pass (seed $(or $(SEED),1))"

# What talks to the module in a guest: tables from the spec, and programs.
NLFUZZ := tests/fuzz/netlink
$(BUILD)/fuzz/spec_gen.c: tests/tools/nlspec.py include/uapi/linux/roamnat.yaml
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$< include/uapi/linux/roamnat.yaml >$@.new && mv $@.new $@
NLTOOLS := $(addprefix $(BUILD)/bin/,nlfuzz nlrules nlfloors failnth flood)
test-tools: $(NLTOOLS)
$(NLTOOLS): $(BUILD)/bin/%: $(NLFUZZ)/%.c $(NLFUZZ)/nl.c \
		$(NLFUZZ)/commands.c $(BUILD)/fuzz/spec_gen.c $(wildcard $(NLFUZZ)/*.h) \
		include/uapi/linux/roamnat.h
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(RN_CPPFLAGS) $(RN_CFLAGS) -I$(NLFUZZ) -o $@ $(filter %.c,$^) -lpthread
test-tools: $(BUILD)/bin/stress
$(BUILD)/bin/stress: $(wildcard tests/debug/stress/*.[ch]) $(NLFUZZ)/nl.c $(NLFUZZ)/nl.h include/uapi/linux/roamnat.h
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(RN_CPPFLAGS) $(RN_CFLAGS) -I$(NLFUZZ) -o $@ $(filter %.c,$^) -lpthread
test-tools: $(BUILD)/bin/inject
$(BUILD)/bin/inject: $(wildcard tests/fuzz/inject/*.[ch]) tests/fuzz/packet/oracle.c tests/fuzz/packet/oracle.h \
		$(NLFUZZ)/nl.c $(NLFUZZ)/nl.h include/uapi/linux/roamnat.h
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(RN_CPPFLAGS) $(RN_CFLAGS) -O2 -I$(NLFUZZ) -Itests/fuzz/packet -o $@ $(filter %.c,$^)
