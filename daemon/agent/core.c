// SPDX-License-Identifier: GPL-2.0
#include "agent/core.h"

#include <linux/roamnat.h>
#include <string.h>
#include "agent/block.h"
#include "agent/counters.h"
#include "agent/point.h"
#include "agent/timer.h"
#include "base/log.h"
#include "base/random.h"

#define WAKE_BATCH	512	/* entries woken before other sources have a turn */

struct agent_core {
	struct agent_kernel *kernel;
	struct agent_table *table;
	struct agent_timer *timer;
	const struct agent_core_ops *ops;
	void *data;

	uint8_t mode;
	uint32_t self;
	uint64_t incarnation;
	gboolean up, settling;

	guint generation;	/* of the kernel dump that goes on, or was last */
	uint32_t moved_to;	/* while a step is told so: the gateway, else 0 */
	struct own_acts acts;
};

static void rearm(struct agent_core *core)
{
	struct agent_entry *first = agent_entry_first(core->table);

	agent_timer_set(core->timer, first ? first->own.wake : OWN_NEVER);
}

/* ---- actions ---- */

static void log_note(const struct agent_core *core, const struct own_act *note)
{
	char vm[RN_SIDE_TEXT], pub[RN_SIDE_TEXT];
	const char *private = rn_private_print(&note->msg.vm, vm);
	const char *public = note->msg.pub.addr.len ? rn_public_print(&note->msg.pub, pub) : "-";
	const char *what = own_note_to_string(note->note);

	switch ((enum own_note)note->note) {
	case OWN_NOTE_ALARM:
		rn_warn("alarm: %s (%s epoch %" G_GUINT64_FORMAT "): %s", private, public,
			note->msg.epoch, rn_code_to_sentence(note->msg.code));
		return;
	case OWN_NOTE_REFUSED:
		rn_notice("refused: %s: %s", private, rn_code_to_sentence(note->msg.code));
		return;
	case OWN_NOTE_IGNORED:
	case OWN_NOTE_READY:
		rn_debug("ignored: %s: %s", private, rn_code_to_sentence(note->msg.code));
		return;
	case OWN_NOTE_ACTIVE:
		/* All of them again: the session says how many. */
		if (core->settling) {
			rn_debug("active again: %s public %s epoch %" G_GUINT64_FORMAT, private,
				 public, note->msg.epoch);
			return;
		}
		break;
	case OWN_NOTE_GRANTED:
	case OWN_NOTE_MOVED:
	case OWN_NOTE_RETURNED:
	case OWN_NOTE_TAKEN_OVER:
	case OWN_NOTE_RELEASED:
	case OWN_NOTE_VERIFYING:
	case OWN_NOTE_REVOKING:
	case OWN_NOTE_FROZEN:
	case OWN_NOTE_HELD:
	case OWN_NOTE_GONE:
		break;
	}
	rn_info("%s: %s public %s epoch %" G_GUINT64_FORMAT, what, private, public,
		note->msg.epoch);
}

static void count_note(uint8_t note)
{
	switch ((enum own_note)note) {
	case OWN_NOTE_ACTIVE:
		agent_counters_add(AGENT_GRANTED, 1);
		break;
	case OWN_NOTE_HELD:
		agent_counters_add(AGENT_HELD, 1);
		break;
	case OWN_NOTE_FROZEN:
		agent_counters_add(AGENT_FROZEN, 1);
		break;
	case OWN_NOTE_GONE:
		agent_counters_add(AGENT_GONE, 1);
		break;
	case OWN_NOTE_REFUSED:
		agent_counters_add(AGENT_REFUSED, 1);
		break;
	case OWN_NOTE_ALARM:
		agent_counters_add(AGENT_ALARMS, 1);
		break;
	case OWN_NOTE_IGNORED:
	case OWN_NOTE_READY:
		agent_counters_add(AGENT_IGNORED, 1);
		break;
	case OWN_NOTE_GRANTED:
	case OWN_NOTE_MOVED:
	case OWN_NOTE_RETURNED:
	case OWN_NOTE_TAKEN_OVER:
	case OWN_NOTE_RELEASED:
	case OWN_NOTE_VERIFYING:
	case OWN_NOTE_REVOKING:
		break;		/* the controller's */
	}
}

/* A refused request is the machine's affair; the log gets the sentence. */
static int result(gboolean ok, const struct own_act *act, const char *request, GError *error)
{
	char vm[RN_SIDE_TEXT];
	int err;

	if (ok)
		return 0;
	err = error->domain == AGENT_KERNEL_ERROR ? -error->code : -EIO;
	if (err != -ENOENT && err != -ESTALE)
		rn_warn("%s %s: %s", request, rn_private_print(&act->msg.vm, vm), error->message);
	else
		rn_debug("%s %s: %s", request, rn_private_print(&act->msg.vm, vm), error->message);
	return err;
}

/* A forged transfer may name the id of another VM's mapping: what is deleted
 * for it must be what was held for it (I8).
 */
static gboolean holds(struct agent_core *core, const struct rn_msg *msg)
{
	struct agent_kmsg_mapping mapping;

	return agent_kernel_mapping_get(core->kernel, msg->id, &mapping, NULL) &&
	       mapping.state == ROAMNAT_STATE_HELD &&
	       rn_private_equal(&mapping.vm, &msg->vm);
}

/*
 * A grant that does not confirm what is held takes nothing over from it: whoever sent
 * that could otherwise open ports of a VM that is not his (I8).
 */
static gboolean install(struct agent_core *core, const struct agent_entry *entry,
			const struct own_act *act, GError **error)
{
	const struct rn_msg *msg = &act->msg;
	const struct rn_bindings *bindings = NULL;
	struct agent_kmsg_mapping there;

	if (msg->vm.kind == RN_KIND_BLOCK && !act->keep_timer) {
		if (agent_kernel_mapping_get(core->kernel, msg->id, &there, NULL) &&
		    there.state == ROAMNAT_STATE_HELD)
			agent_kernel_mapping_del(core->kernel, msg->id, there.epoch, NULL);
		bindings = agent_block_waiting(entry, msg, false);
	}
	return agent_kernel_mapping_new(core->kernel, msg, ROAMNAT_STATE_ACTIVE,
					act->keep_timer, bindings, error);
}

/* ---- late packets ---- */

/*
 * The machine knows nothing of this: a packet that is forwarded is not translated.
 * From the freeze on they wait in the kernel. They leave when the other gateway has
 * said that it holds the transfer (before that it would not know them), or when the
 * controller has said that our epoch is over, which is the same or more.
 */
static uint32_t way_to(struct agent_core *core, uint32_t gateway, const struct rn_private *vm)
{
	return core->ops->way && gateway ? core->ops->way(gateway, vm, core->data) : 0;
}

static void begin_forwarding(struct agent_core *core, struct agent_entry *entry)
{
	g_autoptr(GError) error = NULL;
	const struct own_gw_entry *own = &entry->own;
	char vm[RN_SIDE_TEXT];

	if (own->state != OWN_GW_MOVING_OUT && own->state != OWN_GW_RESUMING)
		entry->way = 0;
	if (own->state != OWN_GW_MOVING_OUT || !own->acked || entry->way)
		return;
	entry->way = way_to(core, own->peer, &own->vm);
	if (!entry->way || agent_kernel_mapping_forward(core->kernel, own->id, own->epoch,
							ROAMNAT_STATE_MOVING_OUT, entry->way,
							&error))
		return;
	rn_warn("late packets of %s are dropped: %s", rn_private_print(&own->vm, vm),
		error->message);
}

/* Instead of deleting it. False: it is to be deleted. */
static gboolean let_follow(struct agent_core *core, const struct rn_msg *msg)
{
	uint32_t way = way_to(core, core->moved_to, &msg->vm);
	g_autoptr(GError) error = NULL;
	char vm[RN_SIDE_TEXT];

	if (!way)
		return FALSE;
	if (agent_kernel_mapping_forward(core->kernel, msg->id, msg->epoch, ROAMNAT_STATE_MOVED,
					 way, &error))
		return TRUE;
	rn_warn("late packets of %s are dropped: %s", rn_private_print(&msg->vm, vm),
		error->message);
	return FALSE;
}

/* Does the event say that the mapping is at the gateway it was given to? */
static uint32_t moved_to(const struct own_gw_entry *own, const struct own_gw_event *event)
{
	if (event->type != OWN_GW_EV_MSG || event->from != RN_CONTROLLER ||
	    event->msg->type != RN_MSG_STALE ||
	    (own->state != OWN_GW_MOVING_OUT && own->state != OWN_GW_RESUMING))
		return 0;
	return own->peer;
}

/* True when act was one whose result the machine wants, which is then in event. */
static gboolean do_kernel(struct agent_core *core, const struct agent_entry *entry,
			  const struct own_act *act, struct own_gw_event *event)
{
	const struct rn_msg *msg = &act->msg;
	g_autoptr(GError) error = NULL;
	struct rn_msg held;
	gboolean ok;

	memset(event, 0, sizeof(*event));
	event->type = OWN_GW_EV_KERNEL;
	switch ((enum own_act_type)act->type) {
	case OWN_ACT_INSTALL:
		ok = install(core, entry, act, &error);
		event->err = result(ok, act, "install", error);
		return TRUE;
	case OWN_ACT_HOLD:
		/* A transfer carries the sender's incarnation, if any. */
		held = *msg;
		held.incarnation = core->incarnation;
		ok = agent_kernel_mapping_new(core->kernel, &held, ROAMNAT_STATE_HELD, FALSE,
					      agent_block_waiting(entry, msg, true), &error);
		event->err = result(ok, act, "hold", error);
		return TRUE;
	case OWN_ACT_FREEZE_OUT:
		ok = agent_kernel_mapping_freeze(core->kernel, msg->id, msg->epoch,
						 ROAMNAT_STATE_MOVING_OUT,
						 way_to(core, entry->own.cause.dst, &msg->vm),
						 &event->timer, &error);
		event->err = result(ok, act, "freeze", error);
		return TRUE;
	case OWN_ACT_FREEZE_REL:
		ok = agent_kernel_mapping_freeze(core->kernel, msg->id, msg->epoch,
						 ROAMNAT_STATE_RELEASING, 0, &event->timer,
						 &error);
		event->err = result(ok, act, "freeze", error);
		return TRUE;
	case OWN_ACT_FLOOR:
		ok = agent_kernel_floor_set(core->kernel, msg->id, msg->epoch, &error);
		event->err = result(ok, act, "floor", error);
		return TRUE;
	case OWN_ACT_DELETE:
		if (act->only_held && !holds(core, msg))
			return FALSE;
		if (!act->only_held && let_follow(core, msg))
			return FALSE;
		ok = agent_kernel_mapping_del(core->kernel, msg->id, msg->epoch, &error);
		result(ok, act, "delete", error);
		return FALSE;
	case OWN_ACT_REFUSE:
		ok = agent_kernel_miss_refuse(core->kernel, &msg->vm, (uint64_t)act->ms, &error);
		result(ok, act, "refuse", error);
		return FALSE;
	case OWN_ACT_SEND:
	case OWN_ACT_SAVE:
	case OWN_ACT_NOTE:
		break;
	}
	return FALSE;
}

static void do_send(struct agent_core *core, struct agent_entry *entry,
		    const struct own_act *act)
{
	const struct rn_bindings *bindings = agent_block_leaving(core->kernel, entry, &act->msg);
	gboolean sent = core->ops->send(act->to, &act->msg, bindings, core->data);

	agent_counters_add(sent ? AGENT_MESSAGES_SENT : AGENT_MESSAGES_UNSENT, 1);
}

/* Carries out what one step ordered. True when there is a result to tell. */
static gboolean carry_out(struct agent_core *core, struct agent_entry *entry,
			  struct own_gw_event *event)
{
	gboolean told = FALSE;

	for (guint i = 0; i < core->acts.n; i++) {
		const struct own_act *act = &core->acts.act[i];
		struct own_gw_event answer;

		agent_point_act(act, false);
		if (act->type == OWN_ACT_SEND) {
			do_send(core, entry, act);
		} else if (act->type == OWN_ACT_NOTE) {
			count_note(act->note);
			log_note(core, act);
			core->ops->noted(entry, act, core->data);
		} else if (do_kernel(core, entry, act, &answer)) {
			*event = answer;
			told = TRUE;
		}
		agent_point_act(act, true);
	}
	return told;
}

/* One event, and the kernel's results that follow from it, before anything else
 * happens to the entry. The entry may be gone on return.
 */
static void step(struct agent_core *core, struct agent_entry *entry,
		 const struct own_gw_event *first)
{
	struct own_gw_event event = *first;
	struct own_gw_env env = {
		.self = core->self,
		.incarnation = core->incarnation,
		.mode = core->mode,
		.session = core->up,
	};

	core->moved_to = moved_to(&entry->own, first);
	do {
		env.now = agent_timer_now();
		env.random = rn_random();
		own_gw_step(&env, &entry->own, &event, &core->acts);
		core->ops->entered(entry, core->data);
	} while (carry_out(core, entry, &event));
	core->moved_to = 0;

	begin_forwarding(core, entry);
	agent_block_settle(entry);
	agent_entry_update(core->table, entry);
	core->ops->stepped(entry, core->data);
	if (own_gw_entry_idle(&entry->own, env.now))
		agent_entry_remove(core->table, entry);
}

static struct agent_entry *lookup_or_add(struct agent_core *core, const struct rn_private *vm)
{
	struct agent_entry *entry = agent_entry_lookup(core->table, vm);

	if (!entry)
		entry = agent_entry_add(core->table, vm);
	if (!entry)
		agent_counters_add(AGENT_ENTRIES_FULL, 1);
	return entry;
}

static void wake_up(void *data)
{
	struct agent_core *core = data;
	struct own_gw_event event = { .type = OWN_GW_EV_TIME };
	struct agent_entry *entry;

	for (int i = 0; i < WAKE_BATCH; i++) {
		entry = agent_entry_first(core->table);
		if (!entry || entry->own.wake > agent_timer_now())
			break;
		step(core, entry, &event);
	}
	rearm(core);
}

/* ---- the kernel's events ---- */

/* What the kernel has under this id now. */
static gboolean kernel_has(struct agent_core *core, uint64_t id, uint64_t epoch)
{
	struct agent_kmsg_mapping mapping;

	return agent_kernel_mapping_get(core->kernel, id, &mapping, NULL) &&
	       mapping.epoch == epoch && mapping.state != ROAMNAT_STATE_MOVED;
}

void agent_core_miss(struct agent_core *core, const struct agent_kmsg_mapping *miss)
{
	struct agent_entry *entry;
	struct own_gw_event event;
	struct rn_msg msg;

	RN_FAILPOINT("agent.miss");
	agent_counters_add(AGENT_MISSES, 1);
	agent_counters_add(AGENT_MISSES_LOST, miss->lost);
	entry = lookup_or_add(core, &miss->vm);
	if (!entry)
		return;
	/* A miss that was on its way while its answer went the other way says
	 * nothing: the kernel is asked what holds now.
	 */
	if (entry->own.state == OWN_GW_ACTIVE &&
	    kernel_has(core, entry->own.id, entry->own.epoch))
		return;
	agent_kmsg_to_event(miss, OWN_GW_EV_MISS, &event, &msg);
	step(core, entry, &event);
	rearm(core);
}

static void adopt(struct agent_core *core, const struct agent_kmsg_mapping *mapping)
{
	struct agent_entry *entry;
	struct own_gw_event event;
	struct rn_msg msg;

	/* It is another gateway's; the kernel forgets it by itself. */
	if (mapping->state == ROAMNAT_STATE_MOVED)
		return;
	entry = lookup_or_add(core, &mapping->vm);
	if (!entry)
		return;
	entry->seen = core->generation;
	if (entry->own.state != OWN_GW_NONE && entry->own.state != OWN_GW_PENDING)
		return;
	agent_kmsg_to_event(mapping, OWN_GW_EV_ADOPT, &event, &msg);
	step(core, entry, &event);
}

static void on_idle(struct agent_core *core, const struct agent_kmsg_mapping *mapping)
{
	struct agent_entry *entry = agent_entry_lookup_id(core->table, mapping->id);
	struct own_gw_event event;
	struct rn_msg msg;

	agent_counters_add(AGENT_IDLE_EVENTS, 1);
	if (!entry) {
		adopt(core, mapping);
		entry = agent_entry_lookup_id(core->table, mapping->id);
	}
	/* Without a session nobody could give the VM a new mapping, should it
	 * wake up: the old one stays. The kernel repeats the event.
	 */
	if (!entry || !core->up)
		return;
	agent_kmsg_to_event(mapping, OWN_GW_EV_IDLE, &event, &msg);
	step(core, entry, &event);
}

static gboolean believed_in_kernel(const struct agent_entry *entry)
{
	switch ((enum own_gw_state)entry->own.state) {
	case OWN_GW_NONE:
	case OWN_GW_PENDING:
		return FALSE;
	case OWN_GW_MOVING_IN:
	case OWN_GW_ACTIVE:
	case OWN_GW_MOVING_OUT:
	case OWN_GW_RESUMING:
	case OWN_GW_RELEASING:
	case OWN_GW_SUSPENDED:
		return TRUE;
	}
	return FALSE;
}

static void tell_deleted(struct agent_core *core, struct agent_entry *entry)
{
	struct rn_msg msg = { .id = entry->own.id, .epoch = entry->own.epoch,
			      .vm = entry->own.vm };
	struct own_gw_event event = { .type = OWN_GW_EV_DELETED, .msg = &msg };
	char vm[RN_SIDE_TEXT];

	agent_counters_add(AGENT_DELETED_BY_OTHERS, 1);
	rn_warn("%s epoch %" G_GUINT64_FORMAT " was taken out of the kernel by somebody else",
		rn_private_print(&entry->own.vm, vm), entry->own.epoch);
	step(core, entry, &event);
}

void agent_core_changed(struct agent_core *core, const struct agent_kmsg_mapping *mapping)
{
	struct agent_entry *entry;

	switch ((enum roamnat_event)mapping->event) {
	case ROAMNAT_EVENT_IDLE:
		on_idle(core, mapping);
		break;
	case ROAMNAT_EVENT_DELETED:
		/* Most of these are the echo of what we ordered ourselves. */
		entry = agent_entry_lookup_id(core->table, mapping->id);
		if (entry && entry->own.epoch == mapping->epoch && believed_in_kernel(entry) &&
		    !kernel_has(core, mapping->id, mapping->epoch))
			tell_deleted(core, entry);
		break;
	case ROAMNAT_EVENT_INSTALLED:
	case ROAMNAT_EVENT_GRANTED:
	case ROAMNAT_EVENT_FROZEN:
	case ROAMNAT_EVENT_FILLING:
		return;
	}
	rearm(core);
}

static void reconcile_one(const struct agent_kmsg_mapping *mapping, void *data)
{
	adopt(data, mapping);
}

gboolean agent_core_reconcile(struct agent_core *core, GError **error)
{
	gboolean ok;

	core->generation++;
	ok = agent_kernel_mapping_dump(core->kernel, reconcile_one, core, error);
	for (guint i = agent_entry_count(core->table); ok && i-- > 0;) {
		struct agent_entry *entry = agent_entry_at(core->table, i);

		if (entry->seen != core->generation && believed_in_kernel(entry))
			tell_deleted(core, entry);
	}
	rearm(core);
	return ok;
}

void agent_core_clear(struct agent_core *core)
{
	while (agent_entry_count(core->table)) {
		struct agent_entry *entry = agent_entry_at(core->table,
							   agent_entry_count(core->table) - 1);
		struct rn_private vm = entry->own.vm;

		own_gw_entry_init(&entry->own, &vm);
		core->ops->entered(entry, core->data);
		agent_entry_update(core->table, entry);
		core->ops->stepped(entry, core->data);
		agent_entry_remove(core->table, entry);
	}
	rearm(core);
}

/* ---- the network's and the user's events ---- */

void agent_core_message(struct agent_core *core, uint32_t from, const struct rn_msg *msg)
{
	struct own_gw_event event = { .type = OWN_GW_EV_MSG, .from = from, .msg = msg };
	struct agent_entry *entry;

	agent_point_received(msg->type);
	agent_counters_add(AGENT_MESSAGES_TAKEN, 1);
	if (msg->vm.addr.len)
		entry = lookup_or_add(core, &msg->vm);
	else
		entry = agent_entry_lookup_id(core->table, msg->id);
	if (!entry) {
		agent_counters_add(AGENT_MESSAGES_UNKNOWN, 1);
		return;
	}
	step(core, entry, &event);
	rearm(core);
}

void agent_core_transfer(struct agent_core *core, uint32_t from, const struct rn_msg *msg,
			 const struct rn_bindings *bindings)
{
	struct agent_entry *entry = bindings ? lookup_or_add(core, &msg->vm) : NULL;

	if (entry)
		agent_block_arrived(entry, from, msg, bindings);
	agent_core_message(core, from, msg);
}

void agent_core_everyone(struct agent_core *core, enum own_gw_event_type type)
{
	struct own_gw_event event = { .type = type };

	for (guint i = agent_entry_count(core->table); i-- > 0;)
		step(core, agent_entry_at(core->table, i), &event);
	rearm(core);
}

void agent_core_vm_left(struct agent_core *core, struct agent_entry *entry, uint32_t dst)
{
	struct rn_msg msg = { .type = RN_MSG_MOVE, .id = entry->own.id, .vm = entry->own.vm,
			      .epoch = entry->own.epoch, .dst = dst,
			      .cause = RN_CAUSE_OPERATOR };
	struct own_gw_event event = { .type = OWN_GW_EV_VM_LEFT, .msg = &msg };

	step(core, entry, &event);
	rearm(core);
}

void agent_core_release(struct agent_core *core, struct agent_entry *entry)
{
	struct own_gw_event event = { .type = OWN_GW_EV_RELEASE };

	step(core, entry, &event);
	rearm(core);
}

void agent_core_inventory(struct agent_core *core, guint *place, guint n,
			  void (*each)(uint64_t id, uint64_t epoch, void *data), void *data)
{
	*place = MIN(*place, agent_entry_count(core->table));
	for (; *place && n; n--) {
		const struct agent_entry *entry = agent_entry_at(core->table, --*place);

		/* A transfer that waits is no possession, and what is suspended
		 * must be granted again, or the flush takes it.
		 */
		if (believed_in_kernel(entry) && entry->own.state != OWN_GW_MOVING_IN &&
		    entry->own.state != OWN_GW_SUSPENDED)
			each(entry->own.id, entry->own.epoch, data);
	}
}

/* ---- the core itself ---- */

void agent_core_set_session(struct agent_core *core, uint32_t self, uint64_t incarnation,
			    gboolean up, gboolean settling)
{
	core->self = self;
	core->incarnation = incarnation;
	core->up = up;
	core->settling = settling;
}

void agent_core_set_max(struct agent_core *core, guint max)
{
	agent_entry_table_set_max(core->table, max);
}

struct agent_table *agent_core_table(struct agent_core *core)
{
	return core->table;
}

struct agent_core *agent_core_new(struct agent_kernel *kernel, enum rn_mode mode,
				  const struct agent_core_ops *ops, void *data)
{
	struct agent_core *core = g_new0(struct agent_core, 1);

	core->kernel = kernel;
	core->mode = (uint8_t)mode;
	core->ops = ops;
	core->data = data;
	core->table = agent_entry_table_new(G_MAXUINT);
	core->timer = agent_timer_new(wake_up, core);
	return core;
}

void agent_core_free(struct agent_core *core)
{
	if (!core)
		return;
	agent_timer_free(core->timer);
	agent_entry_table_free(core->table);
	g_free(core);
}
