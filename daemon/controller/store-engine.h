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
			 struct rn_store_state *state, GError **error);
	/* Writer thread; each false ends the process. */
	gboolean (*begin)(void *db, GError **error);
	gboolean (*mapping)(void *db, const struct rn_store_mapping *row, GError **error);
	gboolean (*gateway)(void *db, const struct rn_store_gateway *row, GError **error);
	gboolean (*evacuation)(void *db, const struct rn_store_evacuation *row, GError **error);
	gboolean (*audit)(void *db, const struct rn_store_audit *row, GError **error);
	gboolean (*value)(void *db, const struct rn_store_value *value, GError **error);
	/* *n rows were forgotten, *telling of them told of more than prunings */
	gboolean (*prune)(void *db, const struct rn_store_prune *prune, unsigned int *n,
			  unsigned int *telling, GError **error);
	gboolean (*oldest)(void *db, int64_t *oldest_ns, GError **error);
	gboolean (*commit)(void *db, GError **error);
	/* After a commit was told: what the engine does beside decisions. */
	gboolean (*tidy)(void *db, GError **error);
	/* A reader thread, beside the writer. False with an error. */
	gboolean (*query)(void *db, const struct rn_store_query *query,
			  struct rn_store_page *page, GArray *rows, GError **error);
	/* Another thread. Ends early, with an error, when *stop becomes non-zero. */
	gboolean (*backup)(void *db, const char *file, const int *stop, uint64_t *bytes,
			   GError **error);
	/* failed: a commit failed, so nothing more is written. */
	void (*close)(void *db, gboolean failed);

	gboolean (*check)(const char *location, rn_store_report_func report, void *data,
			  GError **error);
	gboolean (*restore)(const char *location, const char *const *off, const char *by,
			    GError **error);
};

extern const struct rn_store_engine rn_store_sqlite;

#endif
