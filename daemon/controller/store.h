/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the controller must not forget (P8), whatever engine keeps it. Written
 * by one thread of the store; every function below is called from the main
 * loop, and calls back there. Only the engine's own file speaks its language.
 *
 * A unit is a group of rows that become durable together. Units become durable
 * in the order in which they were put.
 */
#ifndef RN_CONTROLLER_STORE_H
#define RN_CONTROLLER_STORE_H

#include <glib.h>
#include "base/addr.h"
#include "proto/msg.h"

#define RN_STORE_SCHEMA	4	/* the newest that this program knows */

/* After a restore from a backup, epochs, incarnations, ids and revisions go on so
 * far above those of the backup that none of the lost time comes again.
 */
#define RN_STORE_STEP	(UINT64_C(1) << 32)

enum rn_store_error {
	RN_STORE_ERROR_LOCKED,	/* another controller uses it */
	RN_STORE_ERROR_NEWER,	/* of a newer program */
	RN_STORE_ERROR_DAMAGED,
	RN_STORE_ERROR_COPY,	/* a backup: see rn_store_restore */
	RN_STORE_ERROR_FAILED,
};

#define RN_STORE_ERROR rn_store_error_quark()
GQuark rn_store_error_quark(void);

struct rn_store_mapping {	/* the durable part of struct own_ctl_rec */
	uint64_t id;
	uint8_t state;		/* FREE, GRANTED or QUARANTINE */
	uint64_t epoch;
	uint32_t owner;
	struct rn_private vm;
	struct rn_public pub;
	uint64_t preset;
	int64_t free_at;
};

struct rn_store_gateway {
	uint32_t number;
	uint64_t incarnation;
	bool fenced;
	bool unheard;		/* since the store was restored from a backup */
	bool drained;		/* it is granted nothing new */
	int64_t lease_ms;	/* promised by its registration; -1 not known */
	char name[RN_NAME_MAX];
	char identity[RN_TEXT_MAX];
};

#define RN_STORE_TARGETS	16

/* One of a gateway, the last. */
struct rn_store_evacuation {
	uint32_t gateway;
	uint8_t state;		/* enum rn_evacuation_state */
	bool force;
	uint32_t in_flight;
	uint32_t total, moved;
	int64_t began_ns, ended_ns;
	uint32_t target[RN_STORE_TARGETS], n_targets;
	char by[96];
	char reason[RN_TEXT_MAX];
	char text[RN_TEXT_MAX];
};

struct rn_store_audit {
	uint64_t rev;		/* of the event, ascending */
	int64_t time_ns;	/* CLOCK_REALTIME */
	bool ownership;		/* it changed who has the address */
	uint8_t code;		/* enum rn_code */
	uint8_t cause;		/* enum rn_cause, 0 none */
	uint64_t id, epoch;
	uint64_t epoch_from;	/* before the event; of a refusal, the one asked with */
	struct rn_private vm;
	struct rn_public pub;
	uint32_t from, to, verified_by;
	char what[24];
	char by[96];		/* the gateway that asked, or a user of natctl */
	char text[RN_TEXT_MAX];
};

/* Single values. */
enum rn_store_key {
	RN_STORE_CLOCK,		/* ms that the clock was set by since the process began */
	RN_STORE_RESTORED,	/* 1: no grants before every gateway was heard */
	RN_STORE_NEXT_ID,	/* ids below it may have been used */
	RN_STORE_KEY_N,
};

struct rn_store_value {
	enum rn_store_key key;
	int64_t value;
};

/* Forget audit rows older than before_ns, oldest first; of each endpoint the
 * last row that tells who had it then stays. The unit's one audit row tells how
 * many; it is not written when there was nothing but such rows.
 */
struct rn_store_prune {
	int64_t before_ns;
	unsigned int limit;	/* rows looked at */
};

struct rn_store_unit {
	const struct rn_store_mapping *mapping;	/* NULL none */
	const struct rn_store_gateway *gateway;	/* NULL none */
	const struct rn_store_evacuation *evacuation;	/* NULL none */
	const struct rn_store_value *value;	/* NULL none */
	const struct rn_store_prune *prune;	/* NULL none */
	const struct rn_store_audit *audit;
	gsize n_audit;
};

struct rn_store_stats {
	uint64_t commits, units, rows;
	uint64_t largest_group;	/* units of one commit */
	uint64_t slowest_us;	/* commit */
};

struct rn_store_ops {
	/* Every unit up to seq is on disk. */
	void (*durable)(uint64_t seq, void *data);
	/* A commit failed: nothing after the last `durable` may be believed, and
	 * the process has to end. Called once; `durable` is not called after it.
	 */
	void (*failed)(const char *message, void *data);
};

struct rn_store_visitor {
	void (*gateway)(const struct rn_store_gateway *row, void *data);
	/* After all mappings; NULL: they are of no interest. */
	void (*evacuation)(const struct rn_store_evacuation *row, void *data);
	gboolean (*mapping)(const struct rn_store_mapping *row, void *data, GError **error);
};

/* What the store knows beside its rows, at start. */
struct rn_store_state {
	uint64_t last_rev;
	int64_t last_ns;	/* time of that event */
	int64_t value[RN_STORE_KEY_N];
};

/*
 * Which audit rows, in order: those of a public endpoint or address, of a VM's
 * private address, or of a gateway; or, with at_ns, only who had it at that time
 * (a row that says released: nobody, since then).
 */
struct rn_store_query {
	struct rn_addr addr;	/* public; len 0: any */
	bool has_port;		/* port and proto (0 any) count too */
	uint8_t proto;
	uint16_t port;
	struct rn_addr vm;	/* private; len 0: any */
	bool has_zone;
	uint32_t zone;
	uint32_t gateway;	/* 0: any */
	int64_t at_ns;		/* 0: the history */
	int64_t since_ns, until_ns;	/* of a history; 0 no bound */
	uint64_t after;		/* `next` of the page before */
	unsigned int limit;	/* of a page */
};

struct rn_store_page {
	const GArray *rows;	/* struct rn_store_audit; NULL: error says why */
	const char *error;
	uint64_t next;		/* query.after of the next page, 0 for none */
	int64_t begins_ns;	/* older rows were pruned; 0 none were */
	/* Between these two, clock or store were set back: what happened then is
	 * unknown, or came twice. 0 for none that matters to at_ns.
	 */
	int64_t gap_from_ns, gap_to_ns;
	bool twice;		/* the clock: the rows are of both times */
};

struct rn_store;

/* Opens or creates, checks, and brings the schema forward; the file as it was
 * before stays beside it as LOCATION.vN.bak.
 */
struct rn_store *rn_store_open(const char *location, GError **error);
/* What is there; once, before rn_store_start. */
gboolean rn_store_load(struct rn_store *store, const struct rn_store_visitor *visitor,
		       void *data, struct rn_store_state *state, GError **error);
gboolean rn_store_start(struct rn_store *store, const struct rn_store_ops *ops, void *data,
			GError **error);
/* Queues a copy of the unit; returns its sequence number, from 1. */
uint64_t rn_store_put(struct rn_store *store, const struct rn_store_unit *unit);
uint64_t rn_store_durable(const struct rn_store *store);
/* Time of the oldest audit row that rn_store_prune has not looked at, as of the
 * last durable unit; 0 for none.
 */
int64_t rn_store_oldest(struct rn_store *store);
/* Everything in page is freed after the call. */
typedef void (*rn_store_page_func)(const struct rn_store_page *page, void *data);
void rn_store_audit(struct rn_store *store, const struct rn_store_query *query,
		    rn_store_page_func page, void *data);
/* A copy of all that is durable now, while the writer goes on; checked, on disk,
 * and only then under its name. error is NULL when it is there. One at a time.
 */
typedef void (*rn_store_backup_func)(const char *error, uint64_t bytes, void *data);
gboolean rn_store_backup(struct rn_store *store, const char *file, rn_store_backup_func done,
			 void *data, GError **error);
struct rn_store_stats rn_store_stats(struct rn_store *store);
/* Writes what is queued, then closes. Pages that are still read are not told. */
void rn_store_close(struct rn_store *store);

/* Without a controller, on a file of any supported engine: */

/* Reads every row; tells each thing that is wrong in a sentence, and what to do.
 * False with an error when it cannot be read at all.
 */
typedef void (*rn_store_report_func)(const char *sentence, void *data);
gboolean rn_store_check(const char *location, rn_store_report_func report, void *data,
			GError **error);
/* Makes a backup the store: everything is raised by RN_STORE_STEP, and all gateways
 * count as unheard but those of `off` (NULL-ended names; NULL for none), which
 * `by` asserts to be powered off.
 */
gboolean rn_store_restore(const char *location, const char *const *off, const char *by,
			  GError **error);

#endif
