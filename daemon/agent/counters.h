/* SPDX-License-Identifier: GPL-2.0 */
/* What the agent counts; `natctl stats` shows it with the sentences. */
#ifndef RN_AGENT_COUNTERS_H
#define RN_AGENT_COUNTERS_H

#include <stdint.h>

enum agent_counter {
	AGENT_MISSES,
	AGENT_MISSES_LOST,
	AGENT_IDLE_EVENTS,
	AGENT_DELETED_BY_OTHERS,
	AGENT_KERNEL_REQUESTS,
	AGENT_KERNEL_REFUSALS,
	AGENT_KERNEL_OVERRUNS,
	AGENT_KERNEL_STARTS,
	AGENT_SESSIONS,
	AGENT_SESSION_REFUSALS,
	AGENT_REGISTRATIONS,
	AGENT_LEASE_RENEWALS,
	AGENT_LEASE_LAPSES,
	AGENT_MESSAGES_SENT,
	AGENT_MESSAGES_UNSENT,
	AGENT_MESSAGES_TAKEN,
	AGENT_MESSAGES_UNKNOWN,
	AGENT_MESSAGES_FORBIDDEN,
	AGENT_PEERS_REFUSED,
	AGENT_TRANSFERS_NOT_INSIDE,
	AGENT_ENTRIES_FULL,
	AGENT_GRANTED,
	AGENT_HELD,
	AGENT_FROZEN,
	AGENT_GONE,
	AGENT_REFUSED,
	AGENT_ALARMS,
	AGENT_IGNORED,
	AGENT_MONITOR_LOST,
	AGENT_BINDINGS_LEFT_OUT,
	AGENT_COUNTERS_MAX = AGENT_BINDINGS_LEFT_OUT,
};

void agent_counters_add(enum agent_counter counter, uint64_t n);
uint64_t agent_counters_get(enum agent_counter counter);
const char *agent_counters_name(enum agent_counter counter);
const char *agent_counters_sentence(enum agent_counter counter);

#endif
