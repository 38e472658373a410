/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Promises that outlive mappings: at or below its floor an id is never
 * translated here again in this incarnation. All under the mutex.
 *
 * A mapping that was granted in this incarnation and is not held is its own floor,
 * at its epoch. A million of them need no memory for that; only when one stops being
 * it, the promise becomes an entry of its own. A new incarnation makes no mapping a
 * floor, until it is granted again, and forgets the entries.
 *
 * max-floors bounds ids with a promise, of whichever kind. A grant counts, so what
 * becomes of its mapping never meets the bound.
 */
#ifndef _RNAT_FLOOR_H
#define _RNAT_FLOOR_H

#include <linux/types.h>

struct rnat_map;
struct rnat_net;

/* 0 if there is none. */
u64 rnat_floor_get(struct rnat_net *rn, u64 id);
/* May this id have a promise? One that has may have a higher one. */
bool rnat_floor_has_room(struct rnat_net *rn, u64 id);
/* Never lowers. -ENOMEM, or -ENOSPC at max-floors. */
int rnat_floor_raise(struct rnat_net *rn, u64 id, u64 epoch);
/* Before @map becomes granted, or is anew, at an epoch above its floor and in this
 * incarnation. There is room.
 */
void rnat_floor_enter(struct rnat_net *rn, const struct rnat_map *map);
/* Before @map is taken out or becomes held. Cannot fail; may wait for memory. */
void rnat_floor_leave(struct rnat_net *rn, const struct rnat_map *map);
/* A new incarnation: the promises of the old one bind nobody. They are freed later, for
 * a million take a quarter of a second and packets wait until their mappings are
 * granted again.
 */
void rnat_floor_flush(struct rnat_net *rn);

/* For a namespace that begins, and for one that no command comes to any more. */
void rnat_floor_start(struct rnat_net *rn);
void rnat_floor_stop(struct rnat_net *rn);

int rnat_floor_init(void);
void rnat_floor_uninit(void);

#endif
