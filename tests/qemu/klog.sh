#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# klog.sh FILE: prints the lines of a kernel log that no run may contain and
# fails if there are any.
! grep -aE '\bWARNING:|\bBUG\b|KASAN|KCSAN|UBSAN|refcount_t|\bOops\b|general protection fault|Kernel panic|kernel panic|unreferenced object|possible circular locking|possible recursive locking|possible irq lock inversion|inconsistent lock state|suspicious RCU usage|rcu: INFO:|self-detected stall|detected stalls|soft lockup|hard LOCKUP|blocked for more than|unregister_netdevice: waiting|scheduling while atomic|sleeping function called|Unknown symbol|page allocation failure|Out of memory|Call Trace' "$1" | head -n 20 | grep .
