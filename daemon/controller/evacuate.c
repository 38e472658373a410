// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "base/log.h"
#include "controller/evacuate.h"
#include "controller/order-priv.h"
#include "controller/standing.h"
#include "controller/tell.h"

#define TURN_US		10000	/* for orders of a turn of the loop */
#define FULL_MS		20	/* until a gateway that has enough to read is looked at */
#define AWAY_MS		1000	/* until one that is away is */
#define AGAIN_MS	2000	/* until those that did not move are tried again */
#define PASSES		3
#define KEEP		1024	/* mappings moved, until their number is on disk */
/* Packets of a mapping wait while it moves: if moves take longer than this, there are too
 * many at a time for these gateways.
 */
#define SLOW_MS		400
#define PACE_MIN	32	/* mappings in flight, at the beginning and at least */

static const char *const state_names[] = {
	[0] = "planned",
	[RN_EVACUATION_RUNNING] = "running",
	[RN_EVACUATION_DONE] = "done",
	[RN_EVACUATION_INCOMPLETE] = "incomplete",
	[RN_EVACUATION_CANCELLED] = "cancelled",
};

const char *rn_evacuation_state_to_string(uint8_t state)
{
	return state < G_N_ELEMENTS(state_names) ? state_names[state] : "unknown";
}

bool rn_evacuation_running(const struct rn_gateway *gw)
{
	return gw->evacuation && gw->evacuation->row.state == RN_EVACUATION_RUNNING;
}

static void save(struct rn_evacuation *e)
{
	const struct rn_store_unit unit = { .evacuation = &e->row };

	e->core->saved = rn_store_put(e->core->store, &unit);
}

static gboolean on_turn(gpointer data);

static void go_on(struct rn_evacuation *e, guint ms)
{
	if (e->source)
		g_source_remove(e->source);
	e->source = ms ? g_timeout_add(ms, on_turn, e) :
		g_idle_add_full(G_PRIORITY_DEFAULT, on_turn, e, NULL);
}

static gboolean wait_for(struct rn_evacuation *e, guint ms, const char *format, const char *name)
{
	g_free(e->waits);
	e->waits = format ? g_strdup_printf(format, name) : NULL;
	e->source = 0;
	go_on(e, ms);
	return G_SOURCE_REMOVE;
}

/* ---- the end ---- */

static void unwatch(struct rn_evacuation *e)
{
	GHashTableIter iter;
	gpointer record;

	g_hash_table_iter_init(&iter, e->watched);
	while (g_hash_table_iter_next(&iter, &record, NULL))
		rn_watch_end(&e->watch, record);
	g_hash_table_remove_all(e->watched);
	e->in_flight = 0;
}

/* "17 mappings did not move: plan-exceeded 12, no-answer 5" */
static char *reasons(const struct rn_evacuation *e)
{
	GString *text = g_string_new(NULL);
	guint n[RN_CODE_MAX + 1] = { 0 };
	const char *before = ": ";

	g_string_printf(text, "%u mappings did not move", e->gw->owned.length);
	for (guint i = 0; i < e->codes->len; i++)
		n[g_array_index(e->codes, uint8_t, i)]++;
	for (guint code = 0; code <= RN_CODE_MAX; code++)
		if (n[code]) {
			g_string_append_printf(text, "%s%s %u", before, rn_code_to_string(code),
					       n[code]);
			before = ", ";
		}
	return g_string_free(text, FALSE);
}

/* When it is on disk; another evacuation may have begun meanwhile. */
struct ended {
	struct rn_core *core;
	struct rn_store_evacuation row;
	uint8_t code;
	GPtrArray *jobs;
};

static void answer_jobs(void *data)
{
	struct ended *ended = data;

	for (guint i = 0; i < ended->jobs->len; i++)
		rn_evacuation_answer(ended->core, &ended->row, ended->code,
				     ended->jobs->pdata[i]);
	g_ptr_array_unref(ended->jobs);
	g_free(ended);
}

static void answer_later(struct rn_evacuation *e)
{
	struct ended *ended = g_new0(struct ended, 1);

	ended->core = e->core;
	ended->row = e->row;
	ended->code = e->row.state != RN_EVACUATION_INCOMPLETE ? RN_CODE_OK :
		e->codes->len ? g_array_index(e->codes, uint8_t, 0) : RN_CODE_NOT_CONFIRMED;
	ended->jobs = g_steal_pointer(&e->jobs);
	e->jobs = g_ptr_array_new();
	rn_core_later(e->core, answer_jobs, ended);
}

static void end(struct rn_evacuation *e, enum rn_evacuation_state state, const char *by,
		const char *text)
{
	static const char *const events[] = {
		[RN_EVACUATION_DONE] = "evacuated",
		[RN_EVACUATION_INCOMPLETE] = "evacuation-stuck",
		[RN_EVACUATION_CANCELLED] = "evacuation-cancelled",
	};

	if (e->source)
		g_source_remove(e->source);
	e->source = 0;
	unwatch(e);
	g_clear_pointer(&e->waits, g_free);
	e->row.state = state;
	e->row.ended_ns = g_get_real_time() * 1000;
	g_strlcpy(e->row.text, text, sizeof(e->row.text));
	save(e);
	rn_core_tell(e->core, e->gw, events[state], by, text, true);
	answer_later(e);
}

/* Will it be the same in two seconds? */
static bool lasting(uint8_t code)
{
	return code == RN_CODE_PLAN_EXCEEDED || code == RN_CODE_DRAINED ||
	       code == RN_CODE_UNKNOWN_GATEWAY;
}

static void pass_over(struct rn_evacuation *e)
{
	g_autofree char *text = NULL;
	bool again = e->gw->owned.length > e->codes->len;

	for (guint i = 0; i < e->codes->len; i++)
		again = again || !lasting(g_array_index(e->codes, uint8_t, i));
	if (e->gw->owned.length && again && ++e->pass < PASSES) {
		g_clear_pointer(&e->ids, g_array_unref);
		go_on(e, AGAIN_MS);
		return;
	}
	if (!e->gw->owned.length) {
		end(e, RN_EVACUATION_DONE, e->row.by, "");
		return;
	}
	text = reasons(e);
	end(e, RN_EVACUATION_INCOMPLETE, e->row.by, text);
}

/* ---- one mapping ---- */

/* True while it is undecided; else what became of it is counted. */
static bool judge(struct rn_evacuation *e, const struct rn_record *record)
{
	const struct own_ctl_rec *own = &record->own;
	bool here = rn_record_owned(record) && own->owner == e->gw->row.number;
	uint8_t code = record->code ? record->code : RN_CODE_NOT_CONFIRMED;

	if (here && (own->state != OWN_CTL_GRANTED || own->move_to))
		return true;
	if (here) {
		g_array_append_val(e->codes, code);
		return false;
	}
	e->row.moved += rn_record_owned(record);
	if (e->row.moved % KEEP == 0)
		save(e);
	return false;
}

static gint64 now_ms(void)
{
	return g_get_monotonic_time() / 1000;
}

/*
 * How many may be in flight, by how long the last one took: doubled in each round until
 * one is slow, then half, then one more in each round, as TCP does. One slow round
 * counts once.
 */
static void pace(struct rn_evacuation *e, gint64 began)
{
	gint64 now = now_ms();

	if (now - began <= SLOW_MS) {
		if (!e->slowed || ++e->quick >= e->pace) {
			e->pace = MIN(e->pace + 1, e->row.in_flight);
			e->quick = 0;
		}
	} else if (began >= e->slowed) {
		e->pace = MAX(e->pace / 2, MIN(PACE_MIN, e->row.in_flight));
		e->slowed = now;
		e->quick = 0;
	}
}

static void on_changed(struct rn_watch *watch, struct rn_record *record)
{
	struct rn_evacuation *e = (struct rn_evacuation *)watch;

	if (judge(e, record))
		return;
	pace(e, (gint64)GPOINTER_TO_SIZE(g_hash_table_lookup(e->watched, record)));
	rn_watch_end(watch, record);
	g_hash_table_remove(e->watched, record);
	e->in_flight--;
	if (!e->source)
		go_on(e, 0);
}

/* False: it cannot be now, and *code says why. */
static bool begin_one(struct rn_evacuation *e, struct rn_record *record, uint8_t *code)
{
	struct own_ctl_rec *own = &record->own;
	struct rn_msg msg = { .cause = RN_CAUSE_OPERATOR, .id = own->id, .vm = own->vm };
	const struct own_ctl_event event = {
		.type = OWN_CTL_EV_MIGRATE, .force = e->row.force, .msg = &msg,
	};
	const struct rn_cause_of cause = { .by = e->row.by };
	struct rn_gateway *to;

	rn_tell_catch_up(e->core, record);
	if (!rn_record_owned(record) || own->owner != e->gw->row.number)
		return true;
	/* Of another order that moves it already: wait for its end. */
	if (!own->move_to) {
		to = rn_spread_pick(&e->spread, record, code);
		if (!to && *code == RN_CODE_NOT_REGISTERED)
			return false;
		if (!to) {
			g_array_append_val(e->codes, *code);
			return true;
		}
		record->code = RN_CODE_OK;
		msg.dst = to->row.number;
		rn_order_sign(record, e->row.by, e->row.reason);
		rn_core_step(e->core, record, &event, &cause);
	}
	if (!judge(e, record))
		return true;
	rn_watch_begin(&e->watch, record);
	g_hash_table_insert(e->watched, record, GSIZE_TO_POINTER((gsize)now_ms()));
	e->in_flight++;
	return true;
}

/* ---- turns ---- */

static void snapshot(struct rn_evacuation *e)
{
	e->ids = g_array_sized_new(FALSE, FALSE, sizeof(uint64_t), e->gw->owned.length);
	for (const GList *l = e->gw->owned.head; l; l = l->next) {
		const struct rn_record *record = l->data;

		g_array_append_val(e->ids, record->own.id);
	}
	e->next = 0;
	g_array_set_size(e->codes, 0);
}

static bool any_full(struct rn_evacuation *e)
{
	for (guint i = 0; i < e->spread.n; i++)
		if (e->core->hooks->full(e->spread.target[i].gw))
			return true;
	return e->core->hooks->full(e->gw) || rn_core_behind(e->core);
}

static gboolean on_turn(gpointer data)
{
	gint64 until = g_get_monotonic_time() + TURN_US;
	struct rn_evacuation *e = data;
	uint8_t code;

	rn_gateway_refresh(e->gw, rn_core_now());
	if (!e->gw->own.registered || !e->gw->own.connected)
		return wait_for(e, AWAY_MS, "%s is silent: when it is off, natctl takeover",
				e->gw->row.name);
	if (!e->ids)
		snapshot(e);
	while (e->next < e->ids->len && e->in_flight < e->pace &&
	       g_get_monotonic_time() < until) {
		uint64_t id = g_array_index(e->ids, uint64_t, e->next);
		struct rn_record *record = rn_records_id(e->core->records, id);

		if (any_full(e))
			return wait_for(e, FULL_MS, NULL, NULL);
		if (record && !begin_one(e, record, &code))
			return wait_for(e, AWAY_MS, "%s: none of the gateways is connected where it could go",
					e->gw->row.name);
		e->next++;
	}
	g_clear_pointer(&e->waits, g_free);
	if (e->next < e->ids->len && e->in_flight < e->pace)
		return G_SOURCE_CONTINUE;
	e->source = 0;
	if (e->next == e->ids->len && !e->in_flight)
		pass_over(e);
	return G_SOURCE_REMOVE;
}

/* ---- begin ---- */

static void evacuation_free(struct rn_evacuation *e)
{
	if (e->source)
		g_source_remove(e->source);
	unwatch(e);
	for (guint i = 0; i < e->jobs->len; i++)
		g_free(e->jobs->pdata[i]);
	g_ptr_array_unref(e->jobs);
	g_hash_table_unref(e->watched);
	g_clear_pointer(&e->ids, g_array_unref);
	g_array_unref(e->codes);
	rn_spread_uninit(&e->spread);
	g_free(e->waits);
	g_free(e);
}

static struct rn_evacuation *evacuation_new(struct rn_core *core, struct rn_gateway *gw,
					    const struct rn_store_evacuation *row)
{
	struct rn_evacuation *e = g_new0(struct rn_evacuation, 1);

	if (gw->evacuation)
		evacuation_free(gw->evacuation);
	gw->evacuation = e;
	e->watch.changed = on_changed;
	e->core = core;
	e->gw = gw;
	e->row = *row;
	e->row.gateway = gw->row.number;
	e->pace = MIN(PACE_MIN, e->row.in_flight);
	e->codes = g_array_new(FALSE, FALSE, sizeof(uint8_t));
	e->watched = g_hash_table_new(NULL, NULL);
	e->jobs = g_ptr_array_new();
	e->spread.core = core;
	e->spread.force = row->force;
	for (uint32_t i = 0; i < row->n_targets; i++) {
		struct rn_gateway *to = rn_gateways_number(core->gateways, row->target[i]);

		if (to)
			e->spread.target[e->spread.n++].gw = to;
	}
	rn_spread_init(&e->spread, false);
	return e;
}

struct rn_evacuation *rn_evacuation_begin(struct rn_core *core, struct rn_gateway *gw,
					  const struct rn_store_evacuation *row)
{
	struct rn_evacuation *e = evacuation_new(core, gw, row);
	g_autoptr(GString) text = g_string_new("to");

	for (guint i = 0; i < e->spread.n; i++)
		g_string_append_printf(text, " %s", e->spread.target[i].gw->row.name);
	if (*row->reason)
		g_string_append_printf(text, "%s: %s", row->force ? " (force)" : "", row->reason);
	e->row.state = RN_EVACUATION_RUNNING;
	e->row.total = gw->owned.length;
	e->row.began_ns = g_get_real_time() * 1000;
	rn_count(&core->counters, evacuations);
	rn_standing_set_drained(core, gw, true, row->by, "it is evacuated");
	save(e);
	rn_core_tell(core, gw, "evacuating", row->by, text->str, true);
	go_on(e, 0);
	return e;
}

void rn_evacuation_cancel(struct rn_evacuation *e, const char *by)
{
	g_autofree char *text = g_strdup_printf("%u moved, %u on their way, the rest stays; %s remains drained",
						e->row.moved, e->in_flight, e->gw->row.name);

	end(e, RN_EVACUATION_CANCELLED, by, text);
}

void rn_evacuation_wait(struct rn_evacuation *e, struct rn_job *job)
{
	g_ptr_array_add(e->jobs, job);
}

void rn_evacuations_restore(struct rn_core *core, const struct rn_store_evacuation *row)
{
	struct rn_gateway *gw = rn_gateways_number(core->gateways, row->gateway);

	if (gw)
		evacuation_new(core, gw, row);
}

void rn_evacuations_start(struct rn_core *core)
{
	for (guint i = 1; i < core->gateways->by_number->len; i++) {
		struct rn_gateway *gw = rn_gateways_number(core->gateways, i);

		if (gw && rn_evacuation_running(gw))
			go_on(gw->evacuation, 0);
	}
}

void rn_evacuations_stop(struct rn_core *core)
{
	for (guint i = 1; i < core->gateways->by_number->len; i++) {
		struct rn_gateway *gw = rn_gateways_number(core->gateways, i);

		if (gw && gw->evacuation)
			evacuation_free(gw->evacuation);
		if (gw)
			gw->evacuation = NULL;
	}
}
