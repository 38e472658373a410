/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Destinations to which packets go untranslated (RFC 6888, REQ-6). They live
 * in the allocation of struct rnat_inside, so they are replaced together with
 * the prefixes; readers are under RCU.
 */
#ifndef _RNAT_EXCLUDE_H
#define _RNAT_EXCLUDE_H

#include <linux/types.h>

#include "wide.h"

struct rnat_inside;
struct rnat_prefix;

struct rnat_exclude {
	u32 ifindex;		/* 0: from every inside interface */
	u32 zone;
	bool has_zone;		/* false: of every zone */
	u8 family;		/* NFPROTO_IPV4, NFPROTO_IPV6 */
	u32 len;
	struct rnat_wide first;
	struct rnat_wide last;
	struct rnat_wide until;	/* last of the widest one that contains it */
};

/* Sorts them, once all are there. Repeated and nested ones are harmless. */
void rnat_exclude_seal(struct rnat_inside *inside);

/*
 * Do packets to @addr, from a source in @prefix and of its family, go untranslated? A binary
 * search for each of the four scopes at most.
 */
bool rnat_exclude_match(const struct rnat_inside *inside,
			const struct rnat_prefix *prefix,
			const union nf_inet_addr *addr);

#endif
