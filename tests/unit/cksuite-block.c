// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks of ports: their pool (RFC 4787 REQ-2, RFC 6888 REQ-2, P15), their bindings
 * on the wire, and in the agent until the kernel has them (I8, I11).
 */
#include <check.h>
#include <string.h>
#include "agent/block.h"
#include "controller/pool.h"
#include "proto/codec.h"
#include "suites.h"

/* ---- the pool ---- */

static struct rn_pools *pools;

static void setup(void)
{
	pools = rn_pools_new();
}

static void teardown(void)
{
	rn_pools_free(pools);
}

static GError *add(const char *text, unsigned int lo, unsigned int hi, unsigned int size)
{
	struct rn_pool_spec spec = {
		.name = text, .kind = RN_KIND_BLOCK, .n_prefixes = 1, .port_lo = lo, .port_hi = hi,
		.block_size = size, .blocks_per_vm = 4,
	};
	struct rn_prefix prefix;
	GError *error = NULL;

	ck_assert(rn_prefix_parse(text, &prefix));
	spec.prefixes = &prefix;
	rn_pools_add(pools, &spec, &error);
	return error;
}

static struct rn_private vm(unsigned int n, unsigned int index)
{
	return (struct rn_private){ .kind = RN_KIND_BLOCK, .zone = 1, .port = index,
				    .addr = { 4, { 10, 0, n >> 8, n } } };
}

static bool take(unsigned int n, unsigned int index, const struct rn_public *earlier,
		 struct rn_public *pub)
{
	const struct rn_private side = vm(n, index);
	const char *why = NULL;

	if (!rn_pools_pick(pools, &side, earlier, 0, pub, &why)) {
		ck_assert_ptr_nonnull(why);
		return false;
	}
	rn_pools_grant(pools, pub, &side);
	return true;
}

START_TEST(each_block_once_to_the_last)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
	struct rn_public pub;
	unsigned int n = 0;

	ck_assert_ptr_null(add("203.0.113.0/30", 1024, 65535, 512));
	for (; take(n, 0, NULL, &pub); n++) {
		guint key = pub.addr.b[3] << 16 | pub.port;

		ck_assert_uint_eq(pub.ports, 512);
		ck_assert_uint_eq(pub.port % 512, 0);
		ck_assert_uint_ge(pub.port, 1024);
		ck_assert(g_hash_table_add(seen, GUINT_TO_POINTER(key)));
	}
	ck_assert_uint_eq(n, 4 * 126);
	ck_assert_uint_eq(rn_pool_counts(rn_pools_nth(pools, 0)).total, 4 * 126);
	ck_assert_uint_eq(rn_pool_counts(rn_pools_nth(pools, 0)).granted, 4 * 126);
}
END_TEST

START_TEST(blocks_of_a_vm_share_an_address)
{
	struct rn_public first, pub, other = { 0 };
	const struct rn_private one = vm(1, 3);

	ck_assert_ptr_null(add("203.0.113.0/28", 1024, 4095, 1024));
	ck_assert_ptr_null(add("198.51.100.0/28", 1024, 4095, 1024));
	ck_assert(take(1, 0, NULL, &first));
	for (unsigned int n = 2; n < 6; n++)
		ck_assert(take(n, 0, NULL, &other));
	for (unsigned int i = 1; i < 3; i++) {
		ck_assert(take(1, i, NULL, &pub));
		ck_assert(rn_addr_equal(&pub.addr, &first.addr));
	}
	/* The address has three; another one, and another pool, are no help. */
	ck_assert(!take(1, 3, NULL, &pub));
	/* Nor is one that it had earlier elsewhere. */
	ck_assert(!rn_addr_equal(&other.addr, &first.addr));
	rn_pools_quarantine(pools, &other, &one, 10);
	ck_assert(!take(1, 3, &other, &pub));
}
END_TEST

START_TEST(quarantine_and_the_same_again)
{
	const struct rn_private one = vm(1, 0);
	struct rn_public pub, again;

	ck_assert_ptr_null(add("203.0.113.0/32", 1024, 2047, 1024));
	ck_assert(take(1, 0, NULL, &pub));
	rn_pools_quarantine(pools, &pub, &one, 10);
	ck_assert(!take(2, 0, NULL, &again));
	ck_assert(take(1, 0, &pub, &again));
	ck_assert(rn_public_equal(&pub, &again));
	rn_pools_quarantine(pools, &pub, &one, 10);
	rn_pools_expire(pools, 10);
	ck_assert(take(2, 0, NULL, &again));
}
END_TEST

/* Of 126 blocks, 20 addresses in a row would draw the same number by chance with
 * 126^-19; and a row that rises by one just as rarely.
 */
START_TEST(which_block_is_a_draw)
{
	unsigned int same = 0, next = 0, before = 0;
	struct rn_public pub;

	ck_assert_ptr_null(add("203.0.113.0/27", 1024, 65535, 512));
	for (unsigned int n = 0; n < 20; n++) {
		ck_assert(take(n, 0, NULL, &pub));
		same += n && pub.port == before;
		next += n && pub.port == before + 512;
		before = pub.port;
	}
	ck_assert_uint_lt(same, 19);
	ck_assert_uint_lt(next, 19);
}
END_TEST

START_TEST(bad_blocks_are_refused)
{
	static const unsigned int bad[][3] = {
		{ 1024, 65535, 500 }, { 1000, 65535, 512 }, { 1024, 65534, 512 },
		{ 1024, 1279, 512 }, { 0, 65535, 512 }, { 1024, 65535, 0 },
	};

	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = add("203.0.113.0/28", bad[i][0], bad[i][1], bad[i][2]);

		ck_assert_ptr_nonnull(error);
		ck_assert_ptr_nonnull(strstr(error->message, "block-size is a power of two"));
		teardown();
		setup();
	}
}
END_TEST

START_TEST(other_sizes_in_use_are_told)
{
	struct rn_public pub = { .port = 1024, .ports = 1024, .addr = { 4, { 203, 0, 113, 1 } } };
	g_autofree char *text = NULL;

	ck_assert_ptr_null(add("203.0.113.0/28", 1024, 65535, 512));
	text = rn_pools_misfit(pools, &pub);
	ck_assert_ptr_nonnull(strstr(text, "203.0.113.1:1024-2047"));
	pub.ports = 512;
	ck_assert_ptr_null(rn_pools_misfit(pools, &pub));
	pub.addr.b[0] = 9;
	pub.ports = 1024;
	ck_assert_ptr_null(rn_pools_misfit(pools, &pub));
}
END_TEST

/* ---- the wire ---- */

struct seen {
	struct rn_bindings *bindings;
	struct rn_msg msg;
	char why[256];
};

static gboolean on_message(const struct rn_msg *msg, void *ctx)
{
	((struct seen *)ctx)->msg = *msg;
	return TRUE;
}

static gboolean on_refused(const struct rn_msg *msg, const GError *why, void *ctx)
{
	struct seen *seen = ctx;

	ck_assert_uint_eq(msg->nonce, 77);
	ck_assert_uint_eq(msg->id, 0);
	g_strlcpy(seen->why, why->message, sizeof(seen->why));
	return TRUE;
}

static void on_bindings(const struct rn_bindings *bindings, void *ctx)
{
	((struct seen *)ctx)->bindings = rn_bindings_copy(bindings);
}

static const struct rn_codec_sink sink = { on_message, on_refused, on_bindings };

static struct rn_msg transfer(void)
{
	return (struct rn_msg){
		.type = RN_MSG_XFER, .id = 5, .epoch = 6, .nonce = 77, .vm = vm(5, 2),
		.pub = { .port = 2048, .ports = 1024, .addr = { 4, { 203, 0, 113, 7 } } },
	};
}

static struct rn_binding binding(unsigned int i)
{
	return (struct rn_binding){
		.proto = i % 3 ? 6 : 17, .state = 1 + i % 5, .private_port = 40000 + i,
		.public_port = 2048 + i % 1024, .elapsed = i, .remaining = 7440000 - i,
		.many_remotes = i & 1, .remote_hash = i * 7919,
	};
}

static struct rn_bindings *many(guint n)
{
	struct rn_bindings *bindings = rn_bindings_new();

	for (guint i = 0; i < n; i++) {
		struct rn_binding b = binding(i);

		g_array_append_val(bindings->list, b);
	}
	return bindings;
}

static void code(const struct rn_msg *msg, const struct rn_bindings *bindings, struct seen *seen)
{
	g_autoptr(GByteArray) frame = g_byte_array_new();

	memset(seen, 0, sizeof(*seen));
	ck_assert(rn_codec_append_with(frame, 0, msg, bindings));
	ck_assert_uint_le(frame->len, RN_FRAME_MAX);
	ck_assert(rn_codec_decode(frame->data, frame->len, &sink, seen, NULL));
}

START_TEST(bindings_arrive_as_they_left)
{
	struct rn_bindings *sent = many(RN_BINDINGS_MAX);
	struct rn_addr remote = { 4, { 192, 0, 2, 9 } };
	struct rn_msg msg = transfer();
	struct seen seen;

	for (guint i = 0; i < RN_BINDING_REMOTES_MAX; i++)
		g_array_append_val(sent->remotes, remote);
	g_array_index(sent->list, struct rn_binding, 9).n_remotes = RN_BINDING_REMOTES_MAX;
	code(&msg, sent, &seen);
	ck_assert_uint_eq(seen.msg.id, 5);
	ck_assert(rn_public_equal(&seen.msg.pub, &msg.pub));
	ck_assert(rn_private_equal(&seen.msg.vm, &msg.vm));
	ck_assert_uint_eq(rn_bindings_count(seen.bindings), RN_BINDINGS_MAX);
	for (guint i = 0; i < RN_BINDINGS_MAX; i++) {
		const struct rn_binding *a = &g_array_index(sent->list, struct rn_binding, i);
		const struct rn_binding *b = &g_array_index(seen.bindings->list,
							    struct rn_binding, i);

		ck_assert(a->proto == b->proto && a->state == b->state);
		ck_assert(a->private_port == b->private_port && a->public_port == b->public_port);
		ck_assert(a->elapsed == b->elapsed && a->remaining == b->remaining);
		ck_assert(a->many_remotes == b->many_remotes && a->remote_hash == b->remote_hash);
		ck_assert_uint_eq(a->n_remotes, b->n_remotes);
	}
	ck_assert_uint_eq(seen.bindings->remotes->len, RN_BINDING_REMOTES_MAX);
	rn_bindings_free(seen.bindings);
	rn_bindings_free(sent);
}
END_TEST

/* One that is wrong in `change`: the message is refused, and says where. */
#define REFUSE(change, word) do { \
	struct rn_bindings *list = many(3); \
	struct rn_binding *b = &g_array_index(list->list, struct rn_binding, 1); \
	struct rn_msg msg = transfer(); \
	struct seen seen; \
	\
	change; \
	code(&msg, list, &seen); \
	ck_assert_msg(strstr(seen.why, word) != NULL, "`%s' lacks `%s'", seen.why, word); \
	ck_assert_ptr_null(seen.bindings); \
	ck_assert_uint_eq(b->proto && seen.msg.type, 0); \
	rn_bindings_free(list); \
} while (0)

START_TEST(hostile_bindings_are_refused)
{
	struct rn_addr v6 = { .len = 16 };

	REFUSE(b->proto = 47, "bindings[1].protocol");
	REFUSE(b->private_port = 0, "private_port");
	REFUSE(b->public_port = 2047, "public_port");
	REFUSE(b->public_port = 3072, "public_port");
	REFUSE(b->state = 0, "state");
	REFUSE(b->state = 6, "state");
	REFUSE(b->elapsed = 604800001, "elapsed_ms");
	REFUSE(b->remaining = UINT64_MAX, "remaining_ms");
	REFUSE(g_array_append_val(list->remotes, v6); b->n_remotes = 1, "remotes");
	REFUSE(g_array_set_size(list->remotes, 65); b->n_remotes = 65, "remotes");
	REFUSE(msg.type = RN_MSG_GRANT, "transfer of a block");
	REFUSE(msg.vm.kind = RN_KIND_ADDRESS; msg.vm.port = 0; msg.pub.port = 0; msg.pub.ports = 0,
	       "transfer of a block");
	REFUSE(rn_bindings_free(list); list = many(RN_BINDINGS_MAX + 1);
	       b = &g_array_index(list->list, struct rn_binding, 0), "more than 4096");
	/* Parts of more than the block's ports, or that would be small. */
	REFUSE(list->part = 1, "no part 1 of 0");
	REFUSE(list->part = 2; list->parts = 2, "no part 2 of 2");
	REFUSE(list->parts = 2, "no part 0 of 2 of a block of 1024 ports");
	REFUSE(list->parts = G_MAXUINT32; list->part = 1, "no part");
	REFUSE(list->parts = 2; msg.pub.port = 4096; msg.pub.ports = 4096;
	       g_array_set_size(list->list, 3), "no part 0 of 2 of a block of 4096");
	REFUSE(list->parts = 3; list->part = 3; msg.pub.port = 4096; msg.pub.ports = 4096, "no part");
	REFUSE(list->parts = 4; list->part = 3; msg.pub.port = 4096; msg.pub.ports = 4096, "no part");
	REFUSE(msg.type = RN_MSG_XFER; list->parts = 1; list->part = 1, "no part");
}
END_TEST

START_TEST(hostile_blocks_are_refused)
{
	static const struct {
		uint16_t port, ports;
		uint8_t kind, proto;
		const char *word;
	} bad[] = {
		{ 2048, 1000, 3, 0, "no block" }, { 2050, 1024, 3, 0, "no block" },
		{ 0, 1024, 3, 0, "no block" }, { 2048, 1024, 3, 6, "kind is block" },
		{ 2048, 1024, 1, 0, "not both of a block" }, { 0, 0, 3, 0, "not both of a block" },
		{ 2048, 1024, 4, 0, "none of address" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		struct rn_msg msg = transfer();
		struct seen seen;

		msg.type = RN_MSG_GRANT;
		msg.vm.kind = bad[i].kind;
		msg.vm.proto = bad[i].proto;
		if (bad[i].kind != RN_KIND_BLOCK)
			msg.vm.port = 0;
		msg.pub.port = bad[i].port;
		msg.pub.ports = bad[i].ports;
		code(&msg, NULL, &seen);
		ck_assert_msg(strstr(seen.why, bad[i].word) != NULL, "%u: `%s' lacks `%s'", i,
			      seen.why, bad[i].word);
	}
}
END_TEST

/* Who does not want them gets the message all the same. */
START_TEST(a_sink_without_bindings)
{
	static const struct rn_codec_sink plain = { on_message, on_refused, NULL };
	g_autoptr(GByteArray) frame = g_byte_array_new();
	struct rn_bindings *sent = many(2);
	struct rn_msg msg = transfer();
	struct seen seen = { 0 };

	ck_assert(rn_codec_append_with(frame, 0, &msg, sent));
	ck_assert(rn_codec_decode(frame->data, frame->len, &plain, &seen, NULL));
	ck_assert_uint_eq(seen.msg.id, 5);
	rn_bindings_free(sent);
}
END_TEST

/* ---- in the agent ---- */

static guint kernel_n, kernel_asked;

/* In place of the kernel's. */
struct rn_bindings *agent_kernel_bindings(struct agent_kernel *kernel, uint64_t id, guint *more,
					  GError **error)
{
	kernel_asked++;
	*more = 0;
	if (kernel_n)
		return many(kernel_n);
	g_set_error(error, AGENT_KERNEL_ERROR, 1, "the test says no");
	return NULL;
}

static struct agent_entry entry_of(const struct rn_msg *msg, uint32_t sender)
{
	struct agent_entry entry = { 0 };

	own_gw_entry_init(&entry.own, &msg->vm);
	entry.own.state = OWN_GW_MOVING_IN;
	entry.own.slot[0] = (struct own_gw_slot) {
		.sender = sender, .id = msg->id, .epoch = msg->epoch,
	};
	return entry;
}

START_TEST(read_once_for_all_repetitions)
{
	struct rn_msg msg = transfer();
	struct agent_entry entry = entry_of(&msg, 0);
	const struct rn_bindings *first;

	kernel_n = 3;
	kernel_asked = 0;
	entry.own.state = OWN_GW_MOVING_OUT;
	first = agent_block_leaving(NULL, &entry, &msg);
	ck_assert_uint_eq(rn_bindings_count(first), 3);
	agent_block_settle(&entry);
	ck_assert_ptr_eq(agent_block_leaving(NULL, &entry, &msg), first);
	ck_assert_uint_eq(kernel_asked, 1);
	/* Back here, and frozen again later: they are others. */
	entry.own.state = OWN_GW_ACTIVE;
	agent_block_settle(&entry);
	ck_assert_ptr_null(entry.block);
	msg.type = RN_MSG_MIG_S;
	ck_assert_ptr_null(agent_block_leaving(NULL, &entry, &msg));
	/* A kernel that does not tell them: the mapping moves all the same. */
	kernel_n = 0;
	msg.type = RN_MSG_XFER;
	entry.own.state = OWN_GW_MOVING_OUT;
	ck_assert_uint_eq(rn_bindings_count(agent_block_leaving(NULL, &entry, &msg)), 0);
	agent_block_free(&entry);
}
END_TEST

/* Who forges a transfer with the same id and epoch does not get his in (I8). */
START_TEST(bindings_are_of_their_sender)
{
	struct rn_bindings *good = many(2), *forged = many(5);
	struct rn_msg msg = transfer();
	struct agent_entry entry = entry_of(&msg, 7);

	agent_block_arrived(&entry, 7, &msg, good);
	agent_block_arrived(&entry, 8, &msg, forged);
	msg.src = 7;
	ck_assert_uint_eq(rn_bindings_count(agent_block_waiting(&entry, &msg, true)), 2);
	msg.src = 9;
	ck_assert_ptr_null(agent_block_waiting(&entry, &msg, true));
	/* 8 has no slot: nobody will ask for them. */
	agent_block_settle(&entry);
	msg.src = 8;
	ck_assert_ptr_null(agent_block_waiting(&entry, &msg, true));
	/* A grant at the next epoch that rests on 7's transfer. */
	msg.src = 7;
	msg.epoch++;
	ck_assert_ptr_null(agent_block_waiting(&entry, &msg, true));
	ck_assert_uint_eq(rn_bindings_count(agent_block_waiting(&entry, &msg, false)), 2);
	memset(entry.own.slot, 0, sizeof(entry.own.slot));
	agent_block_settle(&entry);
	ck_assert_ptr_null(entry.block);
	rn_bindings_free(good);
	rn_bindings_free(forged);
}
END_TEST

START_TEST(waiting_bindings_are_bounded)
{
	guint n = AGENT_BLOCK_WAITING_MAX / RN_BINDINGS_MAX + 3, kept = 0;
	struct agent_entry *entries = g_new0(struct agent_entry, n);
	struct rn_bindings *bindings = many(RN_BINDINGS_MAX);
	struct rn_msg msg = transfer();

	for (guint i = 0; i < n; i++) {
		entries[i] = entry_of(&msg, 7);
		agent_block_arrived(&entries[i], 7, &msg, bindings);
		/* Said again, it takes the place of the first. */
		agent_block_arrived(&entries[i], 7, &msg, bindings);
		msg.src = 7;
		kept += agent_block_waiting(&entries[i], &msg, true) != NULL;
	}
	ck_assert_uint_ge(kept, n - 4);
	ck_assert_uint_le(kept, n - 3);
	for (guint i = 0; i < n; i++)
		agent_block_free(&entries[i]);
	agent_block_arrived(&entries[0], 7, &msg, bindings);
	ck_assert_ptr_nonnull(agent_block_waiting(&entries[0], &msg, true));
	agent_block_free(&entries[0]);
	rn_bindings_free(bindings);
	g_free(entries);
}
END_TEST

Suite *suite_block(void)
{
	Suite *s = suite_create("block");
	TCase *tc = tcase_create("pool");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, each_block_once_to_the_last);
	tcase_add_test(tc, blocks_of_a_vm_share_an_address);
	tcase_add_test(tc, quarantine_and_the_same_again);
	tcase_add_test(tc, which_block_is_a_draw);
	tcase_add_test(tc, bad_blocks_are_refused);
	tcase_add_test(tc, other_sizes_in_use_are_told);
	suite_add_tcase(s, tc);
	tc = tcase_create("wire");
	tcase_add_test(tc, bindings_arrive_as_they_left);
	tcase_add_test(tc, hostile_bindings_are_refused);
	tcase_add_test(tc, hostile_blocks_are_refused);
	tcase_add_test(tc, a_sink_without_bindings);
	suite_add_tcase(s, tc);
	tc = tcase_create("agent");
	tcase_add_test(tc, read_once_for_all_repetitions);
	tcase_add_test(tc, bindings_are_of_their_sender);
	tcase_add_test(tc, waiting_bindings_are_bounded);
	suite_add_tcase(s, tc);
	return s;
}
