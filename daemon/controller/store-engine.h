/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between store.c and an engine; nobody else includes this. store.c owns the
 * queue, the writer thread and the callbacks; an engine only knows rows.
 */
#ifndef RN_CONTROLLER_STORE_ENGINE_H
#define RN_CONTROLLER_STORE_ENGINE_H

#include "controller/store.h"

struct rn_store_engine {
	const char *name;
	/* Main thread, before the writer starts. */
	void *(*open)(const char *location, GError **error);
	gboolean (*load)(void *db, const struct rn_store_visitor *visitor, void *data,
			 uint64_t *last_rev, GError **error);
	/* Writer thread; each false ends the process. */
	gboolean (*begin)(void *db, GError **error);
	gboolean (*mapping)(void *db, const struct rn_store_mapping *row, GError **error);
	gboolean (*gateway)(void *db, const struct rn_store_gateway *row, GError **error);
	gboolean (*audit)(void *db, const struct rn_store_audit *row, GError **error);
	gboolean (*commit)(void *db, GError **error);
	/* A reader thread, beside the writer. NULL with an error. */
	GArray *(*query)(void *db, const struct rn_store_query *query, GError **error);
	void (*close)(void *db);
};

extern const struct rn_store_engine rn_store_sqlite;

#endif
