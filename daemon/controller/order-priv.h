/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the order*.c files share; nobody else includes it. order.c begins an order
 * and ends it, order-judge.c decides what became of each mapping, order-answer.c
 * tells natctl.
 */
#ifndef RN_CONTROLLER_ORDER_PRIV_H
#define RN_CONTROLLER_ORDER_PRIV_H

#include "controller/order.h"
#include "controller/watch.h"

#define RN_ORDER_TAKEOVER	ROAMNAT__CONTROL__V1__REQUEST__VERB__TAKEOVER

/* Of a mapping that did not move. */
struct rn_verdict {
	uint64_t id;
	uint8_t code;
};

struct rn_order {
	struct rn_job job;
	struct rn_watch watch;
	uint8_t verb;
	uint8_t cause;
	bool force, fenced, wait, wait_lease;
	bool until_ready;	/* done is when the destination holds it */
	struct rn_gateway *to;
	char *by, *reason;
	GArray *ids;
	guint begun;		/* of ids */
	guint waiting, done, already;
	GArray *failed;		/* struct rn_verdict */
	guint told;		/* of failed */
	char *text;		/* of the first failure */
	guint idle, timeout, fence;
	GPtrArray *to_fence;	/* gateways that proved silent */
	gboolean answered;	/* the answer waits for the disk */
	gboolean answering;	/* and is being sent */
};

/* ---- order.c ---- */

void rn_order_free(struct rn_order *order);
/* Waits for none of its records any more. */
void rn_order_watch_none(struct rn_order *order);
/* The order says who wants what happens to the record now, for the audit. */
void rn_order_sign(struct rn_record *record, const char *by, const char *reason);
/* The records that a request names, at least one; NULL: call was refused. */
GArray *rn_order_select(struct rn_core *core, struct rn_control_call *call,
			const RnRequest *request);
/* A gateway that can take mappings; NULL: call was refused. */
struct rn_gateway *rn_order_destination(struct rn_core *core, struct rn_control_call *call,
					const char *name);

/* ---- order-judge.c ---- */

/* True while the record is undecided; else it is counted in the order. */
bool rn_order_judge(struct rn_order *order, struct rn_record *record);
void rn_order_fail(struct rn_order *order, const struct rn_record *record, uint8_t code,
		   const char *format, ...) G_GNUC_PRINTF(4, 5);
/* Answers if nothing is left to wait for. */
void rn_order_check_end(struct rn_order *order);

/* ---- order-answer.c ---- */

/* Once; when everything that the order changed is on disk. It frees the order. */
void rn_order_answer(struct rn_order *order);

#endif
