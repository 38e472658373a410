/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the controller counts, each with the sentence that `natctl stats
 * --explain` prints. Main loop only.
 */
#ifndef RN_CONTROLLER_COUNTERS_H
#define RN_CONTROLLER_COUNTERS_H

#include <stdint.h>
#include "proto/msg.h"

#define RN_COUNTERS(X) \
	X(messages, "messages taken from gateways") \
	X(messages_bad, "messages that are malformed, or that no gateway sends in that state") \
	X(requests, "requests of gateways for a mapping (NATREQ)") \
	X(grants_first, "endpoints given to a VM") \
	X(moved, "mappings whose owner changed after the other gateway had confirmed it") \
	X(returned, "mappings that went back to their source at a new epoch") \
	X(taken_over, "mappings taken over from a fenced gateway") \
	X(released, "mappings released by their owner") \
	X(reclaimed, "mappings taken back because their owner's lease is over for too long") \
	X(refused, "requests refused; stats names each reason as refused_*") \
	X(alarms, \
	  "refusals of what no honest gateway asks, such as a release by another than the owner") \
	X(ignored, "messages without effect: repeated, or about a question that is settled") \
	X(refusals_unaudited, \
	  "refusals counted but not written to the audit log, " \
	  "because one gateway caused too many") \
	X(prunings, "transactions in which old rows left the audit log") \
	X(registrations, "incarnations given to gateways") \
	X(renewals, "leases renewed") \
	X(renewals_refused, "leases not renewed") \
	X(leases_over, "leases that ended without renewal") \
	X(fenced, "gateways that an operator declared off") \
	X(overloads, "gateways that reached their overload threshold") \
	X(limits, "times that a VM, a zone or a pool reached the threshold of its limit") \
	X(sessions_up, "connections of gateways accepted after HELLO") \
	X(sessions_refused, \
	  "connections refused: their certificate, or at HELLO identity, name, mode or version") \
	X(sessions_lost, "connections of gateways that ended") \
	X(sessions_slow, "connections closed because the gateway did not read its messages") \
	X(sessions_paused, \
	  "times that a gateway was not read for a while, because it did not read " \
	  "or because the disk was behind") \
	X(postponed, \
	  "messages not said again yet, because the gateway has enough to read " \
	  "or the disk is behind") \
	X(resynced, "mappings granted again after a connection or a registration") \
	X(resync_stalls, \
	  "times that this went on though nothing had been acknowledged for a second") \
	X(messages_unsent, "messages for a gateway that was not connected; they are sent again") \
	X(orders, "migrations and takeovers ordered on the control socket") \
	X(orders_failed, "mappings that were ordered to a gateway and did not come there") \
	X(ready, "times that the destination of an order told that it holds the mapping") \
	X(evacuations, "gateways whose evacuation was begun") \
	X(events_lost, "events that a natctl monitor was too slow to take")

enum rn_counter {
#define X(name, sentence) RN_COUNTER_##name,
	RN_COUNTERS(X)
#undef X
	RN_COUNTER_N,
};

struct rn_counters {
	uint64_t value[RN_COUNTER_N];
	uint64_t refused[RN_CODE_MAX + 1];	/* by reason */
};

#define rn_count(counters, name) ((counters)->value[RN_COUNTER_##name]++)

void rn_counters_refused(struct rn_counters *counters, uint8_t code);
/* Calls each with all of them; text lives as long as the call. */
void rn_counters_foreach(const struct rn_counters *counters,
			 void (*each)(const char *name, uint64_t value, const char *sentence,
				      void *data), void *data);

#endif
