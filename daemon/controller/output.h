/* SPDX-License-Identifier: GPL-2.0 */
/* The output queue of core.c, and how notes become events; see core.h. */
#ifndef RN_CONTROLLER_OUTPUT_H
#define RN_CONTROLLER_OUTPUT_H

#include "controller/core.h"

void rn_output_message(struct rn_core *core, uint32_t to, const struct rn_msg *msg);
void rn_output_event(struct rn_core *core, const struct rn_store_audit *event);
void rn_output_call(struct rn_core *core, void (*func)(void *data), void *data);
/* Lets everything out that waits for nothing any more. */
void rn_output_release(struct rn_core *core);
/* Drops what waits: the process ends. */
void rn_output_clear(struct rn_core *core);

/*
 * Counts, logs and numbers the event of a note; epoch is the record's before the
 * step. True when it is to be audited;
 * event->rev is 0 when nobody is to be told either.
 */
bool rn_output_take(struct rn_core *core, const struct own_act *act,
		    const struct rn_record *record, uint64_t epoch,
		    const struct rn_cause_of *cause, struct rn_store_audit *event);
/* An order to move the mapping to that gateway is over, and it is not there. */
void rn_output_order_over(struct rn_core *core, const struct rn_record *record, uint32_t to);
/* May another refusal of gw (NULL: of nobody) be written down? */
bool rn_output_allowed(struct rn_core *core, struct rn_gateway *gw);
/* One line in the log, with the names of those who had to do with it. */
void rn_output_log(const struct rn_core *core, const struct rn_store_audit *event, uint8_t note);

#endif
