// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks, static mappings and limits in the controller's real core (S2, P15, RFC 6888
 * REQ-2, 4, 11), and what the configuration files refuse.
 */
#include <check.h>
#include <glib/gstdio.h>
#include <string.h>
#include "agent/config.h"
#include "ctlbench.h"
#include "suites.h"

#define BLOCKS	"[pool b]\nkind=block\nprefix=203.0.113.0/30\nports=1024-4095\nblock-size=1024\nblocks-per-vm=2\n"
#define STATIC	"[static web]\nprivate=10.0.0.7\nzone=1\npublic=100.64.0.9\n"

static struct ctlbench bench;
static GPtrArray *told;

static void setup(void)
{
	bench = (struct ctlbench){ 0 };
	told = g_ptr_array_new_with_free_func(g_free);
}

static void teardown(void)
{
	ctlbench_free(&bench);
	g_ptr_array_unref(told);
}

static void on_told(struct ctlbench *b, const struct rn_store_audit *event)
{
	if (!strcmp(event->what, "limit"))
		g_ptr_array_add(told, g_strdup(event->text));
}

static void start(const char *extra)
{
	GError *error = NULL;

	bench.told = on_told;
	ck_assert_msg(ctlbench_start(&bench, NULL, 2, "0", extra, &error), "%s",
		      error ? error->message : "");
	for (unsigned int i = 1; i <= 2; i++)
		rn_core_register(bench.core, ctlbench_gw(&bench, i), i);
	ctlbench_settle(&bench);
}

static void restart(const char *extra)
{
	ctlbench_stop(&bench);
	ck_assert(ctlbench_start(&bench, NULL, 2, "0", extra, NULL));
	rn_core_register(bench.core, ctlbench_gw(&bench, 1), 1);
	ctlbench_settle(&bench);
}

static struct rn_msg ask(unsigned int gw, uint8_t kind, unsigned int vm, unsigned int index)
{
	struct rn_msg msg = {
		.vm = { .zone = 1, .kind = kind, .port = index, .addr = { 4, { 10, 0, 0, vm } } },
		.nonce = 5, .timer = { 60000, 0, 60000 },
	};

	ctlbench_message(&bench, gw, RN_MSG_NATREQ, &msg);
	ctlbench_settle(&bench);
	if (bench.last.type == RN_MSG_GRANT)
		ctlbench_message(&bench, gw, RN_MSG_GRANT_ACK, &bench.last);
	return bench.last;
}

/* Asks, and is that what is granted? */
static bool got(unsigned int gw, uint8_t kind, unsigned int vm, unsigned int index,
		const struct rn_public *pub)
{
	const struct rn_msg grant = ask(gw, kind, vm, index);

	ck_assert_msg(grant.type == RN_MSG_GRANT, "%s", grant.text);
	return rn_public_equal(&grant.pub, pub);
}

static void denied(struct rn_msg msg, uint8_t code, const char *word)
{
	ck_assert_int_eq(msg.type, RN_MSG_DENY);
	ck_assert_int_eq(msg.code, code);
	ck_assert_msg(strstr(msg.text, word) != NULL, "`%s' lacks `%s'", msg.text, word);
}

static void release(unsigned int gw, struct rn_msg grant)
{
	ctlbench_message(&bench, gw, RN_MSG_REL, &grant);
	ctlbench_settle(&bench);
	ck_assert_int_eq(bench.last.type, RN_MSG_RELOK);
}

START_TEST(blocks_in_their_order)
{
	struct rn_msg first, second;

	start(BLOCKS);
	denied(ask(1, RN_KIND_BLOCK, 7, 1), RN_CODE_BAD_MESSAGE, "the block before");
	first = ask(1, RN_KIND_BLOCK, 7, 0);
	ck_assert_int_eq(first.type, RN_MSG_GRANT);
	ck_assert_uint_eq(first.pub.ports, 1024);
	second = ask(1, RN_KIND_BLOCK, 7, 1);
	ck_assert_int_eq(second.type, RN_MSG_GRANT);
	ck_assert(rn_addr_equal(&first.pub.addr, &second.pub.addr));
	ck_assert_uint_ne(first.pub.port, second.pub.port);
	denied(ask(1, RN_KIND_BLOCK, 7, 2), RN_CODE_LIMIT, "blocks-per-vm");
	/* The same again. */
	release(1, second);
	ck_assert_uint_eq(ask(1, RN_KIND_BLOCK, 7, 1).pub.port, second.pub.port);
}
END_TEST

START_TEST(blocks_over_a_restart)
{
	struct rn_msg first, second;
	GError *error = NULL;

	start(BLOCKS);
	first = ask(1, RN_KIND_BLOCK, 7, 0);
	second = ask(1, RN_KIND_BLOCK, 7, 1);
	ctlbench_stop(&bench);
	/* Another size of block would give parts of these to others. */
	ck_assert(!ctlbench_start(&bench, NULL, 2, "0", "[pool b]\nkind=block\n"
				  "prefix=203.0.113.0/30\nports=1024-4095\nblock-size=512\n",
				  &error));
	ck_assert_msg(strstr(error->message, "blocks of 512 ports") != NULL, "%s", error->message);
	g_clear_error(&error);
	restart(BLOCKS);
	ck_assert(got(1, RN_KIND_BLOCK, 7, 0, &first.pub));
	ck_assert(got(1, RN_KIND_BLOCK, 7, 1, &second.pub));
}
END_TEST

START_TEST(zone_limit_is_told_and_kept)
{
	struct rn_msg grants[20];
	struct rn_msg msg;

	start("[limits]\nmappings-per-zone=20\n");
	for (unsigned int i = 0; i < 20; i++) {
		grants[i] = ask(1, RN_KIND_ADDRESS, i, 0);
		ck_assert_int_eq(grants[i].type, RN_MSG_GRANT);
		ck_assert_uint_eq(told->len, i >= 15);
	}
	ck_assert_str_eq(told->pdata[0], "zone 1 has 16 of its 20 mappings");
	denied(ask(1, RN_KIND_ADDRESS, 99, 0), RN_CODE_LIMIT, "mappings-per-zone");
	ck_assert_uint_eq(bench.core->counters.refused[RN_CODE_LIMIT], 1);
	/* Around the threshold: not each time. */
	for (unsigned int i = 19; i > 14; i--)
		release(1, grants[i]);
	ck_assert_int_eq(ask(1, RN_KIND_ADDRESS, 19, 0).type, RN_MSG_GRANT);
	ck_assert_uint_eq(told->len, 1);
	for (unsigned int i = 14; i > 11; i--)
		release(1, grants[i]);
	for (unsigned int i = 12; i < 16; i++)
		ask(1, RN_KIND_ADDRESS, i, 0);
	ck_assert_uint_eq(told->len, 2);
	ck_assert_uint_eq(bench.core->counters.value[RN_COUNTER_limits], 2);
	/* It counts over a restart, and per zone. */
	restart("[limits]\nmappings-per-zone=9\n[zone 2]\nmappings=1\n");
	denied(ask(1, RN_KIND_ADDRESS, 99, 0), RN_CODE_LIMIT, "zone 1 has all the 9");
	for (unsigned int i = 0; i < 2; i++) {
		msg = (struct rn_msg){ .vm = { .zone = 2, .kind = RN_KIND_ADDRESS,
					       .addr = { 4, { 10, 0, 0, i } } } };
		ctlbench_message(&bench, 1, RN_MSG_NATREQ, &msg);
		ctlbench_settle(&bench);
	}
	denied(bench.last, RN_CODE_LIMIT, "[zone] mappings");
}
END_TEST

START_TEST(vm_limit)
{
	start(BLOCKS "[limits]\nmappings-per-vm=2\n");
	ck_assert_int_eq(ask(1, RN_KIND_ADDRESS, 7, 0).type, RN_MSG_GRANT);
	ck_assert_int_eq(ask(1, RN_KIND_BLOCK, 7, 0).type, RN_MSG_GRANT);
	denied(ask(1, RN_KIND_BLOCK, 7, 1), RN_CODE_LIMIT, "mappings-per-vm");
	ck_assert_int_eq(ask(1, RN_KIND_BLOCK, 8, 0).type, RN_MSG_GRANT);
	ck_assert_uint_ge(told->len, 1);
	ck_assert_str_eq(told->pdata[0], "10.0.0.7 zone 1 has 2 of its 2 mappings");
}
END_TEST

START_TEST(pool_is_told_before_it_is_empty)
{
	start(BLOCKS);
	for (unsigned int i = 0; i < 12; i++) {
		ck_assert_int_eq(ask(1, RN_KIND_BLOCK, i, 0).type, RN_MSG_GRANT);
		ck_assert_uint_eq(told->len, i >= 9);
	}
	ck_assert_ptr_nonnull(strstr(told->pdata[0], "pool b: 10 of 12"));
	denied(ask(1, RN_KIND_BLOCK, 99, 0), RN_CODE_POOL_EMPTY, "enlarge");
}
END_TEST

START_TEST(static_is_its_vms_alone)
{
	static const struct rn_public web = { .addr = { 4, { 100, 64, 0, 9 } } };
	struct rn_msg grant;

	start(STATIC);
	/* The pool's cursor passes it. */
	for (unsigned int i = 20; i < 40; i++)
		ck_assert(!got(1, RN_KIND_ADDRESS, i, 0, &web));
	grant = ask(2, RN_KIND_ADDRESS, 7, 0);
	ck_assert_int_eq(grant.type, RN_MSG_GRANT);
	ck_assert(rn_public_equal(&grant.pub, &web));
	ck_assert_uint_eq(grant.timer.preset, 0);
	release(2, grant);
	rn_pools_expire(bench.core->pools, INT64_MAX);
	for (unsigned int i = 40; i < 60; i++)
		ck_assert(!got(1, RN_KIND_ADDRESS, i, 0, &web));
	ck_assert(got(1, RN_KIND_ADDRESS, 7, 0, &web));
}
END_TEST

/* Who has it from before goes on with it; then it is the static one's. */
START_TEST(static_waits_for_its_address)
{
	struct rn_msg other;
	g_autofree char *extra = NULL, *quarantine_over = NULL;
	char addr[RN_ADDR_TEXT];

	start(NULL);
	other = ask(1, RN_KIND_ADDRESS, 20, 0);
	extra = g_strdup_printf("[static web]\nprivate=10.0.0.7\nzone=1\npublic=%s\n",
				rn_addr_print(&other.pub.addr, addr));
	quarantine_over = g_strconcat("quarantine=0\n", extra, NULL);
	restart(extra);
	denied(ask(1, RN_KIND_ADDRESS, 7, 0), RN_CODE_POOL_EMPTY, "another VM's");
	ck_assert(got(1, RN_KIND_ADDRESS, 20, 0, &other.pub));
	other = bench.last;
	release(1, other);
	denied(ask(1, RN_KIND_ADDRESS, 7, 0), RN_CODE_POOL_EMPTY, "another VM's");
	/* Its quarantine ends (P15). */
	restart(quarantine_over);
	ck_assert(!got(1, RN_KIND_ADDRESS, 20, 0, &other.pub));
	ck_assert(got(1, RN_KIND_ADDRESS, 7, 0, &other.pub));
}
END_TEST

/* ---- files ---- */

#define CONTROLLER	"[controller]\nlisten=127.0.0.1:1\n[tls]\nca=a\ncert=b\nkey=c\n" \
			"[gateway g]\nidentity=spiffe://x/g\nendpoint=127.0.0.1:2\n" \
			"[pool p]\nprefix=203.0.113.0/28\nexclude=203.0.113.3\n" \
			"[pool q]\nkind=port\nprefix=198.51.100.0/30\nports=1024-2047\n"
#define AGENT		"[agent]\nname=g\nlisten=127.0.0.1:1\n[controller]\nendpoint=127.0.0.1:2\n" \
			"identity=spiffe://x/c\n[tls]\nca=a\ncert=b\nkey=c\n"
#define INSIDE		"[inside a]\ninterface=in0\nprefix=10.0.0.0/24\n"
#define ANNOUNCE	"[announce a]\nprefix=203.0.113.0/24\n"

static const struct {
	gboolean agent;
	const char *text, *word;
} bad[] = {
	{ FALSE, "[pool b]\nkind=block\nprefix=192.0.2.0/30\nblock-size=500\n", "power of two" },
	{ FALSE, "[pool b]\nkind=block\nprefix=192.0.2.0/30\nblock-size=4\n", "block-size" },
	{ FALSE, "[pool b]\nkind=block\nprefix=192.0.2.0/30\nprotocols=tcp\n",
	  "protocols: needs kind=port" },
	{ FALSE, "[pool b]\nprefix=192.0.2.0/30\nblock-size=512\n",
	  "block-size: needs kind=block" },
	{ FALSE, "[pool b]\nkind=block\nprefix=2001:db8::/120\n",
	  "IPv6 has address mappings only" },
	{ FALSE, "[pool b]\nkind=block\nprefix=192.0.2.0/30\nblocks-per-vm=65\n", "blocks-per-vm" },
	{ FALSE, "[static s]\nprivate=10.0.0.5\npublic=9.9.9.9\n", "in no pool" },
	{ FALSE, "[static s]\nprivate=10.0.0.5\npublic=203.0.113.3\n", "excludes it" },
	{ FALSE, "[static s]\nprivate=10.0.0.5\npublic=198.51.100.1\n", "in no pool of that kind" },
	{ FALSE, "[static s]\nprivate=10.0.0.5:80\npublic=198.51.100.1:80\nprotocol=tcp\n",
	  "that port" },
	{ FALSE, "[static s]\nprivate=10.0.0.5:80\npublic=198.51.100.1:1080\n",
	  "either both sides" },
	{ FALSE, "[static s]\nprivate=10.0.0.5\npublic=x\n", "not ADDRESS" },
	{ FALSE, "[static s]\nprivate=10.0.0.5\npublic=203.0.113.4\ngateway=h\n",
	  "no [gateway h]" },
	{ FALSE, "[static s]\nprivate=10.0.0.5\npublic=203.0.113.4\n"
	  "[static t]\nprivate=10.0.0.6\npublic=203.0.113.4\n", "keep one" },
	{ FALSE, "[static s]\nprivate=10.0.0.5\npublic=203.0.113.4\n"
	  "[static t]\nprivate=10.0.0.5\npublic=203.0.113.5\n", "keep one" },
	{ FALSE, "[limits]\nthreshold=101\n", "threshold" },
	{ FALSE, "[zone a]\nmappings=1\n", "number of a zone" },
	{ TRUE, INSIDE "exclude=10.0.0.1/8\n", "exclude" },
	{ TRUE, INSIDE "exclude=2001:db8::1/32\n", "exclude" },
	{ TRUE, INSIDE "kind=blocks\n", "address, port, block" },
	{ TRUE, INSIDE "[kernel]\nudp-timeout=500ms\n", "udp-timeout: is not between 1 s" },
	{ TRUE, INSIDE "[kernel]\ntcp-established-timeout=8d\n", "tcp-established-timeout" },
	{ TRUE, INSIDE "[kernel]\nfiltering=none\n", "endpoint-independent" },
	{ TRUE, INSIDE "[kernel]\nblock-threshold=0\n", "block-threshold" },
	{ TRUE, INSIDE "[kernel]\nport-parity=maybe\n", "port-parity" },
	{ TRUE, INSIDE ANNOUNCE "kind=bgp\n", "route, neighbour" },
	{ TRUE, INSIDE ANNOUNCE "kind=neighbour\n", "needs the name of the uplink" },
	{ TRUE, INSIDE ANNOUNCE "interface=out0\n", "only for kind=neighbour" },
	{ TRUE, INSIDE ANNOUNCE "unasked=0\n", "only for kind=neighbour" },
	{ TRUE, INSIDE ANNOUNCE "kind=neighbour\ninterface=out0\nlinger=1s\n",
	  "only for kind=route" },
	{ TRUE, INSIDE ANNOUNCE "kind=neighbour\ninterface=out0\nunasked=0;0\n", "rising" },
	{ TRUE, INSIDE ANNOUNCE "kind=neighbour\ninterface=out0\nunasked=60001\n", "rising" },
	{ TRUE, INSIDE ANNOUNCE "linger=4001ms\n", "longer than 4 s" },
	{ TRUE, INSIDE ANNOUNCE "table=0\n", "table" },
	{ TRUE, INSIDE ANNOUNCE "[announce b]\nprefix=203.0.113.0/24\n", "keep one" },
	{ TRUE, INSIDE "[announce a]\nprefix=\n", "prefix" },
	{ TRUE, INSIDE "[kernel]\nforward-time=50ms\n", "forward-time: is not between 100 ms" },
	{ TRUE, INSIDE "[kernel]\nhold-packets-moving=0\n", "hold-packets-moving" },
	{ TRUE, INSIDE "[forward a]\ndevice=x\n", "gateway" },
	{ TRUE, INSIDE "[forward a]\ngateway=g\ndevice=a-name-of-16-chr\n", "1 to 15" },
	{ TRUE, INSIDE "[forward a]\ngateway=g\ndevice=x\nnext-hop=2001:db8::1\n", "IPv4" },
	{ TRUE, INSIDE "[forward a]\ngateway=g\ndevice=x\n[forward b]\ngateway=g\ndevice=y\n",
	  "keep one" },
	{ TRUE, INSIDE "[forward a]\ngateway=g\ndevice=x\n[forward b]\ngateway=h\ndevice=x\nzone=1\n",
	  "device of its own" },
};

static void *load_file(gboolean agent, const char *text, GError **error)
{
	g_autofree char *dir = g_dir_make_tmp("limits-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "x.conf", NULL);
	g_autofree char *all = g_strconcat(agent ? AGENT : CONTROLLER, text, NULL);
	void *config;

	ck_assert(g_file_set_contents(path, all, -1, NULL));
	config = agent ? (void *)agent_config_load(path, error) : rn_ctl_config_load(path, error);
	g_unlink(path);
	g_rmdir(dir);
	return config;
}

static gboolean load(gboolean agent, const char *text, GError **error)
{
	void *config = load_file(agent, text, error);

	if (config && agent)
		agent_config_free(config);
	else if (config)
		rn_ctl_config_free(config);
	return config != NULL;
}

START_TEST(bad_files_are_refused)
{
	g_autoptr(GError) error = NULL;

	ck_assert_msg(!load(bad[_i].agent, bad[_i].text, &error), "taken: %s", bad[_i].text);
	ck_assert_msg(strstr(error->message, bad[_i].word) != NULL, "`%s' lacks `%s'",
		      error->message, bad[_i].word);
}
END_TEST

START_TEST(good_files_are_taken)
{
	static const char *const good[] = {
		INSIDE "exclude=172.16.0.0/12;2001:db8::/32;192.168.0.0/16\nkind=block\n[kernel]\n"
		"udp-timeout=2min\ntcp-established-timeout=7440\ntcp-opening-timeout=4min\n"
		"tcp-closing-timeout=4min\nicmp-timeout=60s\nport-hold-off=0\n"
		"filtering=address-dependent\ninbound-refresh=no\nport-parity=no\n"
		"block-threshold=100\nmax-bindings=1\nforward-time=1h\nmax-forwards=1\n"
		"[forward a]\ngateway=g\ndevice=x\nnext-hop=192.0.2.1\nnext-hop6=2001:db8::1\n"
		"[forward b]\ngateway=g\ndevice=y\nzone=7\n",
		"[static s]\nprivate=10.0.0.5:80\npublic=198.51.100.1:1080\nprotocol=tcp\ngateway=g\n"
		"[pool b]\nkind=block\nprefix=192.0.2.0/30\nblock-size=32768\nports=32768-65535\n"
		"[zone 4294967295]\nmappings=0\n[limits]\nthreshold=0\n",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
		g_autoptr(GError) error = NULL;

		ck_assert_msg(load(i == 0, good[i], &error), "%s", error ? error->message : "");
	}
}
END_TEST

/* RFC 5382, REQ-5 (5382-5): an idle connection is not ended by the default. */
START_TEST(idle_default_is_for_tcp)
{
	static const struct {
		const char *kind;
		uint64_t idle_ms;
	} want[] = { { "address", 7440000 }, { "port", 7440000 }, { "block", 300000 } };
	g_autofree char *text = g_strdup_printf(INSIDE "kind=%s\n", want[_i].kind);
	g_autoptr(GError) error = NULL;
	struct agent_config *config;
	const struct agent_inside_config *inside;

	config = load_file(TRUE, text, &error);
	ck_assert_msg(config != NULL, "%s", error ? error->message : "");
	inside = g_ptr_array_index(config->insides, 0);
	ck_assert_uint_eq(inside->idle_ms, want[_i].idle_ms);
	agent_config_free(config);
}
END_TEST

Suite *suite_limits(void)
{
	Suite *s = suite_create("limits");
	TCase *tc = tcase_create("core");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, blocks_in_their_order);
	tcase_add_test(tc, blocks_over_a_restart);
	tcase_add_test(tc, zone_limit_is_told_and_kept);
	tcase_add_test(tc, vm_limit);
	tcase_add_test(tc, pool_is_told_before_it_is_empty);
	tcase_add_test(tc, static_is_its_vms_alone);
	tcase_add_test(tc, static_waits_for_its_address);
	suite_add_tcase(s, tc);
	tc = tcase_create("files");
	tcase_add_loop_test(tc, idle_default_is_for_tcp, 0, 3);
	tcase_add_loop_test(tc, bad_files_are_refused, 0, G_N_ELEMENTS(bad));
	tcase_add_test(tc, good_files_are_taken);
	suite_add_tcase(s, tc);
	return s;
}
