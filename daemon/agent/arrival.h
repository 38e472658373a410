/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A gratuitous ARP of a VM on an inside interface counts as its first packet, where
 * [inside] says hear-arp=yes: a VM that arrives by live migration announces itself
 * before it has anything to send. A trigger and no authority: what follows is the
 * request that a packet would cause (S1), and of a mapping that is elsewhere its owner
 * is asked, who agrees only if it knows that the VM left.
 *
 * QEMU's own announcement is a RARP, which has no address of the VM in it; the guest's
 * (virtio) is one that counts.
 */
#ifndef RN_AGENT_ARRIVAL_H
#define RN_AGENT_ARRIVAL_H

#include "agent/config.h"
#include "agent/core.h"

struct agent_arrival;

/* Listens if any group wants it; *arrival stays NULL if none does. */
gboolean agent_arrival_new(const struct agent_config *config, struct agent_core *core,
			   struct agent_arrival **arrival, GError **error);
void agent_arrival_free(struct agent_arrival *arrival);

/* What it does with an ARP packet (from its ARP header on) seen on that interface. */
void agent_arrival_seen(struct agent_arrival *arrival, const char *interface,
			const guint8 *packet, gsize len);
/* For agent_arrival_seen without a socket. */
struct agent_arrival *agent_arrival_bare(const struct agent_config *config,
					 struct agent_core *core);

#endif
