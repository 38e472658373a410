/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every public endpoint that was ever used, in memory: by id, by public side,
 * by the VM that has it or had it last, by owner, and by the time at which the
 * machine wants to be woken. A million of them are expected.
 */
#ifndef RN_CONTROLLER_RECORDS_H
#define RN_CONTROLLER_RECORDS_H

#include "controller/gateway.h"

struct rn_record {
	struct own_ctl_rec own;		/* changed by own_ctl_step only */
	struct rn_heap_node wake;
	GList owner_link, coming_link;	/* in the queues of its gateways */
	GList host_link;		/* in that of its VM's address, while owned */
	struct rn_addr host;		/* of that queue */
	uint32_t owner_queue, coming_queue;	/* whose; 0 in none */
	bool revoking, unacked;		/* counted in its owner's */
	GList asked_link;		/* while in a verification, of who is asked */
	uint32_t asked_queue;		/* who that is; 0 none */
	uint64_t told;			/* serial up to which it was told of that one */
	uint64_t named;			/* serial of the owner's inventory that had it */
	uint8_t code;			/* why the last order or report was refused */
	GSList *watches;		/* orders that wait for it, see order.h */
	char *by;			/* who ordered its migration */
	char *reason;		/* and why, in their words; NULL if they gave none */
};

struct rn_records {
	struct rn_gateways *gateways;
	GHashTable *by_id;		/* owns the records */
	GHashTable *by_public;
	GHashTable *by_vm;		/* the one it has, else the last one it had */
	GHashTable *by_host;		/* struct rn_addr -> GQueue of owned records */
	struct rn_heap wakes;
	uint64_t next_id;
};

struct rn_records *rn_records_new(struct rn_gateways *gateways);
void rn_records_free(struct rn_records *records);
/* NULL when id or public side are there already: the store is damaged. */
struct rn_record *rn_records_restore(struct rn_records *records,
				     const struct rn_store_mapping *row);
/* A new endpoint, with the next id. */
struct rn_record *rn_records_add(struct rn_records *records, const struct rn_public *pub);
struct rn_record *rn_records_id(const struct rn_records *records, uint64_t id);
struct rn_record *rn_records_public(const struct rn_records *records,
				    const struct rn_public *pub);
struct rn_record *rn_records_vm(const struct rn_records *records, const struct rn_private *vm);
/* Owned records of a private address in all zones; NULL for none. */
const GQueue *rn_records_host(const struct rn_records *records, const struct rn_addr *addr);
/* Somebody owns it: GRANTED or in a verification. */
bool rn_record_owned(const struct rn_record *record);
struct rn_store_mapping rn_record_row(const struct rn_record *record);
/* The machine has changed record, whose VM was `before`: mend the indexes. */
void rn_records_update(struct rn_records *records, struct rn_record *record,
		       const struct rn_private *before);
/* When the first record wants EV_TIME, OWN_NEVER for none. */
int64_t rn_records_next_wake(const struct rn_records *records);
struct rn_record *rn_records_due(struct rn_records *records, int64_t now);
/* It was due, but cannot be woken before this time. */
void rn_records_postpone(struct rn_records *records, struct rn_record *record, int64_t due);
/* One of those in a verification of gw that do not know gw->tell; NULL: all do. */
struct rn_record *rn_records_untold(const struct rn_gateway *gw);
/* gw is who is asked about record. True when it did not know; now it does. */
bool rn_records_told(struct rn_record *record, struct rn_gateway *gw);
/* Ids in ascending order, a snapshot that lists walk; free with g_array_unref. */
GArray *rn_records_ids(const struct rn_records *records);

/* Who ordered the move that is over now is of no interest to later events. */
void rn_record_forget_order(struct rn_record *record);

#endif
