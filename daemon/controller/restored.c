// SPDX-License-Identifier: GPL-2.0
#include "base/log.h"
#include "controller/restored.h"

static struct rn_gateway *nth(const struct rn_core *core, guint i)
{
	return core->gateways->by_number->pdata[i];
}

static void save(struct rn_core *core, const struct rn_gateway *gw)
{
	const struct rn_store_unit unit = { .gateway = &gw->row };

	core->saved = rn_store_put(core->store, &unit);
}

void rn_restored_check(struct rn_core *core)
{
	if (!core->restored || core->unheard || core->hold_until)
		return;
	core->hold_until = rn_core_now() + (int64_t)core->config->quarantine;
	rn_notice("restored store: every gateway was heard, mappings are granted again");
	for (guint i = 1; i < core->gateways->by_number->len; i++) {
		struct rn_gateway *gw = nth(core, i);

		if (!gw || !gw->held)
			continue;
		gw->held = false;
		rn_restored_answer(core, gw, gw->held_nonce);
	}
}

void rn_restored_start(struct rn_core *core)
{
	g_autofree char *text = NULL;

	if (!core->restored)
		return;
	for (guint i = 1; i < core->gateways->by_number->len; i++) {
		struct rn_gateway *gw = nth(core, i);

		/* Configured after the backup, it may have been served since. */
		if (gw && !gw->row.incarnation) {
			gw->row.incarnation = RN_STORE_STEP;
			gw->row.unheard = true;
			save(core, gw);
		}
		core->unheard += gw && gw->row.unheard;
	}
	text = rn_restored_text(core);
	rn_warn("%s", text);
	rn_restored_check(core);
}

void rn_restored_heard(struct rn_core *core, struct rn_gateway *gw)
{
	if (!gw->row.unheard)
		return;
	gw->row.unheard = false;
	core->unheard--;
}

void rn_restored_answer(struct rn_core *core, struct rn_gateway *gw, uint64_t nonce)
{
	struct rn_msg answer = {
		.type = RN_MSG_REGISTERED, .nonce = nonce, .lease_ms = gw->lease_ms,
		.incarnation = gw->row.incarnation,
	};

	gw->held = core->unheard != 0;
	gw->held_nonce = nonce;
	if (!gw->held)
		rn_core_send(core, gw->row.number, &answer);
}

bool rn_restored_may_allocate(const struct rn_core *core)
{
	return !core->restored;
}

int64_t rn_restored_wake(const struct rn_core *core)
{
	return core->restored && core->hold_until ? core->hold_until : OWN_NEVER;
}

void rn_restored_end(struct rn_core *core)
{
	const struct rn_store_value value = { .key = RN_STORE_RESTORED };
	const struct rn_store_unit unit = { .value = &value };

	if (rn_restored_wake(core) > rn_core_now())
		return;
	core->restored = false;
	core->saved = rn_store_put(core->store, &unit);
}

char *rn_restored_text(const struct rn_core *core)
{
	g_autoptr(GString) names = g_string_new(NULL);

	if (!core->restored)
		return NULL;
	for (guint i = 1; i < core->gateways->by_number->len; i++) {
		const struct rn_gateway *gw = nth(core, i);

		if (gw && gw->row.unheard)
			g_string_append_printf(names, "%s%s", names->len ? ", " : "", gw->row.name);
	}
	if (!names->len)
		return g_strdup("the store was restored: for the time of a quarantine addresses go only to the VM that had them");
	return g_strdup_printf("the store was restored from a backup: nothing is granted before every gateway has registered; start the agent, or see docs/operations.md if one is off: %s",
			       names->str);
}
