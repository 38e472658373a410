// SPDX-License-Identifier: GPL-2.0
/* Messages <-> bytes: what goes in comes out, and nothing else gets through. */
#include <string.h>
#include "proto/arena.h"
#include "proto/codec.h"
#include "roamnat.pb-c.h"
#include "suites.h"

typedef Roamnat__V1__Message PbMessage;
typedef Roamnat__V1__Private PbPrivate;
typedef Roamnat__V1__Public PbPublic;

/* What a decoded frame gave. */
struct seen {
	struct rn_msg msgs[8];
	guint n, n_refused, stop_at;
	struct rn_msg refused;
	char why[512];
	int code;
};

static gboolean on_message(const struct rn_msg *msg, void *ctx)
{
	struct seen *seen = ctx;

	if (seen->n < G_N_ELEMENTS(seen->msgs))
		seen->msgs[seen->n] = *msg;
	return ++seen->n != seen->stop_at;
}

static gboolean on_refused(const struct rn_msg *msg, const GError *why, void *ctx)
{
	struct seen *seen = ctx;

	seen->refused = *msg;
	seen->code = why->code;
	g_strlcpy(seen->why, why->message, sizeof(seen->why));
	seen->n_refused++;
	return TRUE;
}

static const struct rn_codec_sink sink = { on_message, on_refused, NULL };

static gboolean decode(const guint8 *bytes, gsize len, struct seen *seen, GError **error)
{
	memset(seen, 0, sizeof(*seen));
	return rn_codec_decode(bytes, len, &sink, seen, error);
}

/* A message in which every field has a value of its own. */
static struct rn_msg full(void)
{
	struct rn_msg msg = {
		.type = RN_MSG_GRANT, .code = RN_CODE_LIMIT, .mode = RN_MODE_DESTINATION,
		.cause = RN_CAUSE_OVERLOAD, .version = 1, .gateway = 2, .src = 3, .dst = UINT32_MAX,
		.id = UINT64_MAX, .epoch = 5, .incarnation = 6, .nonce = 7, .lease_ms = 8,
		.vm = { .zone = 9, .kind = RN_KIND_PORT, .proto = 6, .port = 65535 },
		.pub = { .proto = 6, .port = 65535 },
		.timer = { 60000, 20000, 40000 },
	};

	rn_addr_parse("10.0.0.5", &msg.vm.addr);
	rn_addr_parse("2001:db8::7", &msg.pub.addr);
	memset(msg.name, 'n', sizeof(msg.name) - 1);
	memset(msg.identity, 'i', sizeof(msg.identity) - 1);
	strcpy(msg.text, "Grüße");
	return msg;
}

static void assert_same(const struct rn_msg *a, const struct rn_msg *b)
{
	struct rn_msg x = *a, y = *b;

	ck_assert(rn_private_equal(&x.vm, &y.vm));
	ck_assert(rn_public_equal(&x.pub, &y.pub));
	ck_assert(!memcmp(&x.timer, &y.timer, sizeof(x.timer)));
	ck_assert_str_eq(x.name, y.name);
	ck_assert_str_eq(x.identity, y.identity);
	ck_assert_str_eq(x.text, y.text);
	ck_assert(x.type == y.type && x.code == y.code && x.mode == y.mode && x.cause == y.cause);
	ck_assert(x.version == y.version && x.gateway == y.gateway);
	ck_assert(x.src == y.src && x.dst == y.dst && x.id == y.id && x.epoch == y.epoch);
	ck_assert(x.incarnation == y.incarnation && x.nonce == y.nonce);
	ck_assert(x.lease_ms == y.lease_ms);
}

START_TEST(round_trip)
{
	g_autoptr(GByteArray) frame = g_byte_array_new();
	struct rn_msg msgs[3] = { full(), { .type = RN_MSG_PING }, full() };
	struct seen seen;

	msgs[2].vm = (struct rn_private) { .kind = RN_KIND_ADDRESS, .addr = msgs[0].pub.addr };
	msgs[2].pub = (struct rn_public) { .addr = msgs[0].vm.addr };
	ck_assert_uint_eq(rn_codec_encode(msgs, 3, frame), 3);
	ck_assert(decode(frame->data, frame->len, &seen, NULL));
	ck_assert_uint_eq(seen.n, 3);
	ck_assert_uint_eq(seen.n_refused, 0);
	for (int i = 0; i < 3; i++)
		assert_same(&msgs[i], &seen.msgs[i]);
}
END_TEST

START_TEST(every_type)
{
	for (uint8_t type = RN_MSG_HELLO; type <= RN_MSG_TYPE_MAX; type++) {
		g_autoptr(GByteArray) frame = g_byte_array_new();
		struct rn_msg msg = full();
		struct seen seen;

		msg.type = type;
		ck_assert_str_ne(rn_msg_type_to_string(type), "unknown");
		rn_codec_encode(&msg, 1, frame);
		ck_assert(decode(frame->data, frame->len, &seen, NULL));
		ck_assert_uint_eq(seen.n, 1);
		assert_same(&msg, &seen.msgs[0]);
	}
	for (uint8_t code = 0; code <= RN_CODE_MAX; code++)
		ck_assert(rn_code_to_string(code) && rn_code_to_sentence(code));
	ck_assert_str_eq(rn_code_to_string(RN_CODE_MAX + 1), "unknown");
	ck_assert_str_eq(rn_msg_type_to_string(0), "unknown");
}
END_TEST

/* The caller splits: a frame takes as many as fit, by bytes or by number. */
START_TEST(split)
{
	g_autoptr(GByteArray) frame = g_byte_array_new();
	g_autofree struct rn_msg *msgs = g_new0(struct rn_msg, 6000);
	struct seen seen;
	gsize n;

	for (gsize i = 0; i < 6000; i++)
		msgs[i] = full();
	n = rn_codec_encode(msgs, 6000, frame);
	ck_assert_uint_gt(n, 400);
	ck_assert_uint_lt(n, 1000);
	ck_assert_uint_le(frame->len, RN_FRAME_MAX);
	ck_assert(decode(frame->data, frame->len, &seen, NULL));
	ck_assert_uint_eq(seen.n, n);

	for (gsize i = 0; i < 6000; i++)
		msgs[i] = (struct rn_msg) { .type = RN_MSG_PING, .nonce = 1 };
	g_byte_array_set_size(frame, 0);
	ck_assert_uint_eq(rn_codec_encode(msgs, 6000, frame), RN_FRAME_MESSAGES);
	ck_assert(decode(frame->data, frame->len, &seen, NULL));
	ck_assert_uint_eq(seen.n, RN_FRAME_MESSAGES);
}
END_TEST

START_TEST(stop)
{
	g_autoptr(GByteArray) frame = g_byte_array_new();
	struct rn_msg msgs[3] = { full(), full(), full() };
	struct seen seen = { .stop_at = 2 };

	rn_codec_encode(msgs, 3, frame);
	ck_assert(rn_codec_decode(frame->data, frame->len, &sink, &seen, NULL));
	ck_assert_uint_eq(seen.n, 2);
}
END_TEST

/* ---- single messages that are wrong ---- */

struct bad {
	PbMessage msg;
	PbPrivate vm;
	PbPublic pub;
};

static uint8_t five[] = { 10, 0, 0, 5, 0 };

static void bad_init(struct bad *bad)
{
	roamnat__v1__message__init(&bad->msg);
	roamnat__v1__private__init(&bad->vm);
	roamnat__v1__public__init(&bad->pub);
	bad->vm.kind = RN_KIND_PORT;
	bad->vm.protocol = 6;
	bad->vm.port = 80;
	bad->vm.addr = (ProtobufCBinaryData) { 4, five };
	bad->pub.protocol = 6;
	bad->pub.port = 80;
	bad->pub.addr = (ProtobufCBinaryData) { 4, five };
	bad->msg.type = RN_MSG_GRANT;
	bad->msg.nonce = 77;
	bad->msg.vm = &bad->vm;
	bad->msg.pub = &bad->pub;
}

static GByteArray *pack(PbMessage *msg)
{
	Roamnat__V1__Frame frame = ROAMNAT__V1__FRAME__INIT;
	GByteArray *bytes = g_byte_array_new();
	PbMessage good = ROAMNAT__V1__MESSAGE__INIT;
	PbMessage *msgs[3] = { &good, msg, &good };

	good.type = RN_MSG_PING;
	frame.n_messages = 3;
	frame.messages = msgs;
	g_byte_array_set_size(bytes, (guint)roamnat__v1__frame__get_packed_size(&frame));
	roamnat__v1__frame__pack(&frame, bytes->data);
	return bytes;
}

/* Refused with this word in the reason; both neighbours are delivered. */
static void refuse(struct bad *bad, int code, const char *word)
{
	g_autoptr(GByteArray) bytes = pack(&bad->msg);
	struct seen seen;

	ck_assert(decode(bytes->data, bytes->len, &seen, NULL));
	ck_assert_msg(seen.n_refused == 1, "%s was not refused", word);
	ck_assert_uint_eq(seen.n, 2);
	ck_assert_int_eq(seen.code, code);
	ck_assert_msg(strstr(seen.why, word) != NULL, "`%s' lacks `%s'", seen.why, word);
	ck_assert_uint_eq(seen.refused.nonce, 77);
	ck_assert_uint_eq(seen.refused.type, 0);
}

#define REFUSE(change, code, word) do {		\
	struct bad bad;				\
						\
	bad_init(&bad);				\
	change;					\
	refuse(&bad, code, word);		\
} while (0)

#define FIELD RN_CODEC_ERROR_FIELD

START_TEST(bad_fields)
{
	g_autofree char *name = g_strnfill(RN_NAME_MAX, 'x'), *text = g_strnfill(RN_TEXT_MAX, 'x');

	REFUSE(bad.msg.type = 0, RN_CODEC_ERROR_TYPE, "type 0");
	REFUSE(bad.msg.type = RN_MSG_TYPE_MAX + 1, RN_CODEC_ERROR_TYPE, "is not known");
	REFUSE(bad.msg.type = 256 + RN_MSG_PING, RN_CODEC_ERROR_TYPE, "type 259");
	REFUSE(bad.msg.code = RN_CODE_MAX + 1, FIELD, "GRANT: code");
	REFUSE(bad.msg.code = 256, FIELD, "code");
	REFUSE(bad.msg.mode = 3, FIELD, "mode");
	REFUSE(bad.msg.cause = 4, FIELD, "cause");
	REFUSE(bad.vm.kind = 0, FIELD, "vm.kind");
	REFUSE(bad.vm.kind = 257, FIELD, "vm.kind");
	REFUSE(bad.vm.port = 65536, FIELD, "vm.port");
	REFUSE(bad.vm.protocol = 256, FIELD, "vm.protocol");
	REFUSE(bad.vm.protocol = 0, FIELD, "vm has no protocol");
	REFUSE(bad.vm.kind = RN_KIND_ADDRESS, FIELD, "kind is address");
	REFUSE(bad.vm.addr.len = 5, FIELD, "vm.addr has 5 bytes");
	REFUSE(bad.vm.addr.len = 0, FIELD, "vm has no address");
	REFUSE(bad.pub.addr.len = 3, FIELD, "pub.addr");
	REFUSE(bad.pub.addr.len = 0, FIELD, "pub has no address");
	REFUSE(bad.pub.port = 65536, FIELD, "pub.port");
	REFUSE(bad.pub.protocol = 256, FIELD, "pub.protocol");
	REFUSE(bad.pub.protocol = 0, FIELD, "pub has a port");
	REFUSE(bad.msg.vm = NULL, FIELD, "GRANT: vm is missing");
	REFUSE(bad.msg.pub = NULL, FIELD, "GRANT: pub is missing");
	REFUSE(bad.msg.name = name, FIELD, "name is longer than 63");
	REFUSE(bad.msg.identity = text, FIELD, "identity is longer");
	REFUSE(bad.msg.text = text, FIELD, "text is longer");
	REFUSE(bad.msg.text = (char *)"\xc3\x28", FIELD, "text is not UTF-8");
	REFUSE(bad.msg.name = (char *)"\xed\xa0\x80", FIELD, "name is not UTF-8");
}
END_TEST

/* protobuf-c hands out such a string cut at its NUL, and does not say so. */
START_TEST(embedded_nul)
{
	struct bad bad;
	g_autoptr(GByteArray) bytes = NULL;
	struct seen seen;
	guint8 *x;

	bad_init(&bad);
	bad.msg.name = (char *)"gw1Xevil";
	bytes = pack(&bad.msg);
	x = memchr(bytes->data, 'X', bytes->len);
	*x = 0;
	ck_assert(decode(bytes->data, bytes->len, &seen, NULL));
	ck_assert_uint_eq(seen.n_refused, 1);
	ck_assert_ptr_nonnull(strstr(seen.why, "name is not UTF-8 without NUL"));
}
END_TEST

/* Field 127 of a newer version, in the frame and in a message. */
START_TEST(unknown_fields)
{
	static const guint8 bytes[] = {
		0x0a, 8, 0x08, RN_MSG_PING, 0xfa, 0x07, 0x03, 'n', 'e', 'w',
		0xf8, 0x07, 0x01,
	};
	struct seen seen;

	ck_assert(decode(bytes, sizeof(bytes), &seen, NULL));
	ck_assert_uint_eq(seen.n, 1);
	ck_assert_uint_eq(seen.n_refused, 0);
	ck_assert_uint_eq(seen.msgs[0].type, RN_MSG_PING);
}
END_TEST

START_TEST(malformed)
{
	static const struct {
		const char *what;
		guint8 bytes[12];
		gsize len;
	} cases[] = {
		{ "length over the end", { 0x0a, 0x7f }, 2 },
		{ "length of 64 bits",
		  { 0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f }, 10 },
		{ "endless varint", { 0x0a, 2, 0x08, 0xff }, 4 },
		{ "wire type 7", { 0x0f, 0 }, 2 },
		{ "wire type 3, a group", { 0x0b, 0x0c }, 2 },
		{ "field 0", { 0x02, 0 }, 2 },
		{ "submessage cut", { 0x0a, 3, 0x72, 0x05, 0x08 }, 5 },
	};
	struct seen seen;

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		ck_assert_msg(!decode(cases[i].bytes, cases[i].len, &seen, &error), "%s",
			      cases[i].what);
		ck_assert_int_eq(error->code, RN_CODEC_ERROR_FRAME);
		ck_assert_uint_eq(seen.n + seen.n_refused, 0);
	}
}
END_TEST

/* Cut anywhere: no frame, or the whole messages before the cut. */
START_TEST(truncation)
{
	g_autoptr(GByteArray) frame = g_byte_array_new();
	struct rn_msg msgs[2] = { full(), full() };
	guint first, ok = 0;

	rn_codec_encode(msgs, 1, frame);
	first = frame->len;
	ck_assert(rn_codec_append(frame, 1, &msgs[1]));
	for (guint len = 0; len < frame->len; len++) {
		/* Of the exact size, so that a sanitizer sees a byte too many. */
		g_autofree guint8 *copy = g_memdup2(frame->data, len ? len : 1);
		struct seen seen;

		if (!decode(copy, len, &seen, NULL))
			continue;
		ck_assert_uint_eq(seen.n_refused, 0);
		ck_assert_uint_eq(seen.n, len == first);
		ok++;
	}
	ck_assert_uint_eq(ok, 2);	/* nothing, and the first message */
}
END_TEST

static void refuse_bomb(gsize len)
{
	g_autofree guint8 *bomb = g_malloc0(len);
	g_autoptr(GError) error = NULL;
	struct seen seen;

	for (gsize i = 0; i < len; i += 2)
		bomb[i] = 0x0a;
	ck_assert(!decode(bomb, len, &seen, &error));
	ck_assert_int_eq(error->code, RN_CODEC_ERROR_LIMIT);
	ck_assert_uint_eq(seen.n + seen.n_refused, 0);
}

START_TEST(bombs)
{
	Roamnat__V1__Frame *frame;
	struct rn_arena arena;
	g_autofree guint8 *bomb = g_malloc0(1024 * 1024);

	refuse_bomb(1024 * 1024);
	refuse_bomb(RN_FRAME_MAX);
	refuse_bomb(2 * (RN_FRAME_MESSAGES + 1));
	/* The arena alone stands 1 MiB of them, without the cap on frames. */
	for (gsize i = 0; i < 1024 * 1024; i += 2)
		bomb[i] = 0x0a;
	rn_arena_init(&arena, RN_ARENA_CAP);
	frame = roamnat__v1__frame__unpack(&arena.allocator, 1024 * 1024, bomb);
	ck_assert_ptr_null(frame);
	ck_assert(arena.exhausted);
	ck_assert_uint_le(arena.used, RN_ARENA_CAP);
	rn_arena_free(&arena);
}
END_TEST

/* Every allocation may be the one that is refused. */
START_TEST(arena_caps)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	g_autofree struct rn_msg *msgs = g_new0(struct rn_msg, 300);
	gboolean unpacked = FALSE;

	for (int i = 0; i < 300; i++)
		msgs[i] = full();
	rn_codec_encode(msgs, 300, bytes);
	for (gsize cap = 0; !unpacked; cap += 997) {
		struct rn_arena arena;

		rn_arena_init(&arena, cap);
		unpacked = roamnat__v1__frame__unpack(&arena.allocator, bytes->len,
						      bytes->data) != NULL;
		ck_assert_int_eq(!unpacked, arena.exhausted);
		ck_assert_uint_le(arena.used, cap);
		rn_arena_free(&arena);
		ck_assert_uint_le(cap, RN_ARENA_CAP);
	}
}
END_TEST

/* ---- random damage ---- */

static guint64 state = 1;

static guint below(guint n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (guint)((state >> 33) % n);
}

/* What was delivered keeps every promise of the decoder. */
static gboolean judge(const struct rn_msg *msg, void *ctx)
{
	ck_assert(msg->type >= RN_MSG_HELLO && msg->type <= RN_MSG_TYPE_MAX);
	ck_assert(msg->code <= RN_CODE_MAX && msg->mode <= 2 && msg->cause <= 3);
	ck_assert(msg->vm.addr.len == 0 || msg->vm.addr.len == 4 || msg->vm.addr.len == 16);
	ck_assert(msg->pub.addr.len == 0 || msg->pub.addr.len == 4 || msg->pub.addr.len == 16);
	ck_assert(!msg->vm.addr.len || (msg->vm.kind == RN_KIND_PORT) == (msg->vm.proto != 0));
	ck_assert(g_utf8_validate(msg->name, -1, NULL) && strlen(msg->name) < RN_NAME_MAX);
	ck_assert(g_utf8_validate(msg->identity, -1, NULL));
	ck_assert(g_utf8_validate(msg->text, -1, NULL) && strlen(msg->text) < RN_TEXT_MAX);
	return TRUE;
}

START_TEST(mutation)
{
	static const struct rn_codec_sink judges = { judge, on_refused, NULL };
	g_autoptr(GByteArray) whole = g_byte_array_new();
	struct rn_msg msgs[3] = { full(), full(), { .type = RN_MSG_HELLO, .nonce = 4 } };
	guint frames = 0;

	strcpy(msgs[0].name, "gw1");
	strcpy(msgs[0].identity, "spiffe://test/gw/1");
	msgs[1].name[0] = 0;
	msgs[1].identity[0] = 0;
	rn_codec_encode(msgs, 3, whole);
	for (int i = 0; i < 100000; i++) {
		guint len = below(8) ? whole->len : below(whole->len) + 1;
		g_autofree guint8 *copy = g_memdup2(whole->data, len);
		struct seen seen = { 0 };

		for (guint n = 1 + below(6); n; n--)
			copy[below(len)] = below(2) ? (guint8)below(256) : copy[below(len)];
		frames += (guint)rn_codec_decode(copy, len, &judges, &seen, NULL);
	}
	/* Both sides of every check were reached. */
	ck_assert_uint_gt(frames, 1000);
	ck_assert_uint_lt(frames, 99000);
}
END_TEST

Suite *suite_codec(void)
{
	Suite *suite = suite_create("codec");
	TCase *tc = tcase_create("codec");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, round_trip);
	tcase_add_test(tc, every_type);
	tcase_add_test(tc, split);
	tcase_add_test(tc, stop);
	tcase_add_test(tc, bad_fields);
	tcase_add_test(tc, embedded_nul);
	tcase_add_test(tc, unknown_fields);
	tcase_add_test(tc, malformed);
	tcase_add_test(tc, truncation);
	tcase_add_test(tc, bombs);
	tcase_add_test(tc, arena_caps);
	tcase_add_test(tc, mutation);
	suite_add_tcase(suite, tc);
	return suite;
}
