/* SPDX-License-Identifier: GPL-2.0 */
/* A gateway of bench-resync and bench-evacuate, in a process of its own. */
#ifndef BENCH_RESYNC_AGENT_H
#define BENCH_RESYNC_AGENT_H

#include <glib.h>
#include "net/tls.h"

enum resync_verb {
	RESYNC_FRESH = 'f',	/* an empty kernel: register, everything is granted */
	RESYNC_AGAIN = 'r',	/* the connection is lost, the kernel goes on */
	RESYNC_BEGIN = 'b',	/* what is measured begins now: no report yet */
	RESYNC_TELL = 't',	/* a report now */
};

struct resync_report {		/* when the session is up again */
	double seconds;
	guint64 sent, received;	/* bytes of TCP payload of the connection */
	guint64 rss, kernel;	/* bytes: of the process, and of the kernel it plays */
	guint64 requests;	/* to that kernel */
	guint64 mappings;	/* that it translates for */
	guint64 longest_us;	/* turn of the agent's loop, its CPU time */
};

/* Does what `commands` says, byte by byte, and writes a report to `reports`
 * after each; returns at its end. listen: where its peers find it. request_us: what one
 * request to a kernel costs.
 */
void resync_agent(struct rn_tls *tls, const char *name, const char *listen,
		  const char *endpoint, const char *identity, guint64 mappings,
		  guint request_us, int commands, int reports);

#endif
