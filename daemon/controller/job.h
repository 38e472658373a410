/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A request on the control socket that takes longer than its own turn of the
 * main loop: the first member of what it needs, kept as the call's user.
 */
#ifndef RN_CONTROLLER_JOB_H
#define RN_CONTROLLER_JOB_H

#include "controller/core.h"
#include "net/control.h"

struct rn_job {
	struct rn_core *core;
	struct rn_control_call *call;
	/* The client went away: free everything, the call is gone on return. */
	void (*cancel)(struct rn_job *job);
	/* It reads again after a reply was refused; may be NULL. */
	void (*drained)(struct rn_job *job);
};

#endif
