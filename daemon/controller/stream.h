/* SPDX-License-Identifier: GPL-2.0 */
/* Answers that take their time: the list of mappings, the audit log, a backup. */
#ifndef RN_CONTROLLER_STREAM_H
#define RN_CONTROLLER_STREAM_H

#include "controller/job.h"

void rn_stream_mappings(struct rn_core *core, struct rn_control_call *call,
			const RnRequest *request);
/* Who had selector.public (or what the VM selector.private had, or what became of
 * selector.gateway), and where: at at_ns, or all that is known between since_ns
 * and until_ns.
 */
void rn_stream_audit(struct rn_core *core, struct rn_control_call *call,
		     const RnRequest *request);
/* A copy of the store to request->file. */
void rn_stream_backup(struct rn_core *core, struct rn_control_call *call,
		      const RnRequest *request);

#endif
