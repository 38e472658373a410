/* SPDX-License-Identifier: GPL-2.0 */
/* The gateway of bench-resync that has many mappings, in a process of its own. */
#ifndef BENCH_RESYNC_AGENT_H
#define BENCH_RESYNC_AGENT_H

#include <glib.h>
#include "net/tls.h"

enum resync_verb {
	RESYNC_FRESH = 'f',	/* an empty kernel: register, everything is granted */
	RESYNC_AGAIN = 'r',	/* the connection is lost, the kernel goes on */
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
 * after each; returns at its end. request_us: what one request to a kernel costs.
 */
void resync_agent(struct rn_tls *tls, const char *endpoint, const char *identity,
		  guint64 mappings, guint request_us, int commands, int reports);

/* Bytes of the connection of this process whose peer has that port. */
void resync_bytes(guint port, guint64 *sent, guint64 *received);

#endif
