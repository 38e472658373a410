// SPDX-License-Identifier: GPL-2.0
#include "agent/counters.h"

#include <glib.h>

/* One thread counts, so plain numbers do. */
static uint64_t values[AGENT_COUNTERS_MAX + 1];

static const struct {
	const char *name;
	const char *sentence;
} texts[AGENT_COUNTERS_MAX + 1] = {
	[AGENT_MISSES] = { "misses",
		"Private sides that the kernel asked a mapping for, repetitions included." },
	[AGENT_MISSES_LOST] = { "misses-lost",
		"Misses that did not fit into our socket; the kernel repeats them." },
	[AGENT_IDLE_EVENTS] = { "idle-events",
		"Mappings that the kernel reported as idle, repetitions included." },
	[AGENT_DELETED_BY_OTHERS] = { "deleted-by-others",
		"Mappings that somebody else took out of the kernel's table." },
	[AGENT_KERNEL_REQUESTS] = { "kernel-requests",
		"Requests to the kernel module." },
	[AGENT_KERNEL_REFUSALS] = { "kernel-refusals",
		"Requests that the kernel module refused; the log has its sentences." },
	[AGENT_KERNEL_OVERRUNS] = { "kernel-overruns",
		"Times that notifications were lost and the kernel's table was read again." },
	[AGENT_KERNEL_STARTS] = { "kernel-starts",
		"Times that this agent registered with a kernel module." },
	[AGENT_SESSIONS] = { "sessions",
		"Sessions with the controller that came up." },
	[AGENT_SESSION_REFUSALS] = { "session-refusals",
		"Times that the controller refused this gateway; see natctl status." },
	[AGENT_REGISTRATIONS] = { "registrations",
		"New incarnations of this gateway; each suspends all mappings for a moment." },
	[AGENT_LEASE_RENEWALS] = { "lease-renewals",
		"Renewals of this gateway's lease." },
	[AGENT_LEASE_LAPSES] = { "lease-lapses",
		"Times that the lease ran out and translation stopped." },
	[AGENT_MESSAGES_SENT] = { "messages-sent",
		"Messages about mappings to the controller and to other gateways." },
	[AGENT_MESSAGES_UNSENT] = { "messages-unsent",
		"Messages that had no connection or no room; they are sent again later." },
	[AGENT_MESSAGES_TAKEN] = { "messages-taken",
		"Messages about mappings from the controller and from other gateways." },
	[AGENT_MESSAGES_UNKNOWN] = { "messages-unknown",
		"Messages about a mapping that is not here; nothing was changed." },
	[AGENT_MESSAGES_FORBIDDEN] = { "messages-forbidden",
		"Messages that their sender may not send; the connection was closed." },
	[AGENT_PEERS_REFUSED] = { "peers-refused",
		"Connections of gateways that the controller has not named." },
	[AGENT_TRANSFERS_NOT_INSIDE] = { "transfers-not-inside",
		"Transfers of addresses that are in no inside prefix of this gateway." },
	[AGENT_ENTRIES_FULL] = { "entries-full",
		"Events dropped because max-mappings plus max-misses entries exist." },
	[AGENT_GRANTED] = { "granted",
		"Grants that went into force here." },
	[AGENT_HELD] = { "held",
		"Transfers from other gateways that were taken in." },
	[AGENT_FROZEN] = { "frozen",
		"Mappings that were stopped, to be moved or released." },
	[AGENT_GONE] = { "gone",
		"Mappings that ended here." },
	[AGENT_REFUSED] = { "refused",
		"Requests of this gateway that were refused, and refusals by it." },
	[AGENT_ALARMS] = { "alarms",
		"Messages that nobody honest would have sent." },
	[AGENT_IGNORED] = { "ignored",
		"Messages of another incarnation, of an epoch that is over, or repeated." },
	[AGENT_MONITOR_LOST] = { "monitor-lost",
		"Events that a natctl monitor was too slow to take." },
	[AGENT_BINDINGS_LEFT_OUT] = { "bindings-left-out",
		"Bindings that did not move with their block; the log says why." },
	[AGENT_ROUTES_ANNOUNCED] = { "routes-announced",
		"Routes of public addresses that were added." },
	[AGENT_ROUTES_WITHDRAWN] = { "routes-withdrawn",
		"Routes of public addresses that were deleted, their mappings being over." },
	[AGENT_ROUTES_REPAIRED] = { "routes-repaired",
		"Routes and answers that somebody else deleted; they were added again." },
	[AGENT_ROUTES_FAILED] = { "routes-failed",
		"Requests about routes and answers that the kernel refused; tried again." },
	[AGENT_ROUTES_STALE] = { "routes-stale",
		"Routes and answers of an earlier agent or configuration that were deleted." },
	[AGENT_ROUTE_OVERRUNS] = { "route-overruns",
		"Times that news of routes were lost and the kernel's were compared with ours." },
	[AGENT_NEIGHBOURS_ANSWERED] = { "neighbours-answered",
		"Public addresses for which the kernel was told to answer ARP or ND." },
	[AGENT_NEIGHBOURS_LEFT] = { "neighbours-left",
		"Public addresses for which it does not answer any more." },
	[AGENT_NEIGHBOURS_TOLD] = { "neighbours-told",
		"Gratuitous ARP and unsolicited neighbour advertisements sent." },
	[AGENT_NEIGHBOURS_UNTOLD] = { "neighbours-untold",
		"Those that could not be sent: the uplink was down or its queue full." },
	[AGENT_ARRIVALS] = { "arrivals",
		"Gratuitous ARPs of VMs that counted as a first packet (hear-arp=yes)." },
	[AGENT_ARRIVALS_LIMITED] = { "arrivals-limited",
		"Those that did not, because there were more than 100 in a second." },
};

void agent_counters_add(enum agent_counter counter, uint64_t n)
{
	g_return_if_fail(counter <= AGENT_COUNTERS_MAX);
	values[counter] += n;
}

uint64_t agent_counters_get(enum agent_counter counter)
{
	return values[counter];
}

const char *agent_counters_name(enum agent_counter counter)
{
	return texts[counter].name;
}

const char *agent_counters_sentence(enum agent_counter counter)
{
	return texts[counter].sentence;
}
