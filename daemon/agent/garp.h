/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tells neighbours on an uplink's wire, without having been asked, that a public
 * address is here: gratuitous ARP (RFC 5227, 3) and unsolicited neighbour
 * advertisements (RFC 4861, 7.2.6), at the times of agent/unasked.h.
 */
#ifndef RN_AGENT_GARP_H
#define RN_AGENT_GARP_H

#include "agent/announce.h"

#define AGENT_GARP_FRAME_MAX	72

/* Frames without their link header; the length. Pure. An ARP answer names the sender
 * also as target, or Linux takes it for an ordinary one.
 */
size_t agent_garp_build_arp(uint8_t *frame, const struct rn_addr *addr, const uint8_t mac[6],
			    gboolean reply);
size_t agent_garp_build_na(uint8_t *frame, const struct rn_addr *addr, const uint8_t mac[6]);

struct agent_garp;

struct agent_garp *agent_garp_new(const GPtrArray *configs, struct agent_announce *announce,
				  GError **error);
void agent_garp_free(struct agent_garp *garp);
/* The times of agent_announce_unasked may be others. */
void agent_garp_rearm(struct agent_garp *garp);

#endif
