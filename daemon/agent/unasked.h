/* SPDX-License-Identifier: GPL-2.0 */
/*
 * When neighbours are told without having asked: a few times after an address came,
 * because some take no news within a second of the last (Linux: locktime). Pure.
 */
#ifndef RN_AGENT_UNASKED_H
#define RN_AGENT_UNASKED_H

#include <glib.h>
#include "agent/config.h"

struct agent_unasked_item {	/* one address; all zero: not in a queue */
	GList link;
	int64_t begun, due;
	guint group;		/* config */
	guint step;		/* of its times */
	struct rn_addr addr;
};

struct agent_unasked;

struct agent_unasked *agent_unasked_new(const GPtrArray *configs);
void agent_unasked_free(struct agent_unasked *unasked);

/* Begins, or begins again, with the first of its times. */
void agent_unasked_start(struct agent_unasked *unasked, struct agent_unasked_item *item,
			 int64_t now);
void agent_unasked_stop(struct agent_unasked *unasked, struct agent_unasked_item *item);

/* INT64_MAX: nobody. */
int64_t agent_unasked_due(const struct agent_unasked *unasked);
/* One that is due and has not been told; NULL if there is none. Its next time is set. */
const struct agent_unasked_item *agent_unasked_next(struct agent_unasked *unasked, int64_t now);

#endif
