/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How many mappings (or blocks) a VM and a zone may have, and who is told before
 * they, or a pool, have no more (RFC 6888, REQ-4 and REQ-11).
 */
#ifndef RN_CONTROLLER_LIMIT_H
#define RN_CONTROLLER_LIMIT_H

#include "controller/pool.h"

#define RN_LIMIT_THRESHOLD	80	/* percent; the default */

struct rn_core;
struct rn_limits;

struct rn_limits *rn_limits_new(void);
void rn_limits_free(struct rn_limits *limits);
/* 0: no limit. threshold: percent at which an event is told, 0 never. */
void rn_limits_configure(struct rn_limits *limits, uint32_t per_vm, uint32_t per_zone,
			 unsigned int threshold);
/* Another limit for one zone; 0 none. */
void rn_limits_zone(struct rn_limits *limits, uint32_t zone, uint32_t mappings);

/* vm begins (1) or ends (-1) to own a mapping. */
void rn_limits_count(struct rn_limits *limits, const struct rn_private *vm, int change);
/* A sentence, valid until the next call, if vm may have no more; NULL if it may. */
const char *rn_limits_refuse(struct rn_limits *limits, const struct rn_private *vm);
/* Each threshold that the last change has crossed upwards, once until the number
 * fell a tenth below it. pool may be NULL.
 */
void rn_limits_crossed(struct rn_limits *limits, const struct rn_private *vm,
		       const struct rn_pool *pool,
		       void (*tell)(const char *text, void *data), void *data);

#endif
