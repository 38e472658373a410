/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The netfilter hooks: parse, look up, rewrite or miss.
 */
#ifndef _RNAT_HOOK_H
#define _RNAT_HOOK_H

#include <linux/netfilter.h>

struct rnat_held;
struct rnat_net;

/* Fills rn->ops; net.c registers them. */
void rnat_hook_init(struct rnat_net *rn);

/*
 * Translates a packet that was held and sends it on its way, after the hook
 * that held it. Uses up the packet, not the references beside it. Under RCU,
 * bottom halves off.
 */
void rnat_hook_resume(struct rnat_net *rn, struct rnat_held *held);

#endif
