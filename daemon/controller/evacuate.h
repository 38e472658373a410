/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All mappings of a gateway go to others: orders like any other, so many at a time.
 * That it was begun is on disk; what is left to do is what the gateway owns. A
 * controller that restarts goes on with it.
 *
 *  RUNNING --nothing left--> DONE
 *     |  \---the rest does not move--> INCOMPLETE
 *     +--cancel--> CANCELLED
 */
#ifndef RN_CONTROLLER_EVACUATE_H
#define RN_CONTROLLER_EVACUATE_H

#include "controller/job.h"
#include "controller/spread.h"
#include "controller/watch.h"

enum rn_evacuation_state {
	RN_EVACUATION_RUNNING = 1,
	RN_EVACUATION_DONE,
	RN_EVACUATION_INCOMPLETE,
	RN_EVACUATION_CANCELLED,
};

/* Of a gateway, its last: also when it is over, to be asked about. */
struct rn_evacuation {
	struct rn_watch watch;
	struct rn_core *core;
	struct rn_gateway *gw;
	struct rn_store_evacuation row;	/* durable */
	struct rn_spread spread;
	GArray *ids;			/* of this pass */
	guint next;			/* of ids */
	guint in_flight;
	GHashTable *watched;		/* records in flight, and when they began */
	guint pace;			/* so many may be, now; at most row.in_flight */
	guint quick;			/* since it was changed */
	gint64 slowed;			/* ms, when it was halved; 0 never */
	GArray *codes;			/* uint8_t, why those of this pass stay */
	guint pass;
	guint source;			/* of the next turn */
	char *waits;			/* for what, NULL nothing */
	GPtrArray *jobs;		/* struct rn_job, which wait for the end */
};

const char *rn_evacuation_state_to_string(uint8_t state);
bool rn_evacuation_running(const struct rn_gateway *gw);
/* row is complete but for total, state and times. It is durable, with the drain,
 * before the first order.
 */
struct rn_evacuation *rn_evacuation_begin(struct rn_core *core, struct rn_gateway *gw,
					  const struct rn_store_evacuation *row);
/* What is in flight goes on, nothing is begun any more. */
void rn_evacuation_cancel(struct rn_evacuation *evacuation, const char *by);
/* Its end is told to job, which is freed then. */
void rn_evacuation_wait(struct rn_evacuation *evacuation, struct rn_job *job);
/* At the start: those that were loaded go on. */
void rn_evacuations_start(struct rn_core *core);
void rn_evacuations_restore(struct rn_core *core, const struct rn_store_evacuation *row);
void rn_evacuations_stop(struct rn_core *core);

/* ---- evacuate-order.c: requests of natctl ---- */

/* code: why it is incomplete. */
void rn_evacuation_answer(struct rn_core *core, const struct rn_store_evacuation *row,
			  uint8_t code, struct rn_job *job);

void rn_evacuate(struct rn_core *core, struct rn_control_call *call, const RnRequest *request);
void rn_evacuate_cancel(struct rn_core *core, struct rn_control_call *call,
			const RnRequest *request);
void rn_evacuate_list(struct rn_core *core, struct rn_control_call *call,
		      const RnRequest *request);

#endif
