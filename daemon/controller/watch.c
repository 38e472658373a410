// SPDX-License-Identifier: GPL-2.0
#include "controller/watch.h"

void rn_watch_begin(struct rn_watch *watch, struct rn_record *record)
{
	record->watches = g_slist_prepend(record->watches, watch);
}

void rn_watch_end(struct rn_watch *watch, struct rn_record *record)
{
	record->watches = g_slist_remove(record->watches, watch);
}

bool rn_watch_watches(const struct rn_watch *watch, const struct rn_record *record)
{
	return g_slist_find(record->watches, watch);
}

void rn_watch_changed(struct rn_record *record)
{
	g_autoptr(GSList) watches = g_slist_copy(record->watches);

	for (GSList *l = watches; l; l = l->next) {
		struct rn_watch *watch = l->data;

		/* One before this one may have ended by this one's step. */
		if (rn_watch_watches(watch, record))
			watch->changed(watch, record);
	}
}
