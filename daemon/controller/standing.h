/* SPDX-License-Identifier: GPL-2.0 */
/* What an operator says of a gateway as a whole: it is off, it gets nothing new. */
#ifndef RN_CONTROLLER_STANDING_H
#define RN_CONTROLLER_STANDING_H

#include "controller/job.h"

/* GATEWAY_FENCE (P14): refused while the gateway is connected, for then it is not off. */
void rn_standing_fence(struct rn_core *core, struct rn_control_call *call,
		       const RnRequest *request);
/* GATEWAY_DRAIN */
void rn_standing_drain(struct rn_core *core, struct rn_control_call *call,
		       const RnRequest *request);
/* Drained or not from now on: durable, told, audited; nothing if it is so already.
 * reason may be "".
 */
void rn_standing_set_drained(struct rn_core *core, struct rn_gateway *gw, bool drained,
			     const char *by, const char *reason);
/* The gateway that the request names; NULL: call was refused. */
struct rn_gateway *rn_standing_gateway(struct rn_core *core, struct rn_control_call *call,
				       const RnRequest *request);

#endif
