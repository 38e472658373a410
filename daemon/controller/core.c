// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "base/random.h"
#include "base/wake.h"
#include "controller/allocate.h"
#include "controller/audit.h"
#include "controller/evacuate.h"
#include "controller/load.h"
#include "controller/output.h"
#include "controller/point.h"
#include "controller/restored.h"
#include "controller/tell.h"

#define FULL_RETRY_MS		500	/* for a gateway that does not read, or the disk */
#define RECLAIMS_PER_TURN	256
#define RECLAIM_AGAIN_MS	10000	/* after those that were in a verification */

static int64_t clock_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t rn_core_now(void)
{
	return clock_ms(CLOCK_BOOTTIME);
}

int64_t rn_core_wall(void)
{
	static int64_t base;

	if (!base)
		base = clock_ms(CLOCK_REALTIME) - rn_core_now();
	return base + rn_core_now();
}

/* ---- time ---- */

void rn_core_arm(struct rn_core *core)
{
	const struct rn_heap_node *lease = rn_heap_first(&core->gateways->leases);
	int64_t wake = rn_records_next_wake(core->records);
	int64_t left;

	if (lease && lease->due < wake)
		wake = lease->due;
	wake = MIN(wake, rn_audit_wake(core));
	wake = MIN(wake, rn_restored_wake(core));
	if (wake == OWN_NEVER) {
		rn_wake_at(core->timer, -1);
		return;
	}
	left = MAX(wake - rn_core_now(), 0);
	rn_wake_at(core->timer, g_get_monotonic_time() + left * 1000);
}

/* What it would do now is to say something again, to one that does not read or
 * behind a disk that is slow: it can wait, as long as nothing is over.
 */
static bool postpone(struct rn_core *core, struct rn_record *record, int64_t now)
{
	const struct own_ctl_rec *own = &record->own;
	bool at_dst = own->state == OWN_CTL_VERIFY_DST;
	struct rn_gateway *peer = rn_gateways_number(core->gateways,
						     at_dst ? own->dst : own->owner);
	int64_t end = OWN_NEVER;

	if (!rn_core_behind(core) && (!peer || !core->hooks->full(peer)))
		return false;
	if (rn_record_owned(record) && own->state != OWN_CTL_GRANTED)
		end = own->since + OWN_T_VERIFY;
	else if (own->move_to)
		end = own->move_until;
	if (end <= now)
		return false;
	rn_count(&core->counters, postponed);
	rn_records_postpone(core->records, record, MIN(now + FULL_RETRY_MS, end));
	return true;
}

static void save_gateway(struct rn_gateway *gw, void *data)
{
	const struct rn_store_unit unit = { .gateway = &gw->row };
	struct rn_core *core = data;

	core->saved = rn_store_put(core->store, &unit);
}

static void lease_over(struct rn_core *core, struct rn_gateway *gw, int64_t now)
{
	bool unheard = gw->row.unheard;

	rn_tell_finish(core, gw);
	rn_gateway_over(gw, now);
	rn_count(&core->counters, leases_over);
	rn_restored_heard(core, gw);
	if (unheard)
		save_gateway(gw, core);
	rn_core_tell(core, gw, "lease-over", NULL, "not renewed: what it owns can be taken over",
		     true);
	rn_restored_check(core);
	rn_tell_records(core, gw, OWN_CTL_EV_FENCED, "lease");
	if (core->config->reclaim)
		rn_gateway_again(core->gateways, gw, now + (int64_t)core->config->reclaim);
}

/*
 * T_reclaim: the lease is over for so long that nobody waits for the gateway. In
 * parts; what is under verification is looked at again later. A fence is no
 * lease: a gateway that is off by assertion never comes here.
 */
static void reclaim(struct rn_core *core, struct rn_gateway *gw, int64_t now)
{
	const struct own_ctl_event event = {
		.type = OWN_CTL_EV_RECLAIM, .from = gw->row.number,
	};
	const struct rn_cause_of cause = { .by = "controller", .reclaim = true };
	const GList *next, *l = gw->owned.head;
	guint before = gw->owned.length;

	rn_gateway_refresh(gw, now);
	if (!core->config->reclaim || !gw->own.over || gw->row.fenced)
		return;
	for (int n = 0; l && n < RECLAIMS_PER_TURN; n++, l = next) {
		struct rn_record *record = l->data;

		next = l->next;
		if (record->own.state == OWN_CTL_GRANTED && !record->own.move_to)
			rn_core_step(core, record, &event, &cause);
	}
	if (gw->owned.length)
		rn_gateway_again(core->gateways, gw, gw->owned.length < before ? now :
				 now + RECLAIM_AGAIN_MS);
}

static gboolean on_timer(GSource *source, GSourceFunc func, gpointer data)
{
	static const struct own_ctl_event event = { .type = OWN_CTL_EV_TIME };
	static const struct rn_cause_of nobody;
	struct rn_core *core = data;
	int64_t now = rn_core_now();
	struct rn_record *record;
	struct rn_gateway *gw;

	(void)source;
	(void)func;
	while ((gw = rn_gateways_next_over(core->gateways, now))) {
		if (gw->over_told)
			reclaim(core, gw, now);
		else
			lease_over(core, gw, now);
	}
	rn_audit_prune(core);
	rn_restored_end(core);
	for (int n = 0; n < RN_CORE_TURN && (record = rn_records_due(core->records, now)); n++)
		if (!postpone(core, record, now))
			rn_core_step(core, record, &event, &nobody);
	rn_core_arm(core);
	return G_SOURCE_CONTINUE;
}

void rn_core_tell(struct rn_core *core, struct rn_gateway *gw, const char *what,
		  const char *by, const char *text, bool audit)
{
	struct rn_store_audit event = {
		.time_ns = rn_audit_time(core),
		.from = gw ? gw->row.number : RN_CONTROLLER,
	};

	event.rev = ++core->rev;
	g_strlcpy(event.what, what, sizeof(event.what));
	g_strlcpy(event.by, by || !gw ? by : gw->row.name, sizeof(event.by));
	g_strlcpy(event.text, text ? text : "", sizeof(event.text));
	rn_output_log(core, &event, 0);
	if (audit)
		rn_audit_put(core, &event);
	rn_output_event(core, &event);
	rn_output_release(core);
}

/* ---- the step ---- */

static const struct own_ctl_gw *env_gw(void *ctx, uint32_t number)
{
	static const struct own_ctl_gw none;
	struct rn_core *core = ctx;
	struct rn_gateway *gw = rn_gateways_number(core->gateways, number);

	if (!gw || !number)
		return &none;
	rn_gateway_refresh(gw, rn_core_now());
	return &gw->own;
}

static void sync_pool(struct rn_core *core, const struct rn_record *record, bool was_owned,
		      const struct rn_private *vm)
{
	const struct own_ctl_rec *own = &record->own;
	bool owned = rn_record_owned(record);

	if (owned && !was_owned)
		rn_pools_grant(core->pools, &own->pub, &own->vm);
	else if (!owned && was_owned)
		rn_pools_quarantine(core->pools, &own->pub, vm,
				    own->state == OWN_CTL_QUARANTINE ? own->free_at : 0);
}

static void check_overload(struct rn_core *core, uint32_t number)
{
	struct rn_gateway *gw = rn_gateways_number(core->gateways, number);
	g_autofree char *text = NULL;

	if (!gw || !rn_plan_crossed(&gw->plan, gw->owned.length))
		return;
	rn_count(&core->counters, overloads);
	text = g_strdup_printf("%u mappings, the threshold is %u: move some to another gateway",
			       gw->owned.length, gw->plan.overload);
	rn_core_tell(core, gw, "overload", "controller", text, true);
}

static void carry_out(struct rn_core *core, struct rn_record *record, uint64_t epoch,
		      const struct own_acts *acts, const struct rn_cause_of *cause)
{
	const struct rn_store_mapping row = rn_record_row(record);
	struct rn_store_audit events[OWN_ACTIONS_MAX], audit[OWN_ACTIONS_MAX];
	struct rn_store_unit unit = { .audit = audit };
	gsize n_events = 0;

	for (unsigned int i = 0; i < acts->n; i++) {
		const struct own_act *act = &acts->act[i];
		struct rn_store_audit *event = &events[n_events];

		if (act->type == OWN_ACT_SAVE)
			unit.mapping = &row;
		if (act->type != OWN_ACT_NOTE)
			continue;
		if (act->note == OWN_NOTE_REFUSED)
			record->code = act->msg.code;
		if (rn_output_take(core, act, record, epoch, cause, event))
			audit[unit.n_audit++] = *event;
		/* Nothing is on disk for it, and somebody waits to unpause a VM. */
		if (event->rev && act->note == OWN_NOTE_READY)
			rn_output_event(core, event);
		else if (event->rev)
			n_events++;
	}
	if (unit.mapping)
		RN_FAILPOINT("ctl.before-put");
	if (unit.mapping || unit.n_audit) {
		uint64_t seq = rn_store_put(core->store, &unit);

		if (unit.n_audit)
			rn_audit_kept(core, audit[0].time_ns);
		if (unit.mapping)
			core->saved = seq;
	}
	if (unit.mapping)
		RN_FAILPOINT("ctl.after-put");
	for (unsigned int i = 0; i < acts->n; i++)
		if (acts->act[i].type == OWN_ACT_SEND)
			rn_output_message(core, acts->act[i].to, &acts->act[i].msg);
	for (gsize i = 0; i < n_events; i++)
		rn_output_event(core, &events[i]);
}

void rn_core_step(struct rn_core *core, struct rn_record *record,
		  const struct own_ctl_event *event, const struct rn_cause_of *cause)
{
	const struct own_ctl_env env = {
		.now = rn_core_now(),
		.wall = rn_core_wall(),
		.random = rn_random(),
		.mode = core->config->mode,
		.quarantine = core->config->quarantine,
		.gw = env_gw,
		.ctx = core,
	};
	struct own_acts acts;
	struct rn_private vm;
	uint64_t epoch;
	uint32_t owner, ordered;
	bool was_owned;

	rn_tell_catch_up(core, record);
	vm = record->own.vm;
	epoch = record->own.epoch;
	was_owned = rn_record_owned(record);
	owner = record->owner_queue;
	ordered = record->own.move_to;
	own_ctl_step(&env, &record->own, event, &acts);
	rn_records_update(core->records, record, &vm);
	sync_pool(core, record, was_owned, &vm);
	carry_out(core, record, epoch, &acts, cause);
	if (was_owned != rn_record_owned(record))
		rn_allocate_owned(core, record, was_owned ? &vm : &record->own.vm,
				  was_owned ? -1 : 1);
	if (ordered && ordered != record->own.move_to &&
	    (!rn_record_owned(record) || record->own.owner != ordered))
		rn_output_order_over(core, record, ordered);
	if (record->by && !record->own.move_to && record->own.state == OWN_CTL_GRANTED)
		rn_record_forget_order(record);
	if (owner != record->owner_queue) {
		check_overload(core, owner);
		check_overload(core, record->owner_queue);
	}
	rn_core_arm(core);
	rn_output_release(core);
	if (record->watches)
		core->hooks->changed(record, core->hooks_data);
}

/* ---- messages ---- */

void rn_core_refuse(struct rn_core *core, struct rn_gateway *gw, const struct rn_msg *msg,
		    enum own_note note, uint8_t code, const char *text)
{
	const struct rn_cause_of cause = { .gw = gw, .epoch = msg->epoch };
	struct own_act act = {
		.type = OWN_ACT_NOTE,
		.note = note,
		.from_gw = gw->row.number,
		.msg = {
			.type = RN_MSG_DENY,
			.code = code,
			.id = msg->id,
			.vm = msg->vm,
			.epoch = msg->epoch,
			.nonce = msg->nonce,
			.incarnation = gw->row.incarnation,
		},
	};
	struct rn_store_audit event;

	g_strlcpy(act.msg.text, text ? text : rn_code_to_sentence(code), sizeof(act.msg.text));
	if (rn_output_take(core, &act, NULL, 0, &cause, &event))
		rn_audit_put(core, &event);
	rn_output_message(core, gw->row.number, &act.msg);
	if (event.rev)
		rn_output_event(core, &event);
	rn_output_release(core);
}

uint8_t rn_core_plan_refuses(struct rn_core *core, const struct rn_gateway *gw, uint8_t kind,
			     bool moving)
{
	const struct rn_plan_use use = rn_gateway_use(gw);

	(void)core;
	if (moving && gw->row.drained)
		return RN_CODE_DRAINED;
	return rn_plan_room(&gw->plan, &use, kind == RN_KIND_BLOCK, moving) ? RN_CODE_OK :
	       RN_CODE_PLAN_EXCEEDED;
}

/* A message that names an id which was never issued. */
static void unknown_id(struct rn_core *core, struct rn_gateway *gw, const struct rn_msg *msg)
{
	struct rn_msg never = {
		.type = RN_MSG_NEVER, .id = msg->id, .vm = msg->vm, .epoch = msg->epoch,
		.nonce = msg->nonce, .incarnation = gw->row.incarnation,
	};

	switch (msg->type) {
	case RN_MSG_REL:
		rn_core_refuse(core, gw, msg, OWN_NOTE_ALARM, RN_CODE_NOT_OWNER,
			       "there is no such mapping");
		break;
	case RN_MSG_MIG_S:
	case RN_MSG_MIG_D:
	case RN_MSG_RESUME:
		rn_core_send(core, gw->row.number, &never);
		rn_core_refuse(core, gw, msg, OWN_NOTE_ALARM, RN_CODE_WRONG_EPOCH,
			       "there is no such mapping");
		break;
	default:		/* an answer to no question of ours */
		rn_count(&core->counters, ignored);
		break;
	}
}

static bool names_vm(uint8_t type)
{
	return type == RN_MSG_MIG_S || type == RN_MSG_MIG_D || type == RN_MSG_REL ||
	       type == RN_MSG_RESUME;
}

void rn_core_message(struct rn_core *core, struct rn_gateway *gw, const struct rn_msg *msg)
{
	const struct own_ctl_event event = {
		.type = OWN_CTL_EV_MSG, .from = gw->row.number, .msg = msg,
	};
	const struct rn_cause_of cause = { .gw = gw, .epoch = msg->epoch };
	struct rn_record *record;

	rn_point_received(msg->type);
	rn_gateway_refresh(gw, rn_core_now());
	if (msg->type == RN_MSG_NATREQ) {
		rn_count(&core->counters, requests);
		record = rn_records_vm(core->records, &msg->vm);
		if (record)
			rn_tell_catch_up(core, record);
		if (!record || !rn_record_owned(record)) {
			rn_allocate(core, gw, msg, record);
			return;
		}
		rn_core_step(core, record, &event, &cause);
		return;
	}
	record = rn_records_id(core->records, msg->id);
	if (!record) {
		unknown_id(core, gw, msg);
		return;
	}
	rn_tell_catch_up(core, record);
	/* Of an older epoch the endpoint may have been another VM's: the machine
	 * answers that it is over.
	 */
	if (names_vm(msg->type) && msg->epoch >= record->own.epoch &&
	    !rn_private_equal(&msg->vm, &record->own.vm)) {
		rn_core_refuse(core, gw, msg, OWN_NOTE_ALARM, RN_CODE_BAD_MESSAGE,
			       "the mapping is not of that VM");
		return;
	}
	rn_core_step(core, record, &event, &cause);
}

/* ---- gateways ---- */

void rn_core_register(struct rn_core *core, struct rn_gateway *gw, uint64_t nonce)
{
	RN_FAILPOINT("ctl.register-received");
	rn_tell_finish(core, gw);
	rn_gateway_register(core->gateways, gw, rn_core_now());
	rn_count(&core->counters, registrations);
	rn_restored_heard(core, gw);
	save_gateway(gw, core);
	RN_FAILPOINT("ctl.register-put");
	rn_core_tell(core, gw, "registered", NULL, NULL, rn_output_allowed(core, gw));
	/* Before any grant of the new incarnation. */
	rn_restored_answer(core, gw, nonce);
	rn_restored_check(core);
	rn_tell_records(core, gw, OWN_CTL_EV_REGISTERED, NULL);
	rn_core_arm(core);
}

void rn_core_fence(struct rn_core *core, struct rn_gateway *gw, const char *by,
		   const char *reason)
{
	rn_tell_finish(core, gw);
	if (!gw->row.fenced) {
		RN_FAILPOINT("ctl.before-fence");
		rn_gateway_fence(core->gateways, gw, rn_core_now());
		rn_count(&core->counters, fenced);
		rn_restored_heard(core, gw);
		save_gateway(gw, core);
		rn_core_tell(core, gw, "fenced", by, reason, true);
		RN_FAILPOINT("ctl.after-fence");
		rn_restored_check(core);
	}
	rn_tell_records(core, gw, OWN_CTL_EV_FENCED, by);
}

void rn_core_send(struct rn_core *core, uint32_t to, const struct rn_msg *msg)
{
	rn_output_message(core, to, msg);
	rn_output_release(core);
}

void rn_core_later(struct rn_core *core, void (*func)(void *data), void *data)
{
	rn_output_call(core, func, data);
	rn_output_release(core);
}

/* ---- start and end ---- */

struct rn_core *rn_core_new(struct rn_ctl_config *config, struct rn_store *store,
			    GError **error)
{
	struct rn_core *core = g_new0(struct rn_core, 1);

	core->config = config;
	core->pools = config->pools;
	core->store = store;
	core->gateways = rn_gateways_new();
	core->records = rn_records_new(core->gateways);
	core->again = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	g_queue_init(&core->out);
	g_queue_init(&core->tell);
	if (!rn_load(core, error)) {
		rn_core_free(core);
		return NULL;
	}
	core->rev = core->state.last_rev;
	core->last_ns = core->state.last_ns;
	core->restored = core->state.value[RN_STORE_RESTORED];
	core->records->next_id = MAX(core->records->next_id,
				     (uint64_t)core->state.value[RN_STORE_NEXT_ID] + 1);
	return core;
}

static void on_durable(uint64_t seq, void *data)
{
	struct rn_core *core = data;

	core->durable = seq;
	RN_FAILPOINT("ctl.durable");
	rn_output_release(core);
	rn_audit_durable(core);
}

static void on_failed(const char *message, void *data)
{
	struct rn_core *core = data;

	core->failed = TRUE;
	core->hooks->failed(message, core->hooks_data);
}

gboolean rn_core_start(struct rn_core *core, const struct rn_core_hooks *hooks, void *data,
		       GError **error)
{
	static const struct rn_store_ops ops = { on_durable, on_failed };
	static GSourceFuncs timer = { .dispatch = on_timer };

	core->hooks = hooks;
	core->hooks_data = data;
	if (!rn_store_start(core->store, &ops, core, error))
		return FALSE;
	core->timer = g_source_new(&timer, sizeof(GSource));
	g_source_set_callback(core->timer, NULL, core, NULL);
	g_source_attach(core->timer, NULL);
	rn_audit_start(core);
	rn_load_save(core);
	/* Now, not at the first request: there may be a million. */
	rn_pools_expire(core->pools, rn_core_wall());
	rn_gateways_configure(core->gateways, core->config->gateways, rn_core_now(),
			      save_gateway, core);
	rn_restored_start(core);
	rn_evacuations_start(core);
	rn_core_arm(core);
	return TRUE;
}

void rn_core_free(struct rn_core *core)
{
	if (!core)
		return;
	if (core->timer) {
		g_source_destroy(core->timer);
		g_source_unref(core->timer);
	}
	rn_tell_stop(core);
	if (core->gateways)
		rn_evacuations_stop(core);
	rn_store_close(core->store);
	if (core->again)
		g_array_unref(core->again);
	rn_output_clear(core);
	rn_records_free(core->records);
	rn_gateways_free(core->gateways);
	rn_ctl_config_free(core->config);
	g_free(core);
}
