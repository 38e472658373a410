/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Idle timers. Callers say "this mapping is active now" and "it is not any
 * more"; only this file knows deadlines. Packets write last_used and know
 * nothing of this file. Each namespace has a wheel (wheel.h) of its active
 * mappings; one is reported at most two ticks late.
 */
#ifndef _RNAT_IDLE_H
#define _RNAT_IDLE_H

#include <linux/types.h>

struct rnat_map;
struct rnat_net;

/* The mapping is active, its last_used and preset are set. Also when it was
 * started before and these have changed. Under the mutex.
 */
void rnat_idle_start(struct rnat_net *rn, struct rnat_map *map);
/* Of a mapping that has moved: until it is forgotten. Under the mutex. */
void rnat_idle_start_moved(struct rnat_net *rn, struct rnat_map *map);
/* Is that time over? */
bool rnat_idle_is_over(const struct rnat_map *map);
/* It is active or moved no more. After this the wheel does not know it. */
void rnat_idle_stop(struct rnat_net *rn, struct rnat_map *map);

/* The first tick at which the mapping is idle if no packet comes; 0: it is. */
u64 rnat_idle_tick(const struct rnat_map *map, u64 now);

void rnat_idle_init(struct rnat_net *rn);
void rnat_idle_uninit(struct rnat_net *rn);

#endif
