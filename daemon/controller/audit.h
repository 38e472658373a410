/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The audit log as a whole: what time its events have, and how long they are
 * kept. What an event says is output.c's. Main loop only.
 */
#ifndef RN_CONTROLLER_AUDIT_H
#define RN_CONTROLLER_AUDIT_H

#include "controller/core.h"

/* Once, when the store is loaded and the store's thread runs. */
void rn_audit_start(struct rn_core *core);
/* ns of the realtime clock, never before that of the last event; when the clock
 * was set, an event says so first.
 */
int64_t rn_audit_time(struct rn_core *core);
/* Writes the event, in a unit of its own. */
void rn_audit_put(struct rn_core *core, const struct rn_store_audit *event);
/* A row of this time was put. */
void rn_audit_kept(struct rn_core *core, int64_t time_ns);

/* When rn_audit_prune wants to be called, ms of the boot-time clock. */
int64_t rn_audit_wake(const struct rn_core *core);
void rn_audit_prune(struct rn_core *core);
/* core->durable went on. */
void rn_audit_durable(struct rn_core *core);

#endif
