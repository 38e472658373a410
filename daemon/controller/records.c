// SPDX-License-Identifier: GPL-2.0
#include "controller/records.h"

static guint vm_hash(gconstpointer key)
{
	return rn_private_hash(key);
}

static gboolean vm_equal(gconstpointer a, gconstpointer b)
{
	return rn_private_equal(a, b);
}

static guint pub_hash(gconstpointer key)
{
	return rn_public_hash(key);
}

static gboolean pub_equal(gconstpointer a, gconstpointer b)
{
	return rn_public_equal(a, b);
}

static guint host_hash(gconstpointer key)
{
	return rn_addr_hash(key);
}

static gboolean host_equal(gconstpointer a, gconstpointer b)
{
	return rn_addr_equal(a, b);
}

static void record_free(gpointer data)
{
	struct rn_record *record = data;

	g_slist_free(record->watches);
	g_free(record->by);
	g_free(record->reason);
	g_free(record);
}

struct rn_records *rn_records_new(struct rn_gateways *gateways)
{
	struct rn_records *records = g_new0(struct rn_records, 1);

	records->gateways = gateways;
	records->by_id = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, record_free);
	records->by_public = g_hash_table_new(pub_hash, pub_equal);
	records->by_vm = g_hash_table_new_full(vm_hash, vm_equal, g_free, NULL);
	records->by_host = g_hash_table_new_full(host_hash, host_equal, g_free, g_free);
	records->next_id = 1;
	rn_heap_init(&records->wakes);
	return records;
}

/* ---- queues of the gateways ---- */

static void leave_owned(struct rn_gateway *gw, struct rn_record *record)
{
	/* Who walks the queue goes on behind it. */
	if (gw->inventory.next == &record->owner_link)
		gw->inventory.next = record->owner_link.next;
	g_queue_unlink(&gw->owned, &record->owner_link);
	gw->blocks -= record->own.pub.ports != 0;
	gw->revoking -= record->revoking;
	gw->unacked -= record->unacked;
}

static void leave_coming(struct rn_gateway *gw, struct rn_record *record)
{
	g_queue_unlink(&gw->coming, &record->coming_link);
	gw->coming_blocks -= record->own.pub.ports != 0;
}

static void leave_queues(struct rn_records *records, struct rn_record *record)
{
	struct rn_gateway *gw = rn_gateways_number(records->gateways, record->owner_queue);

	if (gw)
		leave_owned(gw, record);
	record->revoking = false;
	record->unacked = false;
	record->owner_queue = 0;
	gw = rn_gateways_number(records->gateways, record->coming_queue);
	if (gw)
		leave_coming(gw, record);
	record->coming_queue = 0;
}

static void leave_asked(struct rn_gateway *gw, struct rn_record *record)
{
	g_queue_unlink(&gw->tell.asked, &record->asked_link);
	record->asked_queue = 0;
}

/* Enters the tail, so that the queue stays in the order of the serials. */
static void enter_asked(struct rn_gateway *gw, struct rn_record *record)
{
	record->told = gw->tell.serial;
	record->asked_queue = gw->row.number;
	g_queue_push_tail_link(&gw->tell.asked, &record->asked_link);
}

/* What happens to the other one of the two changes nothing in a verification. */
static uint32_t asked(const struct own_ctl_rec *own)
{
	switch ((enum own_ctl_state)own->state) {
	case OWN_CTL_FREE:
	case OWN_CTL_GRANTED:
	case OWN_CTL_QUARANTINE:
		return 0;
	case OWN_CTL_VERIFY_DST:
		return own->dst;
	case OWN_CTL_VERIFY_SRC:
	case OWN_CTL_REVOKING:
		return own->owner;
	}
	return 0;
}

static void index_asked(struct rn_records *records, struct rn_record *record)
{
	uint32_t number = asked(&record->own);
	struct rn_gateway *gw;

	if (number == record->asked_queue)
		return;
	gw = rn_gateways_number(records->gateways, record->asked_queue);
	if (gw)
		leave_asked(gw, record);
	gw = rn_gateways_number(records->gateways, number);
	if (gw)
		enter_asked(gw, record);
}

struct rn_record *rn_records_untold(const struct rn_gateway *gw)
{
	const GList *head = gw->tell.asked.head;
	struct rn_record *record = head ? head->data : NULL;

	return record && record->told < gw->tell.serial ? record : NULL;
}

bool rn_records_told(struct rn_record *record, struct rn_gateway *gw)
{
	if (record->told >= gw->tell.serial)
		return false;
	leave_asked(gw, record);
	enter_asked(gw, record);
	return true;
}

void rn_records_free(struct rn_records *records)
{
	GHashTableIter iter;
	gpointer record;

	if (!records)
		return;
	g_hash_table_iter_init(&iter, records->by_id);
	while (g_hash_table_iter_next(&iter, NULL, &record))
		leave_queues(records, record);
	for (guint i = 1; i < records->gateways->by_number->len; i++) {
		struct rn_gateway *gw = rn_gateways_number(records->gateways, i);

		/* The links are in the records. */
		if (gw)
			g_queue_init(&gw->tell.asked);
	}
	rn_heap_uninit(&records->wakes);
	g_hash_table_unref(records->by_host);
	g_hash_table_unref(records->by_vm);
	g_hash_table_unref(records->by_public);
	g_hash_table_unref(records->by_id);
	g_free(records);
}

static struct rn_record *insert(struct rn_records *records, uint64_t id,
				const struct rn_public *pub)
{
	struct rn_record *record = g_new0(struct rn_record, 1);

	own_ctl_rec_init(&record->own, id, pub);
	record->owner_link.data = record;
	record->coming_link.data = record;
	record->host_link.data = record;
	record->asked_link.data = record;
	g_hash_table_insert(records->by_id, &record->own.id, record);
	g_hash_table_insert(records->by_public, &record->own.pub, record);
	return record;
}

struct rn_record *rn_records_add(struct rn_records *records, const struct rn_public *pub)
{
	return insert(records, records->next_id++, pub);
}

struct rn_record *rn_records_id(const struct rn_records *records, uint64_t id)
{
	return g_hash_table_lookup(records->by_id, &id);
}

struct rn_record *rn_records_public(const struct rn_records *records,
				    const struct rn_public *pub)
{
	return g_hash_table_lookup(records->by_public, pub);
}

struct rn_record *rn_records_vm(const struct rn_records *records, const struct rn_private *vm)
{
	return g_hash_table_lookup(records->by_vm, vm);
}

const GQueue *rn_records_host(const struct rn_records *records, const struct rn_addr *addr)
{
	return g_hash_table_lookup(records->by_host, addr);
}

bool rn_record_owned(const struct rn_record *record)
{
	switch ((enum own_ctl_state)record->own.state) {
	case OWN_CTL_FREE:
	case OWN_CTL_QUARANTINE:
		return false;
	case OWN_CTL_GRANTED:
	case OWN_CTL_VERIFY_DST:
	case OWN_CTL_VERIFY_SRC:
	case OWN_CTL_REVOKING:
		return true;
	}
	return false;
}

struct rn_store_mapping rn_record_row(const struct rn_record *record)
{
	const struct own_ctl_rec *own = &record->own;

	return (struct rn_store_mapping){
		.id = own->id,
		.state = rn_record_owned(record) ? OWN_CTL_GRANTED : own->state,
		.epoch = own->epoch,
		.owner = own->owner,
		.vm = own->vm,
		.pub = own->pub,
		.preset = own->preset,
		.free_at = own->free_at,
	};
}

static void index_vm(struct rn_records *records, struct rn_record *record,
		     const struct rn_private *before)
{
	const struct rn_private *vm = &record->own.vm;
	struct rn_record *other;

	if (before && !rn_private_equal(before, vm) && rn_records_vm(records, before) == record)
		g_hash_table_remove(records->by_vm, before);
	if (!vm->kind)
		return;
	other = rn_records_vm(records, vm);
	if (other == record)
		return;
	/* What a VM has counts before what it had (I7: it has one). */
	if (!other || rn_record_owned(record) ||
	    (!rn_record_owned(other) && record->own.free_at > other->own.free_at))
		g_hash_table_replace(records->by_vm, g_memdup2(vm, sizeof(*vm)), record);
}

static void index_host(struct rn_records *records, struct rn_record *record)
{
	static const struct rn_addr none;
	const struct rn_addr *host = rn_record_owned(record) ? &record->own.vm.addr : &none;
	GQueue *queue;

	if (rn_addr_equal(host, &record->host))
		return;
	queue = record->host.len ? g_hash_table_lookup(records->by_host, &record->host) : NULL;
	if (queue) {
		g_queue_unlink(queue, &record->host_link);
		if (g_queue_is_empty(queue))
			g_hash_table_remove(records->by_host, &record->host);
	}
	record->host = *host;
	if (!host->len)
		return;
	queue = g_hash_table_lookup(records->by_host, host);
	if (!queue) {
		queue = g_new0(GQueue, 1);
		g_hash_table_insert(records->by_host, g_memdup2(host, sizeof(*host)), queue);
	}
	g_queue_push_tail_link(queue, &record->host_link);
}

static void index_gateways(struct rn_records *records, struct rn_record *record)
{
	const struct own_ctl_rec *own = &record->own;
	uint32_t owner = rn_record_owned(record) ? own->owner : 0;
	uint32_t coming = owner ? (own->dst ? own->dst : own->move_to) : 0;
	struct rn_gateway *gw;

	if (owner == record->owner_queue && coming == record->coming_queue)
		return;
	if (owner != record->owner_queue)
		record->named = 0;
	leave_queues(records, record);
	gw = rn_gateways_number(records->gateways, owner);
	if (gw) {
		g_queue_push_tail_link(&gw->owned, &record->owner_link);
		gw->blocks += own->pub.ports != 0;
		record->owner_queue = owner;
	}
	gw = rn_gateways_number(records->gateways, coming);
	if (gw) {
		g_queue_push_tail_link(&gw->coming, &record->coming_link);
		gw->coming_blocks += own->pub.ports != 0;
		record->coming_queue = coming;
	}
}

static void count(uint32_t *counter, bool *counted, bool now)
{
	*counter += (uint32_t)now - (uint32_t)*counted;
	*counted = now;
}

static void count_in_owner(struct rn_records *records, struct rn_record *record)
{
	struct rn_gateway *gw = rn_gateways_number(records->gateways, record->owner_queue);

	if (!gw)
		return;
	count(&gw->revoking, &record->revoking, record->own.state == OWN_CTL_REVOKING);
	count(&gw->unacked, &record->unacked, record->own.unacked);
}

void rn_records_update(struct rn_records *records, struct rn_record *record,
		       const struct rn_private *before)
{
	index_vm(records, record, before);
	index_host(records, record);
	index_gateways(records, record);
	index_asked(records, record);
	count_in_owner(records, record);
	if (record->own.wake == OWN_NEVER)
		rn_heap_remove(&records->wakes, &record->wake);
	else
		rn_heap_set(&records->wakes, &record->wake, record->own.wake);
}

struct rn_record *rn_records_restore(struct rn_records *records,
				     const struct rn_store_mapping *row)
{
	struct rn_record *record;

	if (!row->id || rn_records_id(records, row->id) ||
	    rn_records_public(records, &row->pub) || row->state > OWN_CTL_QUARANTINE)
		return NULL;
	record = insert(records, row->id, &row->pub);
	record->own.state = row->state;
	record->own.epoch = row->epoch;
	record->own.owner = row->owner;
	record->own.vm = row->vm;
	record->own.preset = row->preset;
	record->own.free_at = row->free_at;
	records->next_id = MAX(records->next_id, row->id + 1);
	rn_records_update(records, record, NULL);
	return record;
}

int64_t rn_records_next_wake(const struct rn_records *records)
{
	const struct rn_heap_node *node = rn_heap_first(&records->wakes);

	return node ? node->due : OWN_NEVER;
}

struct rn_record *rn_records_due(struct rn_records *records, int64_t now)
{
	struct rn_heap_node *node = rn_heap_first(&records->wakes);

	if (!node || node->due > now)
		return NULL;
	rn_heap_remove(&records->wakes, node);
	return (struct rn_record *)((char *)node - G_STRUCT_OFFSET(struct rn_record, wake));
}

void rn_records_postpone(struct rn_records *records, struct rn_record *record, int64_t due)
{
	rn_heap_set(&records->wakes, &record->wake, due);
}

static gint compare_ids(gconstpointer a, gconstpointer b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

GArray *rn_records_ids(const struct rn_records *records)
{
	guint n = g_hash_table_size(records->by_id);
	GArray *ids = g_array_sized_new(FALSE, FALSE, sizeof(uint64_t), n);
	GHashTableIter iter;
	gpointer id;

	g_hash_table_iter_init(&iter, records->by_id);
	while (g_hash_table_iter_next(&iter, &id, NULL))
		g_array_append_val(ids, *(uint64_t *)id);
	g_array_sort(ids, compare_ids);
	return ids;
}

void rn_record_forget_order(struct rn_record *record)
{
	g_clear_pointer(&record->by, g_free);
	g_clear_pointer(&record->reason, g_free);
}
