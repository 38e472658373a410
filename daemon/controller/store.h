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

#define RN_STORE_SCHEMA	1	/* the newest that this program knows */

enum rn_store_error {
	RN_STORE_ERROR_LOCKED,	/* another controller uses it */
	RN_STORE_ERROR_NEWER,	/* of a newer program */
	RN_STORE_ERROR_DAMAGED,
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
	char name[RN_NAME_MAX];
	char identity[RN_TEXT_MAX];
};

struct rn_store_audit {
	uint64_t rev;		/* of the event, ascending */
	int64_t time_ns;	/* CLOCK_REALTIME */
	bool ownership;		/* it changed who has the address */
	uint8_t code;		/* enum rn_code */
	uint8_t cause;		/* enum rn_cause, 0 none */
	uint64_t id, epoch;
	struct rn_private vm;
	struct rn_public pub;
	uint32_t from, to, verified_by;
	char what[24];
	char by[96];		/* the gateway that asked, or a user of natctl */
	char text[RN_TEXT_MAX];
};

struct rn_store_unit {
	const struct rn_store_mapping *mapping;	/* NULL none */
	const struct rn_store_gateway *gateway;	/* NULL none */
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
	gboolean (*mapping)(const struct rn_store_mapping *row, void *data, GError **error);
};

/* Which audit rows: those about an address (or a public endpoint), newest state
 * at a time, or all in order.
 */
struct rn_store_query {
	struct rn_addr addr;	/* len 0: any */
	bool has_port;		/* pub_port and proto (0 any) count too */
	uint8_t proto;
	uint16_t port;
	int64_t at_ns;		/* not 0: only the ownership that held at that time */
	uint64_t after;		/* rev of the last row of the page before */
	unsigned int limit;	/* of a page */
};

struct rn_store;

/* Opens or creates, checks, and brings the schema forward. */
struct rn_store *rn_store_open(const char *location, GError **error);
/* What is there; once, before rn_store_start. */
gboolean rn_store_load(struct rn_store *store, const struct rn_store_visitor *visitor,
		       void *data, uint64_t *last_rev, GError **error);
gboolean rn_store_start(struct rn_store *store, const struct rn_store_ops *ops, void *data,
			GError **error);
/* Queues a copy of the unit; returns its sequence number, from 1. */
uint64_t rn_store_put(struct rn_store *store, const struct rn_store_unit *unit);
uint64_t rn_store_durable(const struct rn_store *store);
/* One page; rows is an array of struct rn_store_audit, freed after the call, or
 * NULL with an error text.
 */
typedef void (*rn_store_page_func)(const GArray *rows, const char *error, void *data);
void rn_store_audit(struct rn_store *store, const struct rn_store_query *query,
		    rn_store_page_func page, void *data);
struct rn_store_stats rn_store_stats(struct rn_store *store);
/* Writes what is queued, then closes. Pages that are still read are not told. */
void rn_store_close(struct rn_store *store);

#endif
