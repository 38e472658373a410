/* SPDX-License-Identifier: GPL-2.0 */
/* What benchmarks of the controller share: its store, its keys, its process. */
#ifndef BENCH_RIG_H
#define BENCH_RIG_H

#include <glib.h>
#include <sys/types.h>
#include "net/tls.h"

#define RIG_DOMAIN	"spiffe://roamnat.example/"

/* A store in which gw1 … own so many mappings in all, in turns, with ids from 1. */
void rig_fill_store(const char *path, gint mappings, gint gateways);
void rig_forget_store(const char *path);
/* By tests/net/pki.sh, in the directory pki. */
struct rn_tls *rig_keys(const char *pki, const char *name);
guint rig_free_port(struct rn_tls *tls);
/* Its log is in dir; it dies with this process. */
pid_t rig_start_controller(const char *program, const char *dir, const char *config);
/* Bytes of the connection of this process whose peer has that port. */
void rig_bytes(guint port, guint64 *sent, guint64 *received);
guint64 rig_peak_rss(pid_t pid);	/* bytes */
guint64 rig_rss(pid_t pid);		/* now */

struct rig_spread {
	double p50, p99, max;	/* ms */
};

/* Of gint64 µs, which it sorts. */
struct rig_spread rig_spread(GArray *times);
/* RIG_LOG=1: everything. */
GLogWriterOutput rig_only_errors(GLogLevelFlags level, const GLogField *fields, gsize n,
				 gpointer data);

#endif
