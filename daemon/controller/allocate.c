// SPDX-License-Identifier: GPL-2.0
#include "controller/allocate.h"

#include "controller/output.h"
#include "controller/restored.h"

#define IDLE_DEFAULT_MS		300000	/* RFC 4787 REQ-5 */

/* A further block of a VM that is served there already is nothing new. */
static bool goes_on(struct rn_core *core, const struct rn_gateway *gw,
		    const struct rn_private *vm)
{
	struct rn_private first = *vm;
	const struct rn_record *record;

	if (vm->kind != RN_KIND_BLOCK || !vm->port)
		return false;
	first.port = 0;
	record = rn_records_vm(core->records, &first);
	return record && rn_record_owned(record) && record->own.owner == gw->row.number;
}

static uint8_t may_ask(struct rn_core *core, struct rn_gateway *gw, const struct rn_msg *msg)
{
	bool is_address = msg->vm.kind == RN_KIND_ADDRESS;
	bool is_port = msg->vm.kind == RN_KIND_PORT;
	bool is_block = msg->vm.kind == RN_KIND_BLOCK;
	bool has_proto = msg->vm.proto;

	if (!gw->own.registered)
		return RN_CODE_NOT_REGISTERED;
	if (msg->incarnation != gw->row.incarnation)
		return RN_CODE_WRONG_INCARNATION;
	if (!gw->own.live)
		return RN_CODE_LEASE_OVER;
	if (!msg->vm.addr.len || (!is_address && !is_port && !is_block) || is_port != has_proto)
		return RN_CODE_BAD_MESSAGE;
	if (gw->row.drained && !goes_on(core, gw, &msg->vm))
		return RN_CODE_DRAINED;
	return rn_core_plan_refuses(core, gw, msg->vm.kind, false);
}

/* A VM gets its blocks one after the other. */
static bool has_block_before(struct rn_core *core, const struct rn_private *vm)
{
	struct rn_private before = *vm;
	const struct rn_record *record;

	if (vm->kind != RN_KIND_BLOCK || !vm->port)
		return true;
	before.port--;
	record = rn_records_vm(core->records, &before);
	return record && rn_record_owned(record);
}

/* A code and a sentence (NULL: that of the code), or where. */
static uint8_t choose(struct rn_core *core, const struct rn_private *vm, struct rn_record *last,
		      const struct rn_pool **pool, struct rn_public *pub, const char **why)
{
	const struct rn_record *record;

	if (!has_block_before(core, vm)) {
		*why = "the VM does not have the block before this one";
		return RN_CODE_BAD_MESSAGE;
	}
	*why = rn_limits_refuse(core->config->limits, vm);
	if (*why)
		return RN_CODE_LIMIT;
	*pool = rn_pools_pick(core->pools, vm, last ? &last->own.pub : NULL, rn_core_wall(), pub,
			      why);
	if (!*pool)
		return RN_CODE_POOL_EMPTY;
	if (vm->kind == RN_KIND_BLOCK && vm->port >= rn_pool_spec(*pool)->blocks_per_vm) {
		*why = "the VM has all the blocks that its pool allows one VM (blocks-per-vm)";
		return RN_CODE_LIMIT;
	}
	record = rn_records_public(core->records, pub);
	if ((!record || record != last) && !rn_restored_may_allocate(core)) {
		*why = "the store was restored: no new addresses for the time of a quarantine";
		return RN_CODE_BUSY;
	}
	return RN_CODE_OK;
}

static uint64_t preset_of(const struct rn_core *core, const struct rn_pool *pool,
			  const struct rn_msg *msg)
{
	const struct rn_static *fixed = rn_pools_static(core->pools, &msg->vm);

	if (fixed)
		return fixed->idle_ms;
	if (rn_pool_spec(pool)->idle_ms)
		return rn_pool_spec(pool)->idle_ms;
	return msg->timer.preset ? msg->timer.preset : IDLE_DEFAULT_MS;
}

void rn_allocate(struct rn_core *core, struct rn_gateway *gw, const struct rn_msg *msg,
		 struct rn_record *last)
{
	const struct rn_cause_of cause = { .gw = gw };
	struct rn_msg request = *msg;
	const struct own_ctl_event event = {
		.type = OWN_CTL_EV_ALLOCATE, .from = gw->row.number, .msg = &request,
		.force = goes_on(core, gw, &msg->vm),
	};
	const struct rn_pool *pool = NULL;
	const char *why = NULL;
	struct rn_record *record;
	struct rn_public pub;
	uint8_t code = may_ask(core, gw, msg);

	if (!code)
		code = choose(core, &msg->vm, last, &pool, &pub, &why);
	if (code) {
		rn_core_refuse(core, gw, msg, OWN_NOTE_REFUSED, code, why);
		return;
	}
	record = rn_records_public(core->records, &pub);
	if (!record)
		record = rn_records_add(core->records, &pub);
	request.timer.preset = preset_of(core, pool, msg);
	rn_core_step(core, record, &event, &cause);
}

void rn_allocate_home(struct rn_core *core, struct rn_gateway *gw)
{
	const GPtrArray *all = rn_pools_statics(core->pools);

	for (guint i = 0; i < all->len; i++) {
		const struct rn_static *fixed = all->pdata[i];
		const struct rn_msg request = {
			.type = RN_MSG_NATREQ, .vm = fixed->vm, .incarnation = gw->row.incarnation,
		};
		struct rn_record *last = rn_records_vm(core->records, &fixed->vm);

		if (g_strcmp0(fixed->gateway, gw->row.name) || (last && rn_record_owned(last)))
			continue;
		rn_allocate(core, gw, &request, last);
	}
}

static void tell_limit(const char *text, void *data)
{
	struct rn_core *core = data;

	rn_count(&core->counters, limits);
	rn_core_tell(core, NULL, "limit", "controller", text, true);
}

void rn_allocate_owned(struct rn_core *core, const struct rn_record *record,
		       const struct rn_private *vm, int change)
{
	rn_limits_count(core->config->limits, vm, change);
	rn_limits_crossed(core->config->limits, vm, rn_pools_lookup(core->pools, &record->own.pub),
			  tell_limit, core);
}
