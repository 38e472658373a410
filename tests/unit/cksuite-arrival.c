// SPDX-License-Identifier: GPL-2.0
/* A VM that announces itself: what counts as its first packet, and what does not. */
#include <check.h>
#include <net/if_arp.h>
#include <string.h>
#include "agent/arrival.h"
#include "agent/counters.h"
#include "suites.h"

static struct agent_inside_config inside;
static struct rn_prefix prefix;
static struct agent_config config;
static struct agent_core *core;
static struct agent_arrival *arrival;
static guint requests;
static struct rn_private asked;

static gboolean on_send(uint32_t to, const struct rn_msg *msg, const struct rn_bindings *bindings,
			void *data)
{
	ck_assert_uint_eq(to, RN_CONTROLLER);
	ck_assert_int_eq(msg->type, RN_MSG_NATREQ);
	asked = msg->vm;
	requests++;
	return TRUE;
}

static void on_noted(const struct agent_entry *entry, const struct own_act *note, void *data)
{
}

static void on_entered(struct agent_entry *entry, void *data)
{
}

static void on_stepped(const struct agent_entry *entry, void *data)
{
}

static uint32_t on_way(uint32_t to, const struct rn_private *vm, void *data)
{
	return 0;
}

static void setup(void)
{
	static const struct agent_core_ops ops = {
		.send = on_send, .way = on_way, .noted = on_noted, .entered = on_entered,
		.stepped = on_stepped,
	};

	prefix = (struct rn_prefix){ .addr = { 4, { 10, 0 } }, .len = 16 };
	inside = (struct agent_inside_config){
		.interface = "in0", .prefixes = &prefix, .n_prefixes = 1, .zone = 7,
		.kind = RN_KIND_ADDRESS, .idle_ms = 60000, .hear_arp = TRUE,
	};
	config = (struct agent_config){ .insides = g_ptr_array_new() };
	g_ptr_array_add(config.insides, &inside);
	core = agent_core_new(NULL, RN_MODE_SOURCE, &ops, NULL);
	agent_core_set_max(core, 10000);
	agent_core_set_session(core, 2, 5, TRUE, FALSE);
	arrival = agent_arrival_bare(&config, core);
	requests = 0;
}

static void teardown(void)
{
	agent_arrival_free(arrival);
	agent_core_free(core);
	g_ptr_array_unref(config.insides);
}

struct arp {
	guint8 b[28];
};

/* Of 10.a.b.c, gratuitous. */
static struct arp arp(guint8 op, guint8 a, guint8 b, guint8 c)
{
	const guint8 addr[4] = { 10, a, b, c };
	struct arp p = { { 0, 1, 8, 0, 6, 4, 0, op } };

	memcpy(p.b + 14, addr, 4);
	memcpy(p.b + 24, addr, 4);
	return p;
}

static void see(const char *interface, struct arp p)
{
	agent_arrival_seen(arrival, interface, p.b, sizeof(p.b));
}

START_TEST(gratuitous_is_a_first_packet)
{
	see("in0", arp(ARPOP_REQUEST, 0, 0, 5));
	ck_assert_uint_eq(requests, 1);
	ck_assert_uint_eq(asked.zone, 7);
	ck_assert_int_eq(asked.kind, RN_KIND_ADDRESS);
	ck_assert_int_eq(asked.addr.b[3], 5);
	/* Repeated, as they are: it is being asked for. */
	see("in0", arp(ARPOP_REPLY, 0, 0, 5));
	ck_assert_uint_eq(requests, 1);
	see("in0", arp(ARPOP_REPLY, 0, 0, 6));
	ck_assert_uint_eq(requests, 2);
}
END_TEST

START_TEST(nothing_else_is)
{
	uint64_t before = agent_counters_get(AGENT_ARRIVALS);
	struct arp p = arp(ARPOP_REQUEST, 0, 0, 5);

	see("in1", p);					/* another interface */
	see("in0", arp(ARPOP_REQUEST, 1, 0, 5));	/* another prefix */
	see("in0", arp(ARPOP_RREQUEST, 0, 0, 5));	/* RARP */
	agent_arrival_seen(arrival, "in0", p.b, 27);
	p.b[27] = 9;					/* it asks for another */
	see("in0", p);
	p = arp(ARPOP_REQUEST, 0, 0, 5);
	p.b[4] = 8;					/* no Ethernet */
	see("in0", p);
	inside.hear_arp = FALSE;			/* as without a word about it */
	see("in0", arp(ARPOP_REQUEST, 0, 0, 5));
	ck_assert_uint_eq(requests, 0);
	ck_assert_uint_eq(agent_counters_get(AGENT_ARRIVALS), before);
}
END_TEST

/* Whoever sends thousands is bounded, and counted. */
START_TEST(at_the_bound)
{
	uint64_t before = agent_counters_get(AGENT_ARRIVALS_LIMITED);
	gint64 began = g_get_monotonic_time() / G_USEC_PER_SEC, seconds;

	for (guint i = 0; i < 5000; i++)
		see("in0", arp(ARPOP_REQUEST, 0, (guint8)(i >> 8), (guint8)i));
	seconds = g_get_monotonic_time() / G_USEC_PER_SEC - began + 1;
	ck_assert_uint_le(requests, 100 * (guint)seconds);
	ck_assert_uint_ge(requests, 100);
	ck_assert_uint_eq(agent_counters_get(AGENT_ARRIVALS_LIMITED) - before,
			  5000 - requests);
}
END_TEST

Suite *suite_arrival(void)
{
	Suite *suite = suite_create("hear-arp");
	TCase *tc = tcase_create("hear-arp");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, gratuitous_is_a_first_packet);
	tcase_add_test(tc, nothing_else_is);
	tcase_add_test(tc, at_the_bound);
	suite_add_tcase(suite, tc);
	return suite;
}
