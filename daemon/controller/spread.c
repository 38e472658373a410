// SPDX-License-Identifier: GPL-2.0
#include "controller/spread.h"

/* A VM: its mappings of any kind. */
struct vm {
	uint32_t zone;
	struct rn_addr addr;
};

static guint vm_hash(gconstpointer key)
{
	const struct vm *vm = key;

	return rn_addr_hash(&vm->addr) ^ vm->zone * 2654435761u;
}

static gboolean vm_equal(gconstpointer a, gconstpointer b)
{
	const struct vm *x = a, *y = b;

	return x->zone == y->zone && rn_addr_equal(&x->addr, &y->addr);
}

void rn_spread_init(struct rn_spread *spread, bool dry)
{
	if (dry)
		spread->vms = g_hash_table_new_full(vm_hash, vm_equal, g_free, NULL);
}

void rn_spread_uninit(struct rn_spread *spread)
{
	g_clear_pointer(&spread->vms, g_hash_table_unref);
}

static struct rn_spread_target *target_of(struct rn_spread *spread, uint32_t number)
{
	for (guint i = 0; i < spread->n; i++)
		if (spread->target[i].gw->row.number == number)
			return &spread->target[i];
	return NULL;
}

/* Where others of its VM are, or are going to. */
static struct rn_spread_target *beside(struct rn_spread *spread, const struct rn_record *record)
{
	const struct vm key = { record->own.vm.zone, record->own.vm.addr };
	struct rn_spread_target *target;
	const GQueue *queue;

	if (spread->vms) {
		target = g_hash_table_lookup(spread->vms, &key);
		if (target)
			return target;
	}
	queue = rn_records_host(spread->core->records, &record->own.vm.addr);
	for (const GList *l = queue ? queue->head : NULL; l; l = l->next) {
		const struct rn_record *other = l->data;

		if (other == record || other->own.vm.zone != record->own.vm.zone)
			continue;
		target = target_of(spread, other->coming_queue);
		if (!target)
			target = target_of(spread, other->owner_queue);
		if (target)
			return target;
	}
	return NULL;
}

static uint8_t room(const struct rn_spread *spread, const struct rn_spread_target *target,
		    bool block, uint32_t *left)
{
	struct rn_plan_use use = rn_gateway_use(target->gw);

	rn_gateway_refresh(target->gw, rn_core_now());
	if (!spread->vms && (!target->gw->own.registered || !target->gw->own.connected ||
			     !target->gw->own.live))
		return RN_CODE_NOT_REGISTERED;
	use.mappings += target->takes.mappings;
	use.blocks += target->takes.blocks;
	*left = spread->force ? UINT32_MAX : rn_plan_room(&target->gw->plan, &use, block, true);
	if (!*left)
		return RN_CODE_PLAN_EXCEEDED;
	if (target->gw->row.drained && !spread->force)
		return RN_CODE_DRAINED;
	/* Among those without a limit the emptiest. */
	if (*left == UINT32_MAX)
		*left -= MIN(use.mappings, UINT32_MAX / 2);
	return RN_CODE_OK;
}

/* The target with most room; NULL: *code says why none has any. */
static struct rn_spread_target *roomiest(struct rn_spread *spread, bool block, uint8_t *code)
{
	struct rn_spread_target *best = NULL;
	uint32_t left, most = 0;

	for (guint i = 0; i < spread->n; i++) {
		uint8_t why = room(spread, &spread->target[i], block, &left);

		/* One that is away may come back: that is said first. */
		if (why && *code != RN_CODE_NOT_REGISTERED)
			*code = why;
		if (why || left <= most)
			continue;
		most = left;
		best = &spread->target[i];
	}
	return best;
}

struct rn_gateway *rn_spread_pick(struct rn_spread *spread, const struct rn_record *record,
				  uint8_t *code)
{
	bool block = record->own.vm.kind == RN_KIND_BLOCK;
	struct rn_spread_target *best = beside(spread, record);
	bool in_place = best;
	uint32_t left;

	*code = RN_CODE_UNKNOWN_GATEWAY;
	if (!best)
		best = roomiest(spread, block, code);
	else
		*code = room(spread, best, block, &left);
	if (!best || (in_place && *code))
		return NULL;
	if (spread->vms) {
		const struct vm key = { record->own.vm.zone, record->own.vm.addr };

		best->takes.mappings++;
		best->takes.blocks += block;
		g_hash_table_insert(spread->vms, g_memdup2(&key, sizeof(key)), best);
	}
	*code = RN_CODE_OK;
	return best->gw;
}
