/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which public addresses are announced, and what has to be asked of the kernel for
 * it. Pure: no socket, no clock; route.c gives both.
 *
 * An address is announced while a mapping of it is active here. Many mappings may
 * share one, so it is counted. A route stays while a mapping is frozen, and lingers
 * after its end (make before break); an answer to neighbours ends with the freeze.
 *
 * In the kernel an address is one object, its route, or two: on a layer-2 uplink also
 * an entry that answers for it. `has` is what the kernel said last; whoever is `busy`
 * has one request under way, and the answer settles what comes next.
 */
#ifndef RN_AGENT_ANNOUNCE_H
#define RN_AGENT_ANNOUNCE_H

#include <glib.h>
#include "agent/config.h"
#include "agent/entry.h"
#include "agent/unasked.h"

enum agent_object {
	AGENT_OBJECT_ROUTE,
	AGENT_OBJECT_PROXY,	/* answers ARP or neighbour solicitations */
	AGENT_OBJECT_MAX = AGENT_OBJECT_PROXY,
};

/* All that makes an object ours and right. */
struct agent_announce_key {
	struct rn_addr addr;
	uint8_t len;		/* of the prefix */
	uint8_t object;		/* enum agent_object */
	uint8_t type;		/* ROUTE: RTN_BLACKHOLE or RTN_UNICAST */
	uint32_t table, metric;	/* ROUTE */
	uint32_t ifindex;	/* PROXY, and of a RTN_UNICAST route; else 0 */
};

struct agent_announce_op {
	struct agent_announce_key key;
	gboolean add;
	struct agent_address *address;	/* NULL: of nobody, from before */
};

struct agent_announce;

/* configs: struct agent_announce_config, which must live as long. */
struct agent_announce *agent_announce_new(const GPtrArray *configs);
void agent_announce_free(struct agent_announce *announce);

/* Interfaces of a group; 0: there is none now. sink: where routes of neighbours' kind
 * lead. A sync has to follow.
 */
void agent_announce_set_links(struct agent_announce *announce, guint group, uint32_t uplink,
			      uint32_t sink);
guint agent_announce_uplink(const struct agent_announce *announce, guint group);

/* The entry's machine has made a step. TRUE: requests are waiting that must leave
 * before anything else does (an answer to neighbours ends).
 */
gboolean agent_announce_entered(struct agent_announce *announce, struct agent_entry *entry,
				int64_t now);

/* The next request; FALSE: none is waiting. It is under way until done is told. */
gboolean agent_announce_next(struct agent_announce *announce, struct agent_announce_op *op);
gboolean agent_announce_waiting(const struct agent_announce *announce);
/* err: 0 or a positive errno. What was to be deleted and is not there is done. */
void agent_announce_done(struct agent_announce *announce, const struct agent_announce_op *op,
			 int err, int64_t now);
/* Answers were lost: nothing is under way; a sync has to follow. */
void agent_announce_forget(struct agent_announce *announce);

/* The kernel's objects of our protocol number: begin, each one, end. What is under way
 * is left to its answer, which was given before the dump or is still to come.
 */
void agent_announce_sync_begin(struct agent_announce *announce);
void agent_announce_found(struct agent_announce *announce, const struct agent_announce_key *key);
void agent_announce_sync_end(struct agent_announce *announce, int64_t now);

/* Somebody else deleted it: it is added again if it is one of ours. */
void agent_announce_gone(struct agent_announce *announce, const struct agent_announce_key *key);
gboolean agent_announce_knows(struct agent_announce *announce, const struct rn_addr *addr);

/* When time wants to be told next; INT64_MAX: never. */
int64_t agent_announce_due(const struct agent_announce *announce);
/* Routes that have lingered long enough end. INT64_MAX: all of them. */
void agent_announce_time(struct agent_announce *announce, int64_t now);

/* Neighbours are told anew about all addresses that are answered for. */
void agent_announce_again(struct agent_announce *announce, int64_t now);
struct agent_unasked *agent_announce_unasked(struct agent_announce *announce);

/* Addresses that are in the kernel; of all, requests that were refused. */
guint agent_announce_count(const struct agent_announce *announce);
guint agent_announce_blocked(const struct agent_announce *announce);

enum agent_announce_state {
	AGENT_ANNOUNCE_THERE,		/* all that it needs is in the kernel */
	AGENT_ANNOUNCE_COMING,
	AGENT_ANNOUNCE_LINGERING,	/* its mappings are gone, until linger_ms are over */
	AGENT_ANNOUNCE_ENDING,
	AGENT_ANNOUNCE_REFUSED,		/* by the kernel */
};

/* What natctl is told of an address. */
struct agent_announce_view {
	struct rn_addr addr;
	guint group;
	enum agent_announce_state state;
	guint mappings;
	uint32_t table, metric;
	uint64_t linger_ms;
};

/* Each address that is known, in no order. */
void agent_announce_each(struct agent_announce *announce, int64_t now,
			 void (*each)(const struct agent_announce_view *view, void *data),
			 void *data);

#endif
