/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Orders of the orchestrator: MIGRATE and TAKEOVER (S8). An order watches the
 * records it concerns until each is decided, then answers.
 */
#ifndef RN_CONTROLLER_ORDER_H
#define RN_CONTROLLER_ORDER_H

#include "controller/job.h"

/* Answers call, now or later. */
void rn_order_migrate(struct rn_core *core, struct rn_control_call *call,
		      const RnRequest *request);
void rn_order_takeover(struct rn_core *core, struct rn_control_call *call,
		       const RnRequest *request);
/* Withdraws the orders for what the request selects. */
void rn_order_cancel(struct rn_core *core, struct rn_control_call *call,
		     const RnRequest *request);

#endif
