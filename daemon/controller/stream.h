/* SPDX-License-Identifier: GPL-2.0 */
/* Answers of many replies: the list of mappings, and the audit log. */
#ifndef RN_CONTROLLER_STREAM_H
#define RN_CONTROLLER_STREAM_H

#include "controller/job.h"

void rn_stream_mappings(struct rn_core *core, struct rn_control_call *call,
			const RnRequest *request);
/* Who had selector.public, and where: at the time in `reason` (RFC 3339 or
 * seconds since 1970), or all that is known.
 */
void rn_stream_audit(struct rn_core *core, struct rn_control_call *call,
		     const RnRequest *request);

#endif
