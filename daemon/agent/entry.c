// SPDX-License-Identifier: GPL-2.0
#include "agent/entry.h"

#include "agent/block.h"

struct agent_table {
	GHashTable *by_vm;	/* struct rn_private in the entry -> entry */
	GHashTable *by_id;	/* uint64_t in the entry -> entry */
	GPtrArray *all;
	GPtrArray *heap;	/* binary, from 1; by own.wake */
	guint max;
};

static guint vm_hash(gconstpointer key)
{
	return rn_private_hash(key);
}

static gboolean vm_equal(gconstpointer a, gconstpointer b)
{
	return rn_private_equal(a, b);
}

static void entry_free(void *data)
{
	agent_block_free(data);
	g_free(data);
}

struct agent_table *agent_entry_table_new(guint max)
{
	struct agent_table *table = g_new0(struct agent_table, 1);

	table->by_vm = g_hash_table_new(vm_hash, vm_equal);
	table->by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
	table->all = g_ptr_array_new();
	table->heap = g_ptr_array_new();
	g_ptr_array_add(table->heap, NULL);
	table->max = max;
	return table;
}

void agent_entry_table_free(struct agent_table *table)
{
	if (!table)
		return;
	g_hash_table_unref(table->by_vm);
	g_hash_table_unref(table->by_id);
	g_ptr_array_unref(table->heap);
	g_ptr_array_set_free_func(table->all, entry_free);
	g_ptr_array_unref(table->all);
	g_free(table);
}

void agent_entry_table_set_max(struct agent_table *table, guint max)
{
	table->max = max;
}

/* ---- the heap ---- */

static void place(struct agent_table *table, guint i, struct agent_entry *entry)
{
	table->heap->pdata[i] = entry;
	entry->heap = i;
}

static int64_t wake_at(const struct agent_table *table, guint i)
{
	const struct agent_entry *entry = table->heap->pdata[i];

	return entry->own.wake;
}

static void sift(struct agent_table *table, guint i)
{
	struct agent_entry *entry = table->heap->pdata[i];
	guint n = table->heap->len, child;

	for (; i > 1 && wake_at(table, i / 2) > entry->own.wake; i /= 2)
		place(table, i, table->heap->pdata[i / 2]);
	for (; (child = 2 * i) < n; i = child) {
		if (child + 1 < n && wake_at(table, child + 1) < wake_at(table, child))
			child++;
		if (wake_at(table, child) >= entry->own.wake)
			break;
		place(table, i, table->heap->pdata[child]);
	}
	place(table, i, entry);
}

static void heap_remove(struct agent_table *table, struct agent_entry *entry)
{
	guint i = entry->heap, last = table->heap->len - 1;

	if (!i)
		return;
	entry->heap = 0;
	if (i != last)
		place(table, i, table->heap->pdata[last]);
	g_ptr_array_set_size(table->heap, (gint)last);
	if (i != last)
		sift(table, i);
}

static void heap_update(struct agent_table *table, struct agent_entry *entry)
{
	if (entry->own.wake == OWN_NEVER) {
		heap_remove(table, entry);
		return;
	}
	if (!entry->heap) {
		g_ptr_array_add(table->heap, entry);
		entry->heap = table->heap->len - 1;
	}
	sift(table, entry->heap);
}

/* ---- the indexes ---- */

static void drop_id(struct agent_table *table, struct agent_entry *entry)
{
	/* The id may be another entry's by now: one public side, next VM. */
	if (entry->id && g_hash_table_lookup(table->by_id, &entry->id) == entry)
		g_hash_table_remove(table->by_id, &entry->id);
	entry->id = 0;
}

void agent_entry_update(struct agent_table *table, struct agent_entry *entry)
{
	if (entry->id != entry->own.id) {
		drop_id(table, entry);
		entry->id = entry->own.id;
		if (entry->id)
			g_hash_table_replace(table->by_id, &entry->id, entry);
	}
	heap_update(table, entry);
}

struct agent_entry *agent_entry_add(struct agent_table *table, const struct rn_private *vm)
{
	struct agent_entry *entry;

	if (table->all->len >= table->max)
		return NULL;
	entry = g_new0(struct agent_entry, 1);
	own_gw_entry_init(&entry->own, vm);
	entry->place = table->all->len;
	g_ptr_array_add(table->all, entry);
	g_hash_table_insert(table->by_vm, &entry->own.vm, entry);
	return entry;
}

void agent_entry_remove(struct agent_table *table, struct agent_entry *entry)
{
	struct agent_entry *last = table->all->pdata[table->all->len - 1];

	heap_remove(table, entry);
	drop_id(table, entry);
	g_hash_table_remove(table->by_vm, &entry->own.vm);
	table->all->pdata[entry->place] = last;
	last->place = entry->place;
	g_ptr_array_set_size(table->all, (gint)table->all->len - 1);
	entry_free(entry);
}

struct agent_entry *agent_entry_lookup(struct agent_table *table, const struct rn_private *vm)
{
	return g_hash_table_lookup(table->by_vm, vm);
}

struct agent_entry *agent_entry_lookup_id(struct agent_table *table, uint64_t id)
{
	struct agent_entry *entry = id ? g_hash_table_lookup(table->by_id, &id) : NULL;

	return entry && entry->own.id == id ? entry : NULL;
}

guint agent_entry_count(const struct agent_table *table)
{
	return table->all->len;
}

struct agent_entry *agent_entry_at(const struct agent_table *table, guint i)
{
	return table->all->pdata[i];
}

struct agent_entry *agent_entry_first(const struct agent_table *table)
{
	return table->heap->len > 1 ? table->heap->pdata[1] : NULL;
}
