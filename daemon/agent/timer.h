/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The clock of the agent and its alarms: boot-time clock, as leases and the
 * ownership machine count, so that a suspended host wakes up late by nothing.
 */
#ifndef RN_AGENT_TIMER_H
#define RN_AGENT_TIMER_H

#include <stdint.h>

struct agent_timer;

int64_t agent_timer_now(void);		/* ms */
uint64_t agent_timer_now_ns(void);

struct agent_timer *agent_timer_new(void (*expired)(void *data), void *data);
/* Calls expired once, at or after the time `at` in ms; INT64_MAX: never. */
void agent_timer_set(struct agent_timer *timer, int64_t at);
void agent_timer_free(struct agent_timer *timer);

#endif
