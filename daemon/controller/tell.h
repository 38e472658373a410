/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A gateway registered, was fenced, or its lease is over: each of its records
 * that is in a verification has to be told. There may be as many as it has
 * mappings, so that takes several turns of the loop, gateways taking turns. No
 * record can tell the difference: before it gets any other event, it is told
 * what it has missed. Other records of the gateway do not care.
 */
#ifndef RN_CONTROLLER_TELL_H
#define RN_CONTROLLER_TELL_H

#include "controller/core.h"

/* Before the gateway's state changes again: its records are told all that was, in
 * one turn. Fenced and back, or registered twice, within a few turns is rare.
 */
void rn_tell_finish(struct rn_core *core, struct rn_gateway *gw);
/* type: OWN_CTL_EV_REGISTERED or _FENCED. by: who fenced, NULL the gateway itself. */
void rn_tell_records(struct rn_core *core, struct rn_gateway *gw, uint8_t type, const char *by);
/* This record now, if it has not been told. rn_core_step begins with it; call it
 * before you look at a record in order to decide something.
 */
void rn_tell_catch_up(struct rn_core *core, struct rn_record *record);
void rn_tell_stop(struct rn_core *core);

#endif
