/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a gateway and the controller think it owns is made the same, after
 * every connection: the gateway names what it holds (INVENTORY), what is not so
 * is answered at once, and what it did not name is granted again.
 *
 * Nothing here grows with the number of mappings. The gateway's queue of records
 * is walked some at a time; what is granted again is bounded by how much of it
 * the gateway has not acknowledged, by its connection, and by the disk. One of
 * each is enough to go on with.
 */
#ifndef RN_CONTROLLER_RESYNC_H
#define RN_CONTROLLER_RESYNC_H

#include "controller/core.h"

#define RN_RESYNC_WINDOW	1024	/* grants that are not acknowledged */
#define RN_RESYNC_LOOK		1024	/* records looked at in one turn of the loop */
#define RN_RESYNC_STALL_MS	1000	/* nothing is acknowledged: some more go anyway */

struct rn_resync {		/* of a session */
	struct rn_core *core;
	struct rn_gateway *gw;
	gboolean fresh;		/* registered here: nothing it names counts */
	gboolean going;		/* from INVENTORY_END to INVENTORY_DONE */
	uint64_t end_nonce;	/* of the INVENTORY_END */
	guint source;		/* the next turn */
	guint stall;		/* while the window is full */
	uint32_t stalled;	/* not acknowledged when that began */
};

/* A new inventory is to come: of a connection, or (fresh) of a registration. */
void rn_resync_begin(struct rn_resync *resync, struct rn_core *core, struct rn_gateway *gw,
		     gboolean fresh);
/* INVENTORY and INVENTORY_END, of the current incarnation. */
void rn_resync_named(struct rn_resync *resync, const struct rn_msg *msg);
void rn_resync_end(struct rn_resync *resync, const struct rn_msg *msg);
/* Something it may have waited for happened: a grant was acknowledged, the
 * connection has room, the disk is no longer behind.
 */
void rn_resync_go_on(struct rn_resync *resync);
void rn_resync_stop(struct rn_resync *resync);

#endif
