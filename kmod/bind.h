/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The binding of an outbound packet whose source is translated by blocks. If
 * its private port has none, one is made in the first of the VM's blocks that
 * has a port free; if none has, the agent is asked for the next block.
 */
#ifndef _RNAT_BIND_H
#define _RNAT_BIND_H

#include <linux/types.h>

struct rnat_binding;
struct rnat_key;
struct rnat_map;
struct rnat_net;
struct rnat_prefix;
struct rnat_tuple;
struct sk_buff;

struct rnat_bind {
	struct rnat_net *rn;
	const struct sk_buff *skb;
	const struct rnat_tuple *tuple;
	struct rnat_prefix *prefix;	/* of the source */
	u64 now;
	bool resumed;			/* the packet was held before */
	bool asked;			/* make no binding, and ask nobody */
	bool forwarded;			/* by another gateway: ask nobody for it */
	struct rnat_key *key;		/* private side; of what to wait for */
	struct rnat_map *map;		/* found */
	struct rnat_binding *binding;	/* found; NULL: an address mapping, or asked */
};

/*
 * RNAT_MAP_TRANSLATE: map and binding are found, and the mapping is still to be
 * judged; RNAT_MAP_HOLD: key says what to wait for; else the counter that the
 * packet is to be dropped with. Under RCU.
 */
u32 rnat_bind_source(struct rnat_bind *bind);

#endif
