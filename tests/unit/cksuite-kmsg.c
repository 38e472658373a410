// SPDX-License-Identifier: GPL-2.0
/*
 * The agent's netlink codec: bytes as the module writes them to structs, and
 * structs to the bytes that it reads. The bytes are written out here, so that a
 * change of the contract fails a test.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/roamnat.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <string.h>
#include "agent/kmsg.h"
#include "suites.h"

/* A message as it comes from a socket. */
struct wire {
	union {
		struct nlmsghdr hdr;
		uint8_t b[1024];
	};
};

static void wire_begin(struct wire *w, uint8_t cmd)
{
	memset(w, 0, sizeof(*w));
	w->hdr.nlmsg_type = 0x20;
	w->hdr.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN;
	w->b[NLMSG_HDRLEN] = cmd;
	w->b[NLMSG_HDRLEN + 1] = 1;
}

static void wire_put(struct wire *w, uint16_t type, const void *data, uint16_t len)
{
	uint16_t attr[2] = { (uint16_t)(len + 4), type };

	memcpy(w->b + w->hdr.nlmsg_len, attr, 4);
	memcpy(w->b + w->hdr.nlmsg_len + 4, data, len);
	w->hdr.nlmsg_len += NLA_ALIGN(len + 4);
}

static void wire_u32(struct wire *w, uint16_t type, uint32_t value)
{
	wire_put(w, type, &value, sizeof(value));
}

static void wire_u64(struct wire *w, uint16_t type, uint64_t value)
{
	wire_put(w, type, &value, sizeof(value));
}

static void wire_timer(struct wire *w, uint64_t preset, uint64_t elapsed, uint64_t remaining)
{
	struct {
		uint16_t len, type;
		uint8_t value[8];
	} attr[3] = { { 12, 1, { 0 } }, { 12, 2, { 0 } }, { 12, 3, { 0 } } };

	memcpy(attr[0].value, &preset, 8);
	memcpy(attr[1].value, &elapsed, 8);
	memcpy(attr[2].value, &remaining, 8);
	wire_put(w, 12 | NLA_F_NESTED, attr, sizeof(attr));
}

static gboolean parse(struct wire *w, struct agent_kmsg_mapping *mapping, const char *wrong)
{
	g_autoptr(GError) error = NULL;
	gboolean ok = agent_kmsg_parse_mapping(&w->hdr, mapping, &error);

	ck_assert_int_eq(ok, error == NULL);
	if (wrong) {
		ck_assert(!ok);
		ck_assert_msg(strstr(error->message, wrong), "%s", error->message);
	}
	return ok;
}

START_TEST(test_mapping)
{
	static const uint8_t private[4] = { 10, 0, 0, 5 }, public[4] = { 203, 0, 113, 7 };
	static const uint8_t port[2] = { 0x1f, 0x90 }, public_port[2] = { 0x9c, 0x41 };
	struct agent_kmsg_mapping m;
	struct wire w;

	wire_begin(&w, 18);
	wire_u64(&w, 1, 0x1122334455667788);
	wire_u64(&w, 2, 7);
	wire_u64(&w, 3, 3);
	wire_u32(&w, 4, 2);
	wire_u32(&w, 5, 2);
	wire_u32(&w, 6, 42);
	wire_u32(&w, 7, 6);
	wire_put(&w, 8, private, 4);
	wire_put(&w, 9, port, 2);
	wire_put(&w, 10, public, 4);
	wire_put(&w, 11, public_port, 2);
	wire_timer(&w, 60000, 20000, 40000);
	wire_put(&w, 13, "", 0);
	wire_u64(&w, 14, 1000);
	wire_u64(&w, 15, 2000);
	wire_u32(&w, 16, 5);
	ck_assert(parse(&w, &m, NULL));
	ck_assert_uint_eq(m.id, 0x1122334455667788);
	ck_assert_uint_eq(m.epoch, 7);
	ck_assert_uint_eq(m.incarnation, 3);
	ck_assert_uint_eq(m.state, ROAMNAT_STATE_ACTIVE);
	ck_assert_uint_eq(m.event, ROAMNAT_EVENT_IDLE);
	ck_assert(m.suspended);
	ck_assert_uint_eq(m.vm.kind, RN_KIND_PORT);
	ck_assert_uint_eq(m.vm.zone, 42);
	ck_assert_uint_eq(m.vm.proto, 6);
	ck_assert_uint_eq(m.vm.port, 8080);
	ck_assert_uint_eq(m.vm.addr.len, 4);
	ck_assert_mem_eq(m.vm.addr.b, private, 4);
	ck_assert_uint_eq(m.pub.proto, 6);
	ck_assert_uint_eq(m.pub.port, 40001);
	ck_assert_mem_eq(m.pub.addr.b, public, 4);
	ck_assert_uint_eq(m.timer.preset, 60000);
	ck_assert_uint_eq(m.timer.elapsed, 20000);
	ck_assert_uint_eq(m.timer.remaining, 40000);
}
END_TEST

/* A miss names the private side, the interface and the proposed timeout alone. */
START_TEST(test_miss)
{
	static const uint8_t private[4] = { 10, 0, 0, 5 };
	struct agent_kmsg_mapping m;
	struct own_gw_event event;
	struct rn_msg msg;
	struct wire w;

	wire_begin(&w, 17);
	wire_u32(&w, 6, 1);
	wire_u32(&w, 7, 0);
	wire_put(&w, 8, private, 4);
	wire_u32(&w, 17, 9);
	wire_u32(&w, 18, 3);
	wire_timer(&w, 300000, 0, 300000);
	ck_assert(parse(&w, &m, NULL));
	ck_assert_uint_eq(m.id, 0);
	ck_assert_uint_eq(m.state, 0);
	ck_assert_uint_eq(m.vm.kind, RN_KIND_ADDRESS);
	ck_assert_uint_eq(m.vm.port, 0);
	ck_assert_uint_eq(m.pub.addr.len, 0);
	ck_assert_uint_eq(m.ifindex, 9);
	ck_assert_uint_eq(m.lost, 3);
	ck_assert(!m.suspended);

	agent_kmsg_to_event(&m, OWN_GW_EV_MISS, &event, &msg);
	ck_assert_uint_eq(event.type, OWN_GW_EV_MISS);
	ck_assert_uint_eq(event.preset, 300000);
	ck_assert_ptr_eq(event.msg, &msg);
	ck_assert(rn_private_equal(&msg.vm, &m.vm));
	ck_assert_uint_eq(msg.id, 0);
}
END_TEST

static const struct {
	uint16_t type;
	uint32_t value;
	const char *wrong;
} bad_numbers[] = {
	{ 4, 6, "state" }, { 5, 4, "kind" }, { 7, 256, "protocol" }, { 16, 7, "event" },
};

START_TEST(test_bad_number)
{
	struct agent_kmsg_mapping m;
	struct wire w;

	wire_begin(&w, 18);
	wire_u32(&w, bad_numbers[_i].type, bad_numbers[_i].value);
	parse(&w, &m, bad_numbers[_i].wrong);
}
END_TEST

static const struct {
	uint16_t type, len;
	const char *wrong;
} bad_lengths[] = {
	{ 8, 5, "private-addr" }, { 10, 3, "public-addr" }, { 8, 17, "private-addr" },
	{ 1, 4, "form" }, { 4, 2, "form" }, { 9, 1, "form" },
};

START_TEST(test_bad_length)
{
	static const uint8_t zeros[32];
	struct agent_kmsg_mapping m;
	struct wire w;

	wire_begin(&w, 18);
	wire_put(&w, bad_lengths[_i].type, zeros, bad_lengths[_i].len);
	parse(&w, &m, bad_lengths[_i].wrong);
}
END_TEST

/* Cut anywhere: an error or fewer attributes, never a read past the end. */
START_TEST(test_truncated)
{
	static const uint8_t private[4] = { 10, 0, 0, 5 };
	struct agent_kmsg_mapping m;
	struct wire w;
	uint32_t len;

	wire_begin(&w, 18);
	wire_u64(&w, 1, 1);
	wire_put(&w, 8, private, 4);
	wire_timer(&w, 60000, 0, 60000);
	len = w.hdr.nlmsg_len;
	for (uint32_t cut = NLMSG_HDRLEN; cut < len; cut++) {
		g_autofree struct nlmsghdr *copy = g_memdup2(&w, cut);

		copy->nlmsg_len = cut;
		if (cut < NLMSG_HDRLEN + GENL_HDRLEN)
			ck_assert(!agent_kmsg_parse_mapping(copy, &m, NULL));
		else
			agent_kmsg_parse_mapping(copy, &m, NULL);
	}
}
END_TEST

/* Attributes of a newer module are passed over. */
START_TEST(test_unknown)
{
	struct agent_kmsg_mapping m;
	struct wire w;

	wire_begin(&w, 18);
	wire_u64(&w, 900, 1);
	wire_u64(&w, 2, 9);
	ck_assert(parse(&w, &m, NULL));
	ck_assert_uint_eq(m.epoch, 9);
}
END_TEST

static struct nl_msg *begin(uint8_t cmd)
{
	struct nl_msg *nl = nlmsg_alloc();

	genlmsg_put(nl, 1, 1, 0x20, 0, 0, cmd, 1);
	return nl;
}

static struct rn_msg grant(void)
{
	return (struct rn_msg) {
		.id = 77, .epoch = 5, .incarnation = 2,
		.vm = { .zone = 1, .kind = RN_KIND_PORT, .proto = 17, .port = 53,
			.addr = { 4, { 10, 0, 0, 9 } } },
		.pub = { .proto = 17, .port = 4000, .addr = { 4, { 203, 0, 113, 1 } } },
		.timer = { 60000, 1000, 59000 },
	};
}

START_TEST(test_build_mapping)
{
	struct rn_msg msg = grant();
	struct nl_msg *nl = begin(ROAMNAT_CMD_MAPPING_NEW);
	struct nlattr *tb[ROAMNAT_A_MAPPING_MAX + 1];
	struct agent_kmsg_mapping m;

	ck_assert_int_eq(agent_kmsg_build_mapping(nl, &msg, ROAMNAT_STATE_ACTIVE, FALSE), 0);
	ck_assert_int_eq(genlmsg_parse(nlmsg_hdr(nl), 0, tb, ROAMNAT_A_MAPPING_MAX, NULL), 0);
	/* Strict kernels refuse a nest without its flag, and wrong lengths. */
	ck_assert(tb[ROAMNAT_A_MAPPING_TIMER]->nla_type & NLA_F_NESTED);
	ck_assert_int_eq(nla_len(tb[ROAMNAT_A_MAPPING_PRIVATE_ADDR]), 4);
	ck_assert_int_eq(nla_len(tb[ROAMNAT_A_MAPPING_PRIVATE_PORT]), 2);
	ck_assert_mem_eq(nla_data(tb[ROAMNAT_A_MAPPING_PUBLIC_PORT]), "\x0f\xa0", 2);

	ck_assert(agent_kmsg_parse_mapping(nlmsg_hdr(nl), &m, NULL));
	ck_assert_uint_eq(m.id, msg.id);
	ck_assert_uint_eq(m.epoch, msg.epoch);
	ck_assert_uint_eq(m.incarnation, msg.incarnation);
	ck_assert_uint_eq(m.state, ROAMNAT_STATE_ACTIVE);
	ck_assert(rn_private_equal(&m.vm, &msg.vm));
	ck_assert(rn_public_equal(&m.pub, &msg.pub));
	ck_assert_uint_eq(m.timer.remaining, 59000);
	nlmsg_free(nl);

	nl = begin(ROAMNAT_CMD_MAPPING_NEW);
	ck_assert_int_eq(agent_kmsg_build_mapping(nl, &msg, ROAMNAT_STATE_ACTIVE, TRUE), 0);
	ck_assert_int_eq(genlmsg_parse(nlmsg_hdr(nl), 0, tb, ROAMNAT_A_MAPPING_MAX, NULL), 0);
	ck_assert_ptr_null(tb[ROAMNAT_A_MAPPING_TIMER]);
	nlmsg_free(nl);
}
END_TEST

START_TEST(test_build_id)
{
	struct nlattr *tb[ROAMNAT_A_MAPPING_MAX + 1];
	struct nl_msg *nl = begin(ROAMNAT_CMD_MAPPING_DEL);

	ck_assert_int_eq(agent_kmsg_build_id(nl, 8, 9, 0), 0);
	genlmsg_parse(nlmsg_hdr(nl), 0, tb, ROAMNAT_A_MAPPING_MAX, NULL);
	ck_assert_uint_eq(nla_get_u64(tb[ROAMNAT_A_MAPPING_ID]), 8);
	ck_assert_uint_eq(nla_get_u64(tb[ROAMNAT_A_MAPPING_EPOCH]), 9);
	/* mapping-del knows no state, and a strict kernel refuses it. */
	ck_assert_ptr_null(tb[ROAMNAT_A_MAPPING_STATE]);
	nlmsg_free(nl);
}
END_TEST

START_TEST(test_build_refuse)
{
	struct rn_msg msg = grant();
	struct nlattr *tb[ROAMNAT_A_MAPPING_MAX + 1];
	struct nl_msg *nl = begin(ROAMNAT_CMD_MISS_REFUSE);

	ck_assert_int_eq(agent_kmsg_build_refuse(nl, &msg.vm, 30000), 0);
	genlmsg_parse(nlmsg_hdr(nl), 0, tb, ROAMNAT_A_MAPPING_MAX, NULL);
	ck_assert_uint_eq(nla_get_u64(tb[ROAMNAT_A_MAPPING_HOLD_OFF_MS]), 30000);
	ck_assert_uint_eq(nla_get_u32(tb[ROAMNAT_A_MAPPING_ZONE]), 1);
	ck_assert_ptr_null(tb[ROAMNAT_A_MAPPING_KIND]);
	nlmsg_free(nl);
}
END_TEST

START_TEST(test_build_prefix)
{
	struct agent_kmsg_prefix prefix = {
		.ifindex = 3, .prefix = { { 4, { 10, 0, 0, 0 } }, 24 }, .zone = 7,
		.kind = RN_KIND_ADDRESS, .idle_ms = 1000,
	};
	struct nlattr *tb[ROAMNAT_A_PREFIX_MAX + 1], *attr;
	struct nl_msg *nl = begin(ROAMNAT_CMD_INSIDE_SET);
	int n = 0, left;

	ck_assert_int_eq(agent_kmsg_build_prefix(nl, &prefix), 0);
	prefix.mark = 2;
	prefix.mark_mask = 0xff;
	ck_assert_int_eq(agent_kmsg_build_prefix(nl, &prefix), 0);
	nlmsg_for_each_attr(attr, nlmsg_hdr(nl), GENL_HDRLEN, left) {
		ck_assert_int_eq(nla_type(attr), ROAMNAT_A_INSIDE_ENTRY);
		ck_assert(attr->nla_type & NLA_F_NESTED);
		nla_parse_nested(tb, ROAMNAT_A_PREFIX_MAX, attr, NULL);
		ck_assert_uint_eq(nla_get_u32(tb[ROAMNAT_A_PREFIX_IFINDEX]), 3);
		ck_assert_uint_eq(nla_get_u32(tb[ROAMNAT_A_PREFIX_LEN]), 24);
		ck_assert_uint_eq(nla_get_u64(tb[ROAMNAT_A_PREFIX_IDLE_MS]), 1000);
		ck_assert_int_eq(tb[ROAMNAT_A_PREFIX_MARK_MASK] != NULL, n);
		n++;
	}
	ck_assert_int_eq(n, 2);
	nlmsg_free(nl);
}
END_TEST

/* A message without room says so, and is not sent half. */
/* RFC 6888, REQ-6: a destination has no kind and no timer. */
START_TEST(test_build_exclude)
{
	const struct agent_kmsg_prefix prefix = {
		.ifindex = 3, .prefix = { { 4, { 172, 16, 0, 0 } }, 12 }, .zone = 7,
		.exclude = true,
	};
	struct nlattr *tb[ROAMNAT_A_PREFIX_MAX + 1], *attr;
	struct nl_msg *nl = begin(ROAMNAT_CMD_INSIDE_SET);

	ck_assert_int_eq(agent_kmsg_build_prefix(nl, &prefix), 0);
	attr = genlmsg_attrdata(genlmsg_hdr(nlmsg_hdr(nl)), 0);
	ck_assert_int_eq(nla_type(attr), ROAMNAT_A_INSIDE_EXCLUDE);
	nla_parse_nested(tb, ROAMNAT_A_PREFIX_MAX, attr, NULL);
	ck_assert_uint_eq(nla_get_u32(tb[ROAMNAT_A_PREFIX_LEN]), 12);
	ck_assert_uint_eq(nla_get_u32(tb[ROAMNAT_A_PREFIX_ZONE]), 7);
	ck_assert_ptr_null(tb[ROAMNAT_A_PREFIX_KIND]);
	ck_assert_ptr_null(tb[ROAMNAT_A_PREFIX_IDLE_MS]);
	nlmsg_free(nl);
}
END_TEST

/* What mapping-new says of a block and its bindings is what binding-get would. */
START_TEST(test_build_block)
{
	g_autoptr(RnBindings) sent = rn_bindings_new(), got = rn_bindings_new();
	struct rn_addr remotes[2] = { { 4, { 192, 0, 2, 9 } }, { 4, { 192, 0, 2, 10 } } };
	struct rn_binding b[2] = {
		{ .proto = 6, .state = ROAMNAT_BINDING_STATE_ESTABLISHED, .private_port = 40000,
		  .public_port = 2049, .elapsed = 5, .remaining = 6, .n_remotes = 2 },
		{ .proto = 1, .state = ROAMNAT_BINDING_STATE_RESTING, .private_port = 0,
		  .public_port = 3071, .many_remotes = true, .remote_hash = 99, .remote = 2 },
	};
	struct nl_msg *nl = begin(ROAMNAT_CMD_MAPPING_NEW);
	struct rn_msg msg = grant();
	struct agent_kmsg_mapping m;

	g_array_append_vals(sent->list, b, 2);
	g_array_append_vals(sent->remotes, remotes, 2);
	msg.vm.kind = RN_KIND_BLOCK;
	msg.vm.proto = 0;
	msg.vm.port = 3;
	msg.pub = (struct rn_public) { .port = 2048, .ports = 1024, .addr = msg.pub.addr };
	ck_assert_int_eq(agent_kmsg_build_mapping(nl, &msg, ROAMNAT_STATE_HELD, FALSE), 0);
	for (guint i = 0; i < 2; i++)
		ck_assert_int_eq(agent_kmsg_build_binding(nl, sent, i), 0);
	ck_assert(agent_kmsg_parse_mapping(nlmsg_hdr(nl), &m, NULL));
	ck_assert(rn_private_equal(&m.vm, &msg.vm));
	ck_assert(rn_public_equal(&m.pub, &msg.pub));
	ck_assert(agent_kmsg_parse_bindings(nlmsg_hdr(nl), got, NULL));
	ck_assert_uint_eq(got->list->len, 2);
	ck_assert_mem_eq(got->list->data, b, sizeof(b));
	ck_assert_uint_eq(got->remotes->len, 2);
	ck_assert_mem_eq(got->remotes->data, remotes, sizeof(remotes));
	ck_assert_uint_ge(agent_kmsg_bindings_size(sent) + 512, nlmsg_hdr(nl)->nlmsg_len);
	nlmsg_free(nl);
}
END_TEST

START_TEST(test_build_no_room)
{
	struct rn_msg msg = grant();
	struct nl_msg *nl = nlmsg_alloc_size(NLMSG_HDRLEN + GENL_HDRLEN + 64);

	genlmsg_put(nl, 1, 1, 0x20, 0, 0, ROAMNAT_CMD_MAPPING_NEW, 1);
	ck_assert_int_eq(agent_kmsg_build_mapping(nl, &msg, ROAMNAT_STATE_HELD, FALSE), -EMSGSIZE);
	nlmsg_free(nl);
}
END_TEST

START_TEST(test_session)
{
	struct agent_kmsg_session session;
	struct nl_msg *nl;
	struct wire w;

	wire_begin(&w, 3);
	wire_u64(&w, 1, 4);
	wire_u64(&w, 2, 123456789);
	wire_put(&w, 4, "0.1.0", 6);
	ck_assert(agent_kmsg_parse_session(&w.hdr, &session, NULL));
	ck_assert_uint_eq(session.incarnation, 4);
	ck_assert_uint_eq(session.lease_end_ns, 123456789);
	ck_assert_str_eq(session.version, "0.1.0");

	nl = begin(ROAMNAT_CMD_SESSION_SET);
	ck_assert_int_eq(agent_kmsg_build_session(nl, 9, 10), 0);
	ck_assert(agent_kmsg_parse_session(nlmsg_hdr(nl), &session, NULL));
	ck_assert_uint_eq(session.incarnation, 9);
	ck_assert_uint_eq(session.lease_end_ns, 10);
	ck_assert_str_eq(session.version, "");
	nlmsg_free(nl);
}
END_TEST

START_TEST(test_config)
{
	static const struct agent_kmsg_bound bounds[] = {
		{ ROAMNAT_A_CONFIG_HOLD_MS, 1234 }, { ROAMNAT_A_CONFIG_ICMP_RATE, 0 },
	};
	uint32_t values[ROAMNAT_A_CONFIG_MAX + 1];
	struct nl_msg *nl = begin(ROAMNAT_CMD_CONFIG_SET);
	struct wire w;

	ck_assert_int_eq(agent_kmsg_build_bounds(nl, bounds, 2), 0);
	ck_assert(agent_kmsg_parse_config(nlmsg_hdr(nl), values, NULL));
	ck_assert_uint_eq(values[ROAMNAT_A_CONFIG_HOLD_MS], 1234);
	ck_assert_uint_eq(values[ROAMNAT_A_CONFIG_MAX_MAPPINGS], 0);
	nlmsg_free(nl);

	wire_begin(&w, 5);
	wire_put(&w, 1, "\1\0", 2);
	ck_assert(!agent_kmsg_parse_config(&w.hdr, values, NULL));
}
END_TEST

Suite *suite_kmsg(void)
{
	Suite *suite = suite_create("kmsg");
	TCase *in = tcase_create("parse");
	TCase *out = tcase_create("build");

	tcase_add_test(in, test_mapping);
	tcase_add_test(in, test_miss);
	tcase_add_loop_test(in, test_bad_number, 0, G_N_ELEMENTS(bad_numbers));
	tcase_add_loop_test(in, test_bad_length, 0, G_N_ELEMENTS(bad_lengths));
	tcase_add_test(in, test_truncated);
	tcase_add_test(in, test_unknown);
	tcase_add_test(in, test_session);
	suite_add_tcase(suite, in);
	tcase_add_test(out, test_build_mapping);
	tcase_add_test(out, test_build_exclude);
	tcase_add_test(out, test_build_block);
	tcase_add_test(out, test_build_id);
	tcase_add_test(out, test_build_refuse);
	tcase_add_test(out, test_build_prefix);
	tcase_add_test(out, test_build_no_room);
	tcase_add_test(out, test_config);
	suite_add_tcase(suite, out);
	return suite;
}
