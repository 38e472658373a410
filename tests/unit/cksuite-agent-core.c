// SPDX-License-Identifier: GPL-2.0
/*
 * The agent's entries, and its core around the ownership machine, with a kernel
 * that is made here: what agent_kernel_* would ask of the module is answered
 * from a small table, so that each test says what the module holds.
 */
#include <errno.h>
#include <linux/roamnat.h>
#include <stdlib.h>
#include <string.h>
#include "agent/core.h"
#include "agent/counters.h"
#include "agent/timer.h"
#include "suites.h"

/* ---- the module ---- */

static GArray *table;		/* struct agent_kmsg_mapping */
static int next_error;		/* errno for the next request, 0 none */
static guint refused, deleted;

static struct agent_kmsg_mapping *find(uint64_t id)
{
	for (guint i = 0; i < table->len; i++) {
		struct agent_kmsg_mapping *m = &g_array_index(table, struct agent_kmsg_mapping, i);

		if (m->id == id)
			return m;
	}
	return NULL;
}

static gboolean answer(int err, GError **error)
{
	if (next_error)
		err = next_error;
	next_error = 0;
	if (err)
		g_set_error(error, AGENT_KERNEL_ERROR, err, "kernel: the test says no");
	return !err;
}

static guint given;	/* bindings, with the last mapping */
static guint awaited, forwarded;	/* ways, of the last freeze and after it */

gboolean agent_kernel_mapping_new(struct agent_kernel *kernel, const struct rn_msg *msg,
				  uint32_t state, gboolean keep_timer,
				  const struct rn_bindings *bindings, GError **error)
{
	struct agent_kmsg_mapping *old, m = {
		.id = msg->id, .epoch = msg->epoch, .incarnation = msg->incarnation,
		.vm = msg->vm, .pub = msg->pub, .timer = msg->timer, .state = (uint8_t)state,
	};

	if (!answer(0, error))
		return FALSE;
	given = rn_bindings_count(bindings);
	old = find(msg->id);
	if (old && keep_timer)
		m.timer = old->timer;
	if (old)
		*old = m;
	else
		g_array_append_val(table, m);
	return TRUE;
}

gboolean agent_kernel_mapping_freeze(struct agent_kernel *kernel, uint64_t id, uint64_t epoch,
				     uint32_t state, uint32_t way, struct rn_timer *timer,
				     GError **error)
{
	struct agent_kmsg_mapping *m = find(id);

	if (!answer(!m ? ENOENT : m->epoch != epoch ? ESTALE : 0, error))
		return FALSE;
	m->state = (uint8_t)state;
	awaited = way;
	*timer = m->timer;
	return TRUE;
}

gboolean agent_kernel_mapping_forward(struct agent_kernel *kernel, uint64_t id, uint64_t epoch,
				      uint32_t state, uint32_t way, GError **error)
{
	struct agent_kmsg_mapping *m = find(id);

	if (!answer(!m ? ENOENT : m->epoch != epoch ? ESTALE : 0, error))
		return FALSE;
	m->state = (uint8_t)state;
	forwarded = way;
	return TRUE;
}

gboolean agent_kernel_mapping_del(struct agent_kernel *kernel, uint64_t id, uint64_t epoch,
				  GError **error)
{
	struct agent_kmsg_mapping *m = find(id);

	if (!answer(!m || m->epoch != epoch ? ENOENT : 0, error))
		return FALSE;
	g_array_remove_index(table, (guint)(m - (struct agent_kmsg_mapping *)table->data));
	deleted++;
	return TRUE;
}

gboolean agent_kernel_mapping_get(struct agent_kernel *kernel, uint64_t id,
				  struct agent_kmsg_mapping *mapping, GError **error)
{
	struct agent_kmsg_mapping *m = find(id);

	if (!answer(m ? 0 : ENOENT, error))
		return FALSE;
	*mapping = *m;
	return TRUE;
}

gboolean agent_kernel_mapping_dump(struct agent_kernel *kernel,
				   void (*each)(const struct agent_kmsg_mapping *, void *),
				   void *data, GError **error)
{
	g_autoptr(GArray) copy = g_array_copy(table);

	/* Twice, as after an interruption. */
	for (guint i = 0; i < 2 * copy->len; i++)
		each(&g_array_index(copy, struct agent_kmsg_mapping, i % copy->len), data);
	return answer(0, error);
}

gboolean agent_kernel_floor_set(struct agent_kernel *kernel, uint64_t id, uint64_t epoch,
				GError **error)
{
	return answer(0, error);
}

gboolean agent_kernel_miss_refuse(struct agent_kernel *kernel, const struct rn_private *vm,
				  uint64_t hold_off_ms, GError **error)
{
	refused++;
	return answer(0, error);
}

/* ---- the others ---- */

static struct rn_msg sent[64];
static uint32_t sent_to[64];
static guint n_sent;
static struct agent_core *core;

static gboolean on_send(uint32_t to, const struct rn_msg *msg,
			const struct rn_bindings *bindings, void *data)
{
	ck_assert_uint_lt(n_sent, G_N_ELEMENTS(sent));
	sent[n_sent] = *msg;
	sent_to[n_sent++] = to;
	return TRUE;
}

static void on_noted(const struct agent_entry *entry, const struct own_act *note, void *data)
{
}

static void on_stepped(const struct agent_entry *entry, void *data)
{
}

static void on_entered(struct agent_entry *entry, void *data)
{
}

/* To gateway 2 there is a way. */
static uint32_t on_way(uint32_t to, const struct rn_private *vm, void *data)
{
	return to == 2 ? 9 : 0;
}

static const struct agent_core_ops ops = {
	.send = on_send, .way = on_way,
	.noted = on_noted, .entered = on_entered, .stepped = on_stepped,
};

static void setup(void)
{
	table = g_array_new(FALSE, TRUE, sizeof(struct agent_kmsg_mapping));
	core = agent_core_new(NULL, RN_MODE_SOURCE, &ops, NULL);
	agent_core_set_session(core, 1, 5, TRUE, FALSE);
}

static void teardown(void)
{
	agent_core_free(core);
	g_array_unref(table);
}

static const struct rn_msg *last_of(uint8_t type)
{
	for (guint i = n_sent; i-- > 0;)
		if (sent[i].type == type)
			return &sent[i];
	return NULL;
}

static struct rn_private vm_of(uint8_t host)
{
	return (struct rn_private) { .zone = 1, .kind = RN_KIND_ADDRESS,
				     .addr = { 4, { 10, 0, 0, host } } };
}

static struct rn_msg grant_of(uint8_t host, uint64_t id, uint64_t epoch)
{
	return (struct rn_msg) {
		.type = RN_MSG_GRANT, .id = id, .epoch = epoch, .incarnation = 5,
		.vm = vm_of(host), .pub = { .addr = { 4, { 203, 0, 113, host } } },
		.timer = { 60000, 0, 60000 },
	};
}

static struct agent_kmsg_mapping miss_of(uint8_t host)
{
	return (struct agent_kmsg_mapping) { .vm = vm_of(host), .timer = { .preset = 60000 } };
}

static struct agent_entry *entry_of(uint8_t host)
{
	struct rn_private vm = vm_of(host);

	return agent_entry_lookup(agent_core_table(core), &vm);
}

static void make_active(uint8_t host, uint64_t id)
{
	struct agent_kmsg_mapping miss = miss_of(host);
	struct rn_msg grant = grant_of(host, id, 1);

	agent_core_miss(core, &miss);
	agent_core_message(core, RN_CONTROLLER, &grant);
	ck_assert_int_eq(entry_of(host)->own.state, OWN_GW_ACTIVE);
}

/* ---- core ---- */

START_TEST(test_first_packet)
{
	struct agent_kmsg_mapping miss = miss_of(5);
	struct rn_msg grant = grant_of(5, 77, 1);

	agent_core_miss(core, &miss);
	ck_assert_ptr_nonnull(last_of(RN_MSG_NATREQ));
	ck_assert_uint_eq(sent_to[0], RN_CONTROLLER);
	ck_assert_uint_eq(sent[0].timer.preset, 60000);
	agent_core_message(core, RN_CONTROLLER, &grant);
	ck_assert_ptr_nonnull(find(77));
	ck_assert_int_eq(find(77)->state, ROAMNAT_STATE_ACTIVE);
	ck_assert_ptr_nonnull(last_of(RN_MSG_GRANT_ACK));
	ck_assert_ptr_eq(agent_entry_lookup_id(agent_core_table(core), 77), entry_of(5));
}
END_TEST

/* A miss that crossed its grant must not end the mapping. */
START_TEST(test_late_miss)
{
	struct agent_kmsg_mapping miss = miss_of(5);

	make_active(5, 77);
	n_sent = 0;
	agent_core_miss(core, &miss);
	ck_assert_int_eq(entry_of(5)->own.state, OWN_GW_ACTIVE);
	ck_assert_uint_eq(n_sent, 0);
	/* But one that is true does: somebody flushed the table. */
	g_array_set_size(table, 0);
	agent_core_miss(core, &miss);
	ck_assert_int_ne(entry_of(5)->own.state, OWN_GW_ACTIVE);
}
END_TEST

/* What a forger's transfer left in the kernel does not outlive the grant (I8). */
START_TEST(test_forged_bindings)
{
	struct rn_bindings *forged = rn_bindings_new(), *good = rn_bindings_new();
	struct rn_msg grant = grant_of(5, 77, 3), xfer;
	struct rn_binding b = { .proto = 6, .state = 3, .private_port = 22, .public_port = 2050 };

	grant.vm.kind = RN_KIND_BLOCK;
	grant.pub.port = 2048;
	grant.pub.ports = 1024;
	xfer = grant;
	xfer.type = RN_MSG_XFER;
	xfer.epoch = 2;
	g_array_append_val(good->list, b);
	g_array_append_val(forged->list, b);
	g_array_append_val(forged->list, b);
	agent_core_transfer(core, 9, &xfer, forged);
	ck_assert_int_eq(find(77)->state, ROAMNAT_STATE_HELD);
	ck_assert_uint_eq(given, 2);
	agent_core_transfer(core, 3, &xfer, good);
	deleted = 0;
	grant.src = 3;
	agent_core_message(core, RN_CONTROLLER, &grant);
	ck_assert_int_eq(find(77)->state, ROAMNAT_STATE_ACTIVE);
	ck_assert_uint_eq(deleted, 1);
	ck_assert_uint_eq(given, 1);
	rn_bindings_free(forged);
	rn_bindings_free(good);
}
END_TEST

START_TEST(test_deny_forgets)
{
	struct agent_kmsg_mapping miss = miss_of(5);
	struct rn_msg deny = { .type = RN_MSG_DENY, .vm = vm_of(5), .code = RN_CODE_POOL_EMPTY };

	agent_core_miss(core, &miss);
	deny.nonce = sent[0].nonce;
	agent_core_message(core, RN_CONTROLLER, &deny);
	ck_assert_uint_eq(refused, 1);
	ck_assert_ptr_null(entry_of(5));
	ck_assert_uint_eq(agent_entry_count(agent_core_table(core)), 0);
}
END_TEST

/* The transfer leaves after the freeze, with the timer read then. */
START_TEST(test_migrate)
{
	make_active(5, 77);
	find(77)->timer = (struct rn_timer) { 60000, 20000, 40000 };
	agent_core_vm_left(core, entry_of(5), 2);
	ck_assert_int_eq(find(77)->state, ROAMNAT_STATE_MOVING_OUT);
	ck_assert_int_eq(entry_of(5)->own.state, OWN_GW_MOVING_OUT);
	ck_assert_ptr_nonnull(last_of(RN_MSG_XFER));
	ck_assert_uint_eq(last_of(RN_MSG_XFER)->timer.remaining, 40000);
	ck_assert_ptr_nonnull(last_of(RN_MSG_MIG_S));
}
END_TEST

static void say(uint32_t from, uint8_t type)
{
	struct rn_msg msg = { .type = type, .id = 77, .epoch = 1, .vm = vm_of(5),
			      .nonce = entry_of(5)->own.nonce };

	agent_core_message(core, from, &msg);
}

/* Packets wait from the freeze on, leave when the other gateway holds the transfer,
 * and follow when it has the mapping; then nothing is deleted.
 */
START_TEST(test_late_packets)
{
	make_active(5, 77);
	deleted = 0;
	forwarded = 0;
	agent_core_vm_left(core, entry_of(5), 2);
	ck_assert_uint_eq(awaited, 9);
	ck_assert_uint_eq(forwarded, 0);
	say(2, RN_MSG_XFER_ACK);
	ck_assert_uint_eq(forwarded, 9);
	ck_assert_int_eq(find(77)->state, ROAMNAT_STATE_MOVING_OUT);
	say(RN_CONTROLLER, RN_MSG_STALE);
	ck_assert_int_eq(find(77)->state, ROAMNAT_STATE_MOVED);
	ck_assert_uint_eq(deleted, 0);
	ck_assert_ptr_null(entry_of(5));
	/* It is not adopted: it is another gateway's. */
	ck_assert(agent_core_reconcile(core, NULL));
	ck_assert_ptr_null(entry_of(5));
}
END_TEST

/* No way, or a kernel that has no room: as before there were any. */
START_TEST(test_late_packets_dropped)
{
	make_active(5, 77);
	deleted = 0;
	agent_core_vm_left(core, entry_of(5), 3);
	ck_assert_uint_eq(awaited, 0);
	say(RN_CONTROLLER, RN_MSG_STALE);
	ck_assert_uint_eq(deleted, 1);
	make_active(5, 77);
	agent_core_vm_left(core, entry_of(5), 2);
	next_error = ENOSPC;
	say(RN_CONTROLLER, RN_MSG_STALE);
	ck_assert_uint_eq(deleted, 2);
	ck_assert_ptr_null(find(77));
}
END_TEST

/* A freeze that failed promises nothing. */
START_TEST(test_freeze_fails)
{
	make_active(5, 77);
	n_sent = 0;
	next_error = ENOMEM;
	agent_core_vm_left(core, entry_of(5), 2);
	ck_assert_int_eq(entry_of(5)->own.state, OWN_GW_ACTIVE);
	ck_assert_ptr_null(last_of(RN_MSG_XFER));
	ck_assert_ptr_null(last_of(RN_MSG_MIG_S));
}
END_TEST

START_TEST(test_idle)
{
	struct agent_kmsg_mapping idle;

	make_active(5, 77);
	idle = *find(77);
	idle.timer = find(77)->timer = (struct rn_timer) { 60000, 60000, 0 };
	idle.event = ROAMNAT_EVENT_IDLE;
	/* Not without a session: the VM could get nothing else. */
	agent_core_set_session(core, 1, 5, FALSE, FALSE);
	agent_core_changed(core, &idle);
	ck_assert_int_eq(entry_of(5)->own.state, OWN_GW_ACTIVE);
	agent_core_set_session(core, 1, 5, TRUE, FALSE);
	agent_core_changed(core, &idle);
	ck_assert_int_eq(entry_of(5)->own.state, OWN_GW_RELEASING);
	ck_assert_ptr_nonnull(last_of(RN_MSG_REL));
}
END_TEST

/* RELOK names no private side; the echo of our own delete is no event. */
START_TEST(test_release)
{
	struct rn_msg relok = { .type = RN_MSG_RELOK, .id = 77, .epoch = 1 };
	uint64_t before = agent_counters_get(AGENT_DELETED_BY_OTHERS);
	struct agent_kmsg_mapping echo;

	make_active(5, 77);
	echo = *find(77);
	echo.event = ROAMNAT_EVENT_DELETED;
	agent_core_release(core, entry_of(5));
	ck_assert_int_eq(entry_of(5)->own.state, OWN_GW_RELEASING);
	relok.nonce = last_of(RN_MSG_REL)->nonce;
	agent_core_message(core, RN_CONTROLLER, &relok);
	ck_assert_ptr_null(entry_of(5));
	ck_assert_uint_eq(deleted, 1);
	agent_core_changed(core, &echo);
	ck_assert_uint_eq(agent_counters_get(AGENT_DELETED_BY_OTHERS), before);
}
END_TEST

START_TEST(test_deleted_by_others)
{
	struct agent_kmsg_mapping gone;

	make_active(5, 77);
	gone = *find(77);
	gone.event = ROAMNAT_EVENT_DELETED;
	/* An old notification: the mapping is there. */
	agent_core_changed(core, &gone);
	ck_assert_int_eq(entry_of(5)->own.state, OWN_GW_ACTIVE);
	g_array_set_size(table, 0);
	agent_core_changed(core, &gone);
	ck_assert_int_eq(entry_of(5)->own.state, OWN_GW_RELEASING);
}
END_TEST

/* After an overrun (R30): what vanished is noticed, what is new is taken. */
START_TEST(test_reconcile)
{
	struct agent_kmsg_mapping m = { .id = 99, .epoch = 3, .incarnation = 5,
					.vm = vm_of(9), .state = ROAMNAT_STATE_ACTIVE };

	make_active(5, 77);
	make_active(6, 78);
	table->len = 0;
	g_array_append_val(table, m);
	m = (struct agent_kmsg_mapping) { .id = 78, .epoch = 1, .incarnation = 5,
					  .vm = vm_of(6), .state = ROAMNAT_STATE_ACTIVE };
	g_array_append_val(table, m);
	ck_assert(agent_core_reconcile(core, NULL));
	ck_assert_int_eq(entry_of(5)->own.state, OWN_GW_RELEASING);
	ck_assert_int_eq(entry_of(6)->own.state, OWN_GW_ACTIVE);
	ck_assert_int_eq(entry_of(9)->own.state, OWN_GW_ACTIVE);
	ck_assert_uint_eq(entry_of(9)->own.epoch, 3);
}
END_TEST

static void note_id(uint64_t id, uint64_t epoch, void *data)
{
	*(uint64_t *)data += id;
}

/* Agent start: the current incarnation goes on, an earlier one is suspended. */
START_TEST(test_adopt)
{
	struct agent_kmsg_mapping now = { .id = 1, .epoch = 3, .incarnation = 5,
					  .vm = vm_of(1), .state = ROAMNAT_STATE_ACTIVE };
	struct agent_kmsg_mapping old = { .id = 2, .epoch = 3, .incarnation = 4,
					  .vm = vm_of(2), .state = ROAMNAT_STATE_ACTIVE };
	struct agent_kmsg_mapping held = { .id = 3, .epoch = 3, .incarnation = 5,
					   .vm = vm_of(3), .state = ROAMNAT_STATE_HELD };
	guint place = G_MAXUINT;
	uint64_t id = 0;

	g_array_append_val(table, now);
	g_array_append_val(table, old);
	g_array_append_val(table, held);
	ck_assert(agent_core_reconcile(core, NULL));
	ck_assert_int_eq(entry_of(1)->own.state, OWN_GW_ACTIVE);
	ck_assert_int_eq(entry_of(2)->own.state, OWN_GW_SUSPENDED);
	/* What is suspended must be granted again, so it is not told. */
	agent_core_inventory(core, &place, 10, note_id, &id);
	ck_assert_uint_eq(place, 0);
	ck_assert_uint_eq(id, 1);
	agent_core_everyone(core, OWN_GW_EV_FLUSHED);
	ck_assert_ptr_null(entry_of(2));
	agent_core_everyone(core, OWN_GW_EV_SUSPEND);
	ck_assert_int_eq(entry_of(1)->own.state, OWN_GW_SUSPENDED);
}
END_TEST

static void note_host(uint64_t id, uint64_t epoch, void *data)
{
	guint *told = data;

	ck_assert_uint_eq(epoch, 1);
	told[id]++;
}

static void forget(uint8_t host, uint64_t id)
{
	const struct rn_msg stale = { .type = RN_MSG_STALE, .id = id, .epoch = 1,
				      .vm = vm_of(host) };

	agent_core_message(core, RN_CONTROLLER, &stale);
	ck_assert_ptr_null(entry_of(host));
	n_sent = 0;
}

/* A few in a turn; what comes and goes in between leaves nobody out. */
START_TEST(test_inventory)
{
	guint place = G_MAXUINT, told[40] = { 0 }, turns = 0;

	for (uint8_t host = 1; host <= 20; host++) {
		make_active(host, host);
		n_sent = 0;
	}
	for (; place; turns++) {
		guint before = 0, after = 0;

		for (guint i = 0; i < G_N_ELEMENTS(told); i++)
			before += told[i];
		agent_core_inventory(core, &place, 5, note_host, told);
		for (guint i = 0; i < G_N_ELEMENTS(told); i++)
			after += told[i];
		ck_assert_uint_le(after - before, 5);
		if (turns == 0) {
			/* one that was told, two that were not, a new one */
			forget(20, 20);
			forget(3, 3);
			forget(4, 4);
			make_active(30, 30);
			n_sent = 0;
		}
	}
	ck_assert_uint_ge(turns, 4);
	for (guint host = 1; host < 20; host++)
		ck_assert_uint_eq(!told[host], host == 3 || host == 4);
	/* The table shrinks below the place. */
	place = 18;
	for (uint8_t host = 5; host < 20; host++)
		forget(host, host);
	agent_core_inventory(core, &place, 5, note_host, told);
	ck_assert_uint_eq(place, 0);
}
END_TEST

/* Strangers cannot make the table grow without bound. */
START_TEST(test_bound)
{
	uint64_t before = agent_counters_get(AGENT_ENTRIES_FULL);

	agent_core_set_max(core, 10);
	for (uint8_t host = 1; host <= 20; host++) {
		struct agent_kmsg_mapping miss = miss_of(host);

		agent_core_miss(core, &miss);
	}
	ck_assert_uint_eq(agent_entry_count(agent_core_table(core)), 10);
	ck_assert_uint_eq(agent_counters_get(AGENT_ENTRIES_FULL) - before, 10);
	agent_core_clear(core);
	ck_assert_uint_eq(agent_entry_count(agent_core_table(core)), 0);
}
END_TEST

START_TEST(test_unknown_id)
{
	struct rn_msg relok = { .type = RN_MSG_RELOK, .id = 4711, .epoch = 1 };

	agent_core_message(core, RN_CONTROLLER, &relok);
	ck_assert_uint_eq(agent_entry_count(agent_core_table(core)), 0);
	ck_assert_uint_eq(n_sent, 0);
}
END_TEST

/* ---- entries ---- */

#define ENTRIES		2000
#define ROUNDS		200000

/* Against a plain search for the minimum, now and then. */
START_TEST(test_heap)
{
	struct agent_table *t = agent_entry_table_new(ENTRIES);
	GRand *rand = g_rand_new_with_seed(4711);

	for (guint i = 0; i < ROUNDS; i++) {
		struct rn_private vm = { .zone = (guint)g_rand_int_range(rand, 0, ENTRIES),
					 .kind = RN_KIND_ADDRESS, .addr = { 4, { 10 } } };
		struct agent_entry *entry = agent_entry_lookup(t, &vm);
		int64_t least = OWN_NEVER;

		if (!entry)
			entry = agent_entry_add(t, &vm);
		if (g_rand_int_range(rand, 0, 4) == 0) {
			agent_entry_remove(t, entry);
		} else {
			entry->own.wake = g_rand_boolean(rand) ? g_rand_int(rand) : OWN_NEVER;
			entry->own.id = g_rand_boolean(rand) ? vm.zone + 1 : 0;
			agent_entry_update(t, entry);
			if (entry->own.id)
				ck_assert_ptr_eq(agent_entry_lookup_id(t, entry->own.id), entry);
		}
		if (i % 500)
			continue;
		for (guint j = 0; j < agent_entry_count(t); j++) {
			ck_assert_uint_eq(agent_entry_at(t, j)->place, j);
			least = MIN(least, agent_entry_at(t, j)->own.wake);
		}
		entry = agent_entry_first(t);
		ck_assert_int_eq(entry ? entry->own.wake : OWN_NEVER, least);
	}
	g_rand_free(rand);
	agent_entry_table_free(t);
}
END_TEST

/* One public side, next VM: the old entry keeps off its id. */
START_TEST(test_id_moves)
{
	struct agent_table *t = agent_entry_table_new(2);
	struct rn_private a = vm_of(1), b = vm_of(2);
	struct agent_entry *first = agent_entry_add(t, &a), *second = agent_entry_add(t, &b);

	ck_assert_ptr_null(agent_entry_add(t, &(struct rn_private) { .zone = 3 }));
	first->own.id = 8;
	second->own.id = 8;
	agent_entry_update(t, first);
	agent_entry_update(t, second);
	ck_assert_ptr_eq(agent_entry_lookup_id(t, 8), second);
	first->own.id = 0;
	agent_entry_update(t, first);
	ck_assert_ptr_eq(agent_entry_lookup_id(t, 8), second);
	agent_entry_remove(t, first);
	ck_assert_ptr_eq(agent_entry_lookup_id(t, 8), second);
	agent_entry_remove(t, second);
	ck_assert_ptr_null(agent_entry_lookup_id(t, 8));
	agent_entry_table_free(t);
}
END_TEST

Suite *suite_agent_core(void)
{
	Suite *suite = suite_create("agent-core");
	TCase *around = tcase_create("core");
	TCase *entries = tcase_create("entry");

	tcase_add_checked_fixture(around, setup, teardown);
	tcase_add_test(around, test_first_packet);
	tcase_add_test(around, test_late_miss);
	tcase_add_test(around, test_forged_bindings);
	tcase_add_test(around, test_deny_forgets);
	tcase_add_test(around, test_migrate);
	tcase_add_test(around, test_late_packets);
	tcase_add_test(around, test_late_packets_dropped);
	tcase_add_test(around, test_freeze_fails);
	tcase_add_test(around, test_idle);
	tcase_add_test(around, test_release);
	tcase_add_test(around, test_deleted_by_others);
	tcase_add_test(around, test_reconcile);
	tcase_add_test(around, test_adopt);
	tcase_add_test(around, test_inventory);
	tcase_add_test(around, test_bound);
	tcase_add_test(around, test_unknown_id);
	suite_add_tcase(suite, around);
	tcase_add_test(entries, test_heap);
	tcase_add_test(entries, test_id_moves);
	suite_add_tcase(suite, entries);
	return suite;
}
