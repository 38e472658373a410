// SPDX-License-Identifier: GPL-2.0
/*
 * MAPPING_RELEASE and MIGRATE: events to the entries that are meant, and, for a
 * client that waits, what became of each.
 */
#include <string.h>
#include "agent/api_priv.h"
#include "base/log.h"

#define TARGETS_MAX	65536	/* of one order; a VM has no more ports */

enum outcome {
	OUTCOME_OPEN,
	OUTCOME_DONE,
	OUTCOME_FAILED,
};

struct target {
	struct rn_private vm;
	uint64_t epoch;		/* when it was ordered */
	uint8_t outcome;	/* enum outcome */
	RnMapping *mapping;	/* as it was last seen */
};

struct order {
	struct agent_call base;
	struct agent_api *api;
	GHashTable *targets;	/* by vm */
	guint open;
	gboolean migrate;
	gboolean back;		/* migrate: to ourselves */
	gboolean begun;		/* all events are given */
	guint timeout;
	uint8_t code;		/* first failure */
	char *text;
};

static guint vm_hash(gconstpointer key)
{
	return rn_private_hash(key);
}

static gboolean vm_equal(gconstpointer a, gconstpointer b)
{
	return rn_private_equal(a, b);
}

static void target_free(void *data)
{
	struct target *target = data;

	g_clear_pointer(&target->mapping, agent_select_mapping_free);
	g_free(target);
}

static void order_free(struct agent_call *base)
{
	struct order *order = (struct order *)base;

	g_ptr_array_remove_fast(order->api->orders, order);
	g_clear_handle_id(&order->timeout, g_source_remove);
	g_hash_table_unref(order->targets);
	g_free(order->text);
	g_free(order);
}

static void nothing(struct agent_call *base G_GNUC_UNUSED)
{
}

/* ---- the answer ---- */

static void answer(struct order *order)
{
	g_autoptr(GPtrArray) mappings = g_ptr_array_new();
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	GHashTableIter iter;
	void *value;

	g_hash_table_iter_init(&iter, order->targets);
	while (g_hash_table_iter_next(&iter, NULL, &value) && mappings->len < 512) {
		struct target *target = value;

		g_ptr_array_add(mappings, target->mapping);
	}
	reply.code = order->code;
	reply.text = order->text ? order->text : (char *)"";
	reply.n_mappings = mappings->len;
	reply.mappings = (RnMapping **)mappings->pdata;
	reply.last = TRUE;
	rn_control_reply(order->base.call, &reply);
	order_free(&order->base);
}

static gboolean time_over(gpointer data)
{
	struct order *order = data;

	order->timeout = 0;
	order->code = RN_CODE_NO_ANSWER;
	g_free(order->text);
	order->text = g_strdup_printf("%u of %u mappings are still on their way; look with `natctl mapping show`",
				      order->open, g_hash_table_size(order->targets));
	answer(order);
	return G_SOURCE_REMOVE;
}

/* ---- what became of it ---- */

static enum outcome fail(struct order *order, enum rn_code code, const struct rn_private *vm,
			 const char *why)
{
	char text[RN_SIDE_TEXT];

	if (!order->code) {
		order->code = (uint8_t)code;
		order->text = g_strdup_printf("%s: %s", rn_private_print(vm, text), why);
	}
	return OUTCOME_FAILED;
}

static enum outcome judge_release(struct order *order, const struct target *target,
				  const struct own_gw_entry *own)
{
	switch ((enum own_gw_state)own->state) {
	case OWN_GW_NONE:
	case OWN_GW_PENDING:
		return OUTCOME_DONE;
	case OWN_GW_MOVING_OUT:
	case OWN_GW_RESUMING:
	case OWN_GW_RELEASING:
	case OWN_GW_SUSPENDED:
		return OUTCOME_OPEN;
	case OWN_GW_ACTIVE:
		if (own->epoch == target->epoch)
			return fail(order, RN_CODE_BUSY, &target->vm,
				    "the kernel did not stop it; the agent's log says why");
		return fail(order, RN_CODE_BUSY, &target->vm, "it is in use again");
	case OWN_GW_MOVING_IN:
		return fail(order, RN_CODE_BUSY, &target->vm, "it is just moving here");
	}
	return OUTCOME_OPEN;
}

static enum outcome judge_migrate(struct order *order, const struct target *target,
				  const struct own_gw_entry *own)
{
	switch ((enum own_gw_state)own->state) {
	case OWN_GW_NONE:
	case OWN_GW_PENDING:
		if (order->back)
			return fail(order, RN_CODE_NOT_OWNER, &target->vm,
				    "another gateway has it by now; migrate it back from there");
		return OUTCOME_DONE;
	case OWN_GW_MOVING_OUT:
	case OWN_GW_RESUMING:
	case OWN_GW_RELEASING:
	case OWN_GW_SUSPENDED:
	case OWN_GW_MOVING_IN:
		return OUTCOME_OPEN;
	case OWN_GW_ACTIVE:
		if (order->back)
			return OUTCOME_DONE;
		if (own->epoch == target->epoch)
			return fail(order, RN_CODE_BUSY, &target->vm,
				    "the kernel did not stop it; the agent's log says why");
		return fail(order, RN_CODE_NOT_CONFIRMED, &target->vm,
			    "the move was not confirmed, so it is back here; see the log of both gateways and of the controller");
	}
	return OUTCOME_OPEN;
}

static void look(struct order *order, const struct agent_entry *entry)
{
	struct target *target = g_hash_table_lookup(order->targets, &entry->own.vm);

	if (!target || target->outcome != OUTCOME_OPEN)
		return;
	target->outcome = order->migrate ? judge_migrate(order, target, &entry->own) :
					   judge_release(order, target, &entry->own);
	if (entry->own.id) {
		agent_select_mapping_free(target->mapping);
		target->mapping = agent_api_mapping(order->api, entry);
	} else {
		g_free(target->mapping->state);
		target->mapping->state = g_strdup(own_gw_state_to_string(entry->own.state));
	}
	if (target->outcome != OUTCOME_OPEN)
		order->open--;
}

void agent_order_stepped(struct agent_api *api, const struct agent_entry *entry)
{
	/* Backwards: an answered order leaves the array. */
	for (guint i = api->orders->len; i-- > 0;) {
		struct order *order = api->orders->pdata[i];

		look(order, entry);
		if (order->begun && !order->open)
			answer(order);
	}
}

/* ---- the order ---- */

static struct order *order_new(struct agent_api *api, struct rn_control_call *call)
{
	struct order *order = g_new0(struct order, 1);

	order->base = (struct agent_call) { call, nothing, order_free };
	order->api = api;
	order->targets = g_hash_table_new_full(vm_hash, vm_equal, NULL, target_free);
	g_ptr_array_add(api->orders, order);
	return order;
}

static void add_target(struct order *order, const struct agent_entry *entry)
{
	struct target *target = g_new0(struct target, 1);

	target->vm = entry->own.vm;
	target->epoch = entry->own.epoch;
	target->mapping = agent_api_mapping(order->api, entry);
	g_hash_table_insert(order->targets, &target->vm, target);
	order->open++;
}

/* The entries that are meant and have a mapping of their own here. */
static struct order *collect(struct agent_api *api, struct rn_control_call *call,
			     const struct agent_select *select)
{
	struct agent_table *table = agent_core_table(api->core);
	struct order *order = order_new(api, call);

	for (guint i = 0; i < agent_entry_count(table); i++) {
		const struct agent_entry *entry = agent_entry_at(table, i);

		if (entry->own.state != OWN_GW_NONE && entry->own.state != OWN_GW_PENDING &&
		    agent_select_match(select, entry))
			add_target(order, entry);
		if (g_hash_table_size(order->targets) > TARGETS_MAX)
			break;
	}
	if (g_hash_table_size(order->targets) && g_hash_table_size(order->targets) <= TARGETS_MAX)
		return order;
	if (g_hash_table_size(order->targets))
		rn_control_refuse(call, RN_CODE_LIMIT,
				  "more than %d mappings at once: name fewer", TARGETS_MAX);
	else
		rn_control_refuse(call, RN_CODE_UNKNOWN_VM,
				  "this gateway has no such mapping; `natctl mapping show` lists them");
	order_free(&order->base);
	return NULL;
}

static gboolean select_of(struct rn_control_call *call, const RnRequest *request,
			  struct agent_select *select)
{
	g_autoptr(GError) error = NULL;

	if (agent_select_parse(request->selector, select, &error))
		return TRUE;
	rn_control_refuse(call, RN_CODE_BAD_MESSAGE, "%s", error->message);
	return FALSE;
}

static void carry_out(struct order *order, const RnRequest *request, uint32_t dst)
{
	struct agent_core *core = order->api->core;
	struct agent_table *table = agent_core_table(core);
	GHashTableIter iter;
	void *value;

	rn_control_set_user(order->base.call, order);
	g_hash_table_iter_init(&iter, order->targets);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct target *target = value;
		struct agent_entry *entry = agent_entry_lookup(table, &target->vm);

		if (!entry)
			continue;
		if (order->migrate)
			agent_core_vm_left(core, entry, dst);
		else
			agent_core_release(core, entry);
	}
	order->begun = TRUE;
	if (!order->open || !request->wait)
		answer(order);
	else if (request->timeout_ms)
		order->timeout = g_timeout_add(request->timeout_ms, time_over, order);
}

void agent_order_release(struct agent_api *api, struct rn_control_call *call,
			 const RnRequest *request)
{
	struct agent_select select;
	struct order *order;

	if (!select_of(call, request, &select))
		return;
	if (!select.by_public && !select.by_private && !select.id) {
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE,
				  "name the public or the private side of what is to be released");
		return;
	}
	/* Frozen without an answer, the VM would be cut off. */
	if (strcmp(agent_session_state(api->session), "up")) {
		rn_control_refuse(call, RN_CODE_NOT_REGISTERED,
				  "no session with the controller, which has to grant the release; nothing was changed");
		return;
	}
	order = collect(api, call, &select);
	if (!order)
		return;
	rn_notice("release of %u mappings, asked for by %s%s%s", order->open,
		  rn_control_caller(call), request->reason[0] ? ": " : "", request->reason);
	carry_out(order, request, 0);
}

/* Addresses are unique in a zone only. */
static gboolean one_zone(const struct order *order)
{
	gboolean first = TRUE;
	GHashTableIter iter;
	uint32_t zone = 0;
	void *value;

	g_hash_table_iter_init(&iter, order->targets);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct target *target = value;

		if (!first && target->vm.zone != zone)
			return FALSE;
		zone = target->vm.zone;
		first = FALSE;
	}
	return TRUE;
}

void agent_order_migrate(struct agent_api *api, struct rn_control_call *call,
			 const RnRequest *request)
{
	gboolean back = !strcmp(request->to, api->config->name);
	uint32_t dst = back ? agent_session_self(api->session) :
			      agent_peer_number(api->peers, request->to);
	struct agent_select select;
	struct order *order;

	if (!select_of(call, request, &select))
		return;
	if (!select.by_private && !select.by_public && !select.id) {
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE,
				  "name the private address of the VM that has moved");
		return;
	}
	if (!dst) {
		rn_control_refuse(call, RN_CODE_UNKNOWN_GATEWAY,
				  "the controller has named no gateway %s to this one; `natctl gateway show` lists them",
				  request->to[0] ? request->to : "(empty)");
		return;
	}
	order = collect(api, call, &select);
	if (!order)
		return;
	if (!one_zone(order)) {
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE,
				  "that address exists in more than one zone: name the zone");
		order_free(&order->base);
		return;
	}
	order->migrate = TRUE;
	order->back = back;
	rn_notice("%s %s %s, says %s", request->selector->private_[0] ?
		  request->selector->private_ : "the VM", back ? "came back to" : "left for",
		  request->to, rn_control_caller(call));
	carry_out(order, request, dst);
}
