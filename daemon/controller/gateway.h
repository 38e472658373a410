/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The gateways: who they are (configuration), what of them is durable (number,
 * incarnation, fence) and how their leases stand (P6, P7). A number is never
 * used for another gateway; one that left the configuration stays, disabled,
 * because mappings may still be its own.
 *
 * Pure bookkeeping: the caller makes changes durable and gives the time, ms of
 * the boot-time clock.
 */
#ifndef RN_CONTROLLER_GATEWAY_H
#define RN_CONTROLLER_GATEWAY_H

#include "controller/config.h"
#include "controller/heap.h"
#include "controller/plan.h"
#include "controller/store.h"
#include "own/controller.h"

/* What the controller adds to a term before it believes that a lease is over:
 * drift of the clocks, and a margin.
 */
#define RN_LEASE_OVER(term)	((term) + (term) / 1000 + 5000)

struct rn_evacuation;
struct rn_session;

/*
 * What the records in a verification of a gateway are told about it, some in
 * each turn of the loop (tell.c).
 */
struct rn_tell {
	uint8_t type;			/* enum own_ctl_event_type, 0 none yet */
	char *by;			/* NULL: the gateway itself */
	uint64_t serial;		/* of this */
	GQueue asked;			/* records, by the serial up to which they know */
	GList link;			/* in the queue of those who still have to be told */
	bool linked;
};

/* What a session has named of what the gateway owns, see resync.h. */
struct rn_inventory {
	uint64_t serial;		/* grows with each; records have that of their last */
	GList *next;			/* in owned: still to be looked at, NULL when done */
};

struct rn_gateway {
	struct rn_store_gateway row;	/* durable */
	struct own_ctl_gw own;		/* what decisions see; rn_gateway_refresh */
	char *endpoint;			/* "" when not configured */
	bool enabled;
	uint64_t lease_ms;		/* in force; 0 without end */
	uint64_t lease_next_ms;		/* configured: in force from its next registration */
	int64_t renewed_at;		/* last renewal received, or controller start */
	bool over_told;			/* the records know that the lease is over */
	struct rn_heap_node lease;	/* due when the lease is over, then for reclaim */
	struct rn_plan plan;
	struct rn_session *session;	/* NULL while not connected */
	struct rn_evacuation *evacuation;	/* the last; NULL none */
	int64_t heard_at;		/* last message, -1 never since start */
	GQueue owned;			/* records it owns, see records.h */
	GQueue coming;			/* records on their way to it */
	uint32_t blocks, coming_blocks;	/* of them, blocks of ports */
	uint32_t revoking;		/* owned ones that wait to be taken over */
	uint32_t unacked;		/* owned ones whose grant was not acknowledged */
	struct rn_tell tell;
	struct rn_inventory inventory;
	bool held;			/* its REGISTERED waits, see restored.h */
	uint64_t held_nonce;
	int64_t refusals_since;		/* rate of audited refusals */
	unsigned int refusals;
};

struct rn_gateways {
	GPtrArray *by_number;		/* index: number; [0] is NULL */
	GHashTable *by_name;
	GHashTable *by_identity;	/* configured ones only */
	struct rn_heap leases;
};

struct rn_gateways *rn_gateways_new(void);
void rn_gateways_free(struct rn_gateways *gateways);
/* At start, first the rows of the store, then the configuration; every lease
 * counts as renewed `now` (P7). changed is called for rows to be saved.
 */
struct rn_gateway *rn_gateways_restore(struct rn_gateways *gateways,
				       const struct rn_store_gateway *row);
void rn_gateways_configure(struct rn_gateways *gateways, const GArray *config, int64_t now,
			   void (*changed)(struct rn_gateway *gw, void *data), void *data);

struct rn_gateway *rn_gateways_number(const struct rn_gateways *gateways, uint32_t number);
struct rn_gateway *rn_gateways_name(const struct rn_gateways *gateways, const char *name);
struct rn_gateway *rn_gateways_identity(const struct rn_gateways *gateways,
					const char *identity);
/* "controller" for 0, "?" for none */
const char *rn_gateways_to_name(const struct rn_gateways *gateways, uint32_t number);

/* Brings gw->own up to date; call before each decision. */
void rn_gateway_refresh(struct rn_gateway *gw, int64_t now);
/* The next incarnation, in use from now on; the caller saves gw->row. */
void rn_gateway_register(struct rn_gateways *gateways, struct rn_gateway *gw, int64_t now);
/* False when the lease lapsed: it has to register. */
bool rn_gateway_renew(struct rn_gateways *gateways, struct rn_gateway *gw, int64_t now);
/* Off, says an operator; the caller saves gw->row. */
void rn_gateway_fence(struct rn_gateways *gateways, struct rn_gateway *gw, int64_t now);
/* The next one that is due: its lease is over since now (over_told is false until
 * rn_gateway_over), or rn_gateway_again has come.
 */
struct rn_gateway *rn_gateways_next_over(struct rn_gateways *gateways, int64_t now);
/* Its lease is over, and told so. */
void rn_gateway_over(struct rn_gateway *gw, int64_t now);
/* It is due again at that time, unless it renews, registers or is fenced before. */
void rn_gateway_again(struct rn_gateways *gateways, struct rn_gateway *gw, int64_t due);
/* What it owns and what is coming. */
struct rn_plan_use rn_gateway_use(const struct rn_gateway *gw);
/* connected, silent, never, fenced, disabled */
const char *rn_gateway_state(const struct rn_gateway *gw);

#endif
