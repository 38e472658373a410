/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The entries of the ownership machine: found by private side and by mapping
 * id, and by when they want to be woken. Bounded by the number given to new.
 */
#ifndef RN_AGENT_ENTRY_H
#define RN_AGENT_ENTRY_H

#include <glib.h>
#include "own/gateway.h"

struct agent_block;
struct agent_address;

struct agent_entry {
	struct own_gw_entry own;
	uint64_t id;		/* under which the table finds it, 0 none */
	guint place;		/* in the table's array */
	guint heap;		/* in its heap; 0: wants no wake-up */
	guint seen;		/* generation of the last kernel dump that had it */
	struct agent_block *block;	/* block.h; NULL for none */
	struct agent_address *announced;	/* announce.c counts it there, as this */
	uint8_t announced_as;
	uint32_t way;		/* its packets leave by; 0: they do not */
};

struct agent_table;

struct agent_table *agent_entry_table_new(guint max);
void agent_entry_table_free(struct agent_table *table);
void agent_entry_table_set_max(struct agent_table *table, guint max);

/* NULL when the table is full. vm must not be in it. */
struct agent_entry *agent_entry_add(struct agent_table *table, const struct rn_private *vm);
void agent_entry_remove(struct agent_table *table, struct agent_entry *entry);
/* After a step: entry->own.id and entry->own.wake may be others. */
void agent_entry_update(struct agent_table *table, struct agent_entry *entry);

struct agent_entry *agent_entry_lookup(struct agent_table *table, const struct rn_private *vm);
struct agent_entry *agent_entry_lookup_id(struct agent_table *table, uint64_t id);

/* Walk from count - 1 down to 0; then the entry in hand may be removed. */
guint agent_entry_count(const struct agent_table *table);
struct agent_entry *agent_entry_at(const struct agent_table *table, guint place);

/* The entry with the earliest wake-up, NULL if nobody wants one. */
struct agent_entry *agent_entry_first(const struct agent_table *table);

#endif
