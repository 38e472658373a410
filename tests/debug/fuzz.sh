#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fuzz.sh COUNT SEED: in the guest of the debug kernel, every allocation of every
# command failed in turn, what is refused to whom, and COUNT messages of nlfuzz.
# The kernel's log and kmemleak are judged by guest.sh.
# shellcheck disable=SC2034 # for report.sh
SCENARIO=netlink RUN=/run/rig
top=$RIG_TOP
. "$top/tests/net/report.sh"
mkdir -p "$RUN"
trap 'report_end $?' EXIT
PATH=$top/build/bin:$PATH

# A forced failure must not look like a complaint.
cd /sys/kernel/debug || exit
echo N | tee failslab/ignore-gfp-wait fail_page_alloc/ignore-gfp-wait >failslab/cache-filter
echo 0 | tee failslab/verbose fail_page_alloc/min-order >fail_page_alloc/verbose
cd / || exit
must insmod "$top/build/kmod-$(uname -r)/roamnat.ko"
tap failnth
tap nlrules
tap nlfloors "$2"
# No promise has memory of its own, but one that must not be without.
cd /sys/kernel/debug/failslab || exit
must sh -c 'echo 1 >/sys/kernel/slab/rnat_floor/failslab'
echo Y >cache-filter && echo -1 >"times" && echo 100 >probability
tap nlfloors "$2" starved
echo 0 >probability && echo N >cache-filter
cd / || exit
say "seed $2"
tap nlfuzz "$1" "$2" 2
expect "the module unloads" rmmod roamnat
