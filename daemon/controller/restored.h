/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A controller whose store was restored from a backup does not know what was
 * granted since the backup. Whatever gateways have of that time ends with their
 * next registration (P5), which every one is made to ask for, because their
 * incarnations were raised beyond all that ever were. Until each has asked, or
 * is certainly off, no REGISTERED is answered, so nobody translates anything new
 * while somebody may still translate something unknown (I1). After that, for the
 * time of one quarantine, addresses go only to the VM that had them last (P15).
 */
#ifndef RN_CONTROLLER_RESTORED_H
#define RN_CONTROLLER_RESTORED_H

#include "controller/core.h"

/* Once, after the gateways were configured. */
void rn_restored_start(struct rn_core *core);
/* gw registered, was fenced, or its lease is over; its row is saved by the caller
 * after this.
 */
void rn_restored_heard(struct rn_core *core, struct rn_gateway *gw);
/* REGISTERED to gw, now or when everybody was heard. */
void rn_restored_answer(struct rn_core *core, struct rn_gateway *gw, uint64_t nonce);
/* After a change that rn_restored_heard told of was saved: lets the answers go if
 * it was the last one.
 */
void rn_restored_check(struct rn_core *core);
/* May another VM than the last one get an endpoint? */
bool rn_restored_may_allocate(const struct rn_core *core);
/* When rn_restored_end wants to be called, ms of the boot-time clock. */
int64_t rn_restored_wake(const struct rn_core *core);
void rn_restored_end(struct rn_core *core);
/* A sentence for `natctl status`, NULL when there is nothing to wait for. */
char *rn_restored_text(const struct rn_core *core);

#endif
