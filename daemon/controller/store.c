// SPDX-License-Identifier: GPL-2.0
/*
 * The writer thread and its group commit: whatever has been queued while the
 * last commit was on its way to the disk goes into the next one. One reader
 * thread answers audit queries and one makes backups, so that neither delays a
 * decision.
 */
#include <errno.h>
#include <glib-unix.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/failpoint.h"
#include "controller/store-engine.h"

#define GROUP_MAX	1000	/* units of one commit */

struct unit {
	GList link;		/* in the queue */
	bool has_mapping, has_gateway;
	struct rn_store_mapping mapping;
	struct rn_store_gateway *gateway;	/* rare, so not in place */
	struct rn_store_evacuation *evacuation;
	struct rn_store_value *value;
	struct rn_store_prune *prune;
	struct rn_store_audit *audit;
	gsize n_audit;
};

struct rn_store {
	const struct rn_store_engine *engine;
	void *db;
	const struct rn_store_ops *ops;
	void *data;
	GThread *writer;
	GThreadPool *reader;
	GThread *copier;	/* a backup, until its end was told */
	int stop_copy;		/* atomic */
	gboolean ended;		/* `failed` was told */
	int event;		/* eventfd: the writer has news */
	guint source;

	GMutex lock;		/* protects what follows */
	GCond wake;
	GQueue queue;		/* struct unit */
	gboolean stop, failed;
	uint64_t put, durable;
	int64_t oldest_ns;
	char *error;
	struct rn_store_stats stats;
	GQueue pages;		/* answered queries for the main thread */
	struct copy *copied;	/* a finished backup for the main thread */
};

struct page {
	struct rn_store *store;
	struct rn_store_query query;
	struct rn_store_page page;
	rn_store_page_func func;
	void *data;
	GArray *rows;
	GError *error;
};

struct copy {
	struct rn_store *store;
	char *file;
	uint64_t bytes;
	rn_store_backup_func func;
	void *data;
	GError *error;
};

G_DEFINE_QUARK(rn-store-error, rn_store_error)

static void unit_free(gpointer data)
{
	struct unit *unit = data;

	g_free(unit->gateway);
	g_free(unit->evacuation);
	g_free(unit->value);
	g_free(unit->prune);
	g_free(unit->audit);
	g_free(unit);
}

static void page_free(struct page *page)
{
	g_clear_pointer(&page->rows, g_array_unref);
	g_clear_error(&page->error);
	g_free(page);
}

static void copy_free(struct copy *copy)
{
	if (!copy)
		return;
	g_clear_error(&copy->error);
	g_free(copy->file);
	g_free(copy);
}

static void tell_main(struct rn_store *store)
{
	uint64_t one = 1;
	ssize_t n = write(store->event, &one, sizeof(one));

	/* EAGAIN: the counter is full, so the main loop is awake already. */
	(void)n;
}

struct rn_store *rn_store_open(const char *location, GError **error)
{
	struct rn_store *store;
	void *db = rn_store_sqlite.open(location, error);

	if (!db)
		return NULL;
	store = g_new0(struct rn_store, 1);
	store->engine = &rn_store_sqlite;
	store->db = db;
	store->event = -1;
	g_mutex_init(&store->lock);
	g_cond_init(&store->wake);
	g_queue_init(&store->pages);
	g_queue_init(&store->queue);
	return store;
}

gboolean rn_store_load(struct rn_store *store, const struct rn_store_visitor *visitor,
		       void *data, struct rn_store_state *state, GError **error)
{
	return store->engine->load(store->db, visitor, data, state, error) &&
	       store->engine->oldest(store->db, &store->oldest_ns, error);
}

/* The unit's audit row tells of its pruning, in the same transaction. */
static gboolean write_prune(struct rn_store *store, const struct unit *unit, GError **error)
{
	g_autoptr(GDateTime) before =
		g_date_time_new_from_unix_utc(unit->prune->before_ns / 1000000000);
	g_autofree char *time = before ? g_date_time_format_iso8601(before) : g_strdup("?");
	struct rn_store_audit row = *unit->audit;
	unsigned int n, telling;

	if (!store->engine->prune(store->db, unit->prune, &n, &telling, error))
		return FALSE;
	if (!telling)
		return TRUE;
	g_snprintf(row.text, sizeof(row.text), "%u events before %s", n, time);
	return store->engine->audit(store->db, &row, error);
}

static gboolean write_unit(struct rn_store *store, const struct unit *unit, GError **error)
{
	if (unit->has_mapping && !store->engine->mapping(store->db, &unit->mapping, error))
		return FALSE;
	if (unit->gateway && !store->engine->gateway(store->db, unit->gateway, error))
		return FALSE;
	if (unit->evacuation && !store->engine->evacuation(store->db, unit->evacuation, error))
		return FALSE;
	if (unit->value && !store->engine->value(store->db, unit->value, error))
		return FALSE;
	if (unit->prune)
		return write_prune(store, unit, error);
	for (gsize i = 0; i < unit->n_audit; i++)
		if (!store->engine->audit(store->db, &unit->audit[i], error))
			return FALSE;
	return TRUE;
}

/* *oldest_ns is changed only by a group that prunes. */
static gboolean write_group(struct rn_store *store, GPtrArray *group, int64_t *oldest_ns,
			    GError **error)
{
	bool pruned = false;

	if (!store->engine->begin(store->db, error))
		return FALSE;
	for (guint i = 0; i < group->len; i++) {
		const struct unit *unit = group->pdata[i];

		if (!write_unit(store, unit, error))
			return FALSE;
		pruned = pruned || unit->prune;
	}
	RN_FAILPOINT("ctl.before-commit");
	return store->engine->commit(store->db, error) &&
	       (!pruned || store->engine->oldest(store->db, oldest_ns, error));
}

/* Takes up to GROUP_MAX units; NULL when there are none and the end has come. */
static GPtrArray *take_group(struct rn_store *store)
{
	GPtrArray *group = NULL;

	g_mutex_lock(&store->lock);
	while (g_queue_is_empty(&store->queue) && !store->stop)
		g_cond_wait(&store->wake, &store->lock);
	if (!g_queue_is_empty(&store->queue))
		group = g_ptr_array_new_with_free_func(unit_free);
	while (group && group->len < GROUP_MAX && !g_queue_is_empty(&store->queue))
		g_ptr_array_add(group, g_queue_pop_head_link(&store->queue)->data);
	g_mutex_unlock(&store->lock);
	return group;
}

static void count_group(struct rn_store *store, const GPtrArray *group, int64_t us)
{
	store->stats.commits++;
	store->stats.units += group->len;
	store->stats.largest_group = MAX(store->stats.largest_group, group->len);
	store->stats.slowest_us = MAX(store->stats.slowest_us, (uint64_t)us);
	for (guint i = 0; i < group->len; i++) {
		const struct unit *unit = group->pdata[i];

		store->stats.rows += unit->has_mapping + (unit->gateway != NULL) +
				     (unit->value != NULL) + unit->n_audit;
	}
}

/* Nothing is tried again: after a failed fsync the kernel may have dropped what
 * it could not write, and call the next one a success.
 */
static void tell_failed(struct rn_store *store, const GError *error)
{
	g_mutex_lock(&store->lock);
	store->error = g_strdup(error->message);
	store->failed = TRUE;
	g_mutex_unlock(&store->lock);
	tell_main(store);
}

static gpointer writer(gpointer data)
{
	struct rn_store *store = data;
	int64_t oldest_ns = store->oldest_ns;
	GPtrArray *group;
	gboolean ok = TRUE;

	while (ok && (group = take_group(store))) {
		g_autoptr(GError) error = NULL;
		int64_t start = g_get_monotonic_time();

		ok = write_group(store, group, &oldest_ns, &error);
		RN_FAILPOINT("ctl.after-commit");
		if (ok) {
			g_mutex_lock(&store->lock);
			store->durable += group->len;
			store->oldest_ns = oldest_ns;
			count_group(store, group, g_get_monotonic_time() - start);
			g_mutex_unlock(&store->lock);
			tell_main(store);
			/* Nobody waits for this. */
			ok = store->engine->tidy(store->db, &error);
		}
		g_ptr_array_unref(group);
		if (!ok)
			tell_failed(store, error);
	}
	return NULL;
}

static void reader(gpointer data, gpointer user)
{
	struct page *page = data;
	struct rn_store *store = user;

	page->rows = g_array_new(FALSE, FALSE, sizeof(struct rn_store_audit));
	if (!store->engine->query(store->db, &page->query, &page->page, page->rows, &page->error))
		g_clear_pointer(&page->rows, g_array_unref);
	g_mutex_lock(&store->lock);
	g_queue_push_tail(&store->pages, page);
	g_mutex_unlock(&store->lock);
	tell_main(store);
}

static gpointer copier(gpointer data)
{
	struct copy *copy = data;
	struct rn_store *store = copy->store;

	store->engine->backup(store->db, copy->file, &store->stop_copy, &copy->bytes,
			      &copy->error);
	g_mutex_lock(&store->lock);
	store->copied = copy;
	g_mutex_unlock(&store->lock);
	tell_main(store);
	return NULL;
}

static void tell_copied(struct rn_store *store, struct copy *copy)
{
	if (!copy)
		return;
	g_clear_pointer(&store->copier, g_thread_join);
	copy->func(copy->error ? copy->error->message : NULL, copy->bytes, copy->data);
	copy_free(copy);
}

static void tell_page(struct page *page)
{
	page->page.rows = page->rows;
	page->page.error = page->error ? page->error->message : NULL;
	page->func(&page->page, page->data);
	page_free(page);
}

static gboolean on_event(gint fd, GIOCondition condition, gpointer data)
{
	struct rn_store *store = data;
	g_autofree char *error = NULL;
	uint64_t count, durable;
	struct copy *copied;
	struct page *page;
	GQueue pages;

	(void)condition;
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		g_error("store: eventfd: %s", g_strerror(errno));

	g_mutex_lock(&store->lock);
	durable = store->durable;
	error = g_steal_pointer(&store->error);
	pages = store->pages;
	g_queue_init(&store->pages);
	copied = g_steal_pointer(&store->copied);
	g_mutex_unlock(&store->lock);

	while ((page = g_queue_pop_head(&pages)))
		tell_page(page);
	tell_copied(store, copied);
	if (error) {
		store->ended = TRUE;
		store->ops->failed(error, store->data);
	} else if (!store->ended) {
		store->ops->durable(durable, store->data);
	}
	return G_SOURCE_CONTINUE;
}

gboolean rn_store_start(struct rn_store *store, const struct rn_store_ops *ops, void *data,
			GError **error)
{
	store->ops = ops;
	store->data = data;
	store->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (store->event < 0) {
		g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_FAILED,
			    "eventfd: %s: raise LimitNOFILE", g_strerror(errno));
		return FALSE;
	}
	store->reader = g_thread_pool_new(reader, store, 1, FALSE, error);
	if (!store->reader)
		return FALSE;
	store->writer = g_thread_try_new("store", writer, store, error);
	if (!store->writer)
		return FALSE;
	store->source = g_unix_fd_add_full(G_PRIORITY_HIGH, store->event, G_IO_IN, on_event,
					   store, NULL);
	return TRUE;
}

uint64_t rn_store_put(struct rn_store *store, const struct rn_store_unit *from)
{
	struct unit *unit = g_new0(struct unit, 1);
	uint64_t seq;

	unit->link.data = unit;
	if (from->mapping) {
		unit->has_mapping = true;
		unit->mapping = *from->mapping;
	}
	if (from->gateway)
		unit->gateway = g_memdup2(from->gateway, sizeof(*from->gateway));
	if (from->evacuation)
		unit->evacuation = g_memdup2(from->evacuation, sizeof(*from->evacuation));
	if (from->value)
		unit->value = g_memdup2(from->value, sizeof(*from->value));
	if (from->prune)
		unit->prune = g_memdup2(from->prune, sizeof(*from->prune));
	unit->audit = g_memdup2(from->audit, from->n_audit * sizeof(*from->audit));
	unit->n_audit = from->n_audit;

	g_mutex_lock(&store->lock);
	g_queue_push_tail_link(&store->queue, &unit->link);
	seq = ++store->put;
	g_cond_signal(&store->wake);
	g_mutex_unlock(&store->lock);
	return seq;
}

uint64_t rn_store_durable(const struct rn_store *store)
{
	struct rn_store *s = (struct rn_store *)store;
	uint64_t durable;

	g_mutex_lock(&s->lock);
	durable = s->durable;
	g_mutex_unlock(&s->lock);
	return durable;
}

int64_t rn_store_oldest(struct rn_store *store)
{
	int64_t oldest_ns;

	g_mutex_lock(&store->lock);
	oldest_ns = store->oldest_ns;
	g_mutex_unlock(&store->lock);
	return oldest_ns;
}

gboolean rn_store_backup(struct rn_store *store, const char *file, rn_store_backup_func done,
			 void *data, GError **error)
{
	struct copy *copy;

	if (store->copier) {
		g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_FAILED,
			    "another backup is being made: wait for its end");
		return FALSE;
	}
	copy = g_new0(struct copy, 1);
	copy->store = store;
	copy->file = g_strdup(file);
	copy->func = done;
	copy->data = data;
	store->copier = g_thread_try_new("backup", copier, copy, error);
	if (store->copier)
		return TRUE;
	copy_free(copy);
	return FALSE;
}

void rn_store_audit(struct rn_store *store, const struct rn_store_query *query,
		    rn_store_page_func func, void *data)
{
	struct page *page = g_new0(struct page, 1);

	page->query = *query;
	page->func = func;
	page->data = data;
	g_thread_pool_push(store->reader, page, NULL);
}

struct rn_store_stats rn_store_stats(struct rn_store *store)
{
	struct rn_store_stats stats;

	g_mutex_lock(&store->lock);
	stats = store->stats;
	g_mutex_unlock(&store->lock);
	return stats;
}

void rn_store_close(struct rn_store *store)
{
	struct page *page;

	if (!store)
		return;
	g_mutex_lock(&store->lock);
	store->stop = TRUE;
	g_cond_signal(&store->wake);
	g_mutex_unlock(&store->lock);
	g_clear_pointer(&store->writer, g_thread_join);
	g_atomic_int_set(&store->stop_copy, 1);
	g_clear_pointer(&store->copier, g_thread_join);
	copy_free(store->copied);
	if (store->reader)
		g_thread_pool_free(store->reader, FALSE, TRUE);
	while ((page = g_queue_pop_head(&store->pages)))
		page_free(page);
	if (store->source)
		g_source_remove(store->source);
	if (store->event >= 0)
		close(store->event);
	store->engine->close(store->db, store->failed);
	/* Only after a failed commit is anything left. */
	while (!g_queue_is_empty(&store->queue))
		unit_free(g_queue_pop_head_link(&store->queue)->data);
	g_free(store->error);
	g_mutex_clear(&store->lock);
	g_cond_clear(&store->wake);
	g_free(store);
}

gboolean rn_store_check(const char *location, rn_store_report_func report, void *data,
			GError **error)
{
	return rn_store_sqlite.check(location, report, data, error);
}

gboolean rn_store_restore(const char *location, const char *const *off, const char *by,
			  GError **error)
{
	return rn_store_sqlite.restore(location, off, by, error);
}
