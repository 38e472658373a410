/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Promises that outlive mappings: at or below its floor an id is never
 * translated here again in this incarnation. All under the mutex.
 */
#ifndef _RNAT_FLOOR_H
#define _RNAT_FLOOR_H

#include <linux/types.h>

struct rnat_net;

/* 0 if there is none. */
u64 rnat_floor_get(const struct rnat_net *rn, u64 id);
/* Never lowers. -ENOMEM, or -ENOSPC at max-floors. */
int rnat_floor_raise(struct rnat_net *rn, u64 id, u64 epoch);
/* Forgets a floor of 0, which was raised only to have the memory for another. */
void rnat_floor_unreserve(struct rnat_net *rn, u64 id);
/* A new incarnation: the promises of the old one bind nobody. */
void rnat_floor_flush(struct rnat_net *rn);

int rnat_floor_init(void);
void rnat_floor_uninit(void);

#endif
