/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How often a stranger may cause an upcall. One bucket for each inside
 * interface (in inside.h, so that none can push out another's) and a bounded
 * table of buckets for private addresses.
 */
#ifndef _RNAT_LIMIT_H
#define _RNAT_LIMIT_H

#include <linux/types.h>

struct rnat_key;
struct rnat_net;

/* A token bucket as the time at which it will be full again (GCRA). */
struct rnat_bucket {
	u64 full_at;
};

struct rnat_limit {
	struct rnat_source *sources;	/* fixed size; under upcall.lock */
};

/* Takes a token, or returns false. The caller serializes. */
bool rnat_limit_take(struct rnat_bucket *bucket, u64 now, u32 rate, u32 burst);
/* The same for the private address in @key. Under upcall.lock. */
bool rnat_limit_take_source(struct rnat_net *rn, const struct rnat_key *key,
			    u64 now);

/* Allocates the table when the first prefix is configured. Under the mutex. */
int rnat_limit_prepare(struct rnat_net *rn);
void rnat_limit_uninit(struct rnat_net *rn);

#endif
