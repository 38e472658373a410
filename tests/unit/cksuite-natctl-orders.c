// SPDX-License-Identifier: GPL-2.0
/* natctl: what an orchestrator says of gateways and of moves, word by word. */
#include <check.h>
#include <string.h>
#include "../../tools/natctl/client.h"
#include "natrun.h"
#include "suites.h"

START_TEST(usage_errors)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
		{ "migrate 10.0.0.5 to gw2 --wait=soon", "--wait takes ready or done" },
		{ "migrate cancel", "which VM" },
		{ "migrate cancel 10.0.0.5 to gw2", "takes no \"to\"" },
		{ "evacuate", "which gateway" },
		{ "evacuate gw1", "to which gateways" },
		{ "evacuate gw1 to gw2 force", "wants \"reason TEXT\"" },
		{ "evacuate gw1 to gw2 in-flight 4097", "a number up to 4096" },
		{ "evacuate gw1 to gw2 --wait ready", "is for one VM" },
		{ "evacuate cancel", "wants a value" },
		{ "migrate 10.0.0.5 to gw2 --dry-run", "--dry-run is no option" },
		{ "drain", "which gateway" },
		{ "undrain gw1 now", "is not understood" },
		{ "gateway fence", "which gateway" },
		{ "gateway fence gw1", "wants \"reason TEXT\"" },
		{ "takeover gw1 to gw2 --wait ready", "nobody is ready" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct run run = run_line(cases[i].line);

		ck_assert_msg(run.rc == RN_EXIT_USAGE && strstr(run.err, cases[i].text),
			      "natctl %s: exit code %d: %s", cases[i].line, run.rc, run.err);
		run_clear(&run);
	}
}
END_TEST

#define VERB(v)	ROAMNAT__CONTROL__V1__REQUEST__VERB__##v

/* What each word becomes. */
START_TEST(requests)
{
	static const struct {
		const char *line, *gateway, *private, *reason;
		int verb;
		const char *flags;	/* w wait, r until ready, u undo, d dry run, f force */
	} cases[] = {
		{ "migrate 10.0.0.5 to gw2 --wait ready", "", "10.0.0.5", "", VERB(MIGRATE), "wr" },
		{ "migrate --wait=ready 10.0.0.5 to gw2", "", "10.0.0.5", "", VERB(MIGRATE), "wr" },
		{ "migrate --wait done 10.0.0.5 to gw2", "", "10.0.0.5", "", VERB(MIGRATE), "w" },
		{ "migrate 10.0.0.5 --wait to gw2", "", "10.0.0.5", "", VERB(MIGRATE), "w" },
		{ "migrate 10.0.0.5 to gw2 --no-wait", "", "10.0.0.5", "", VERB(MIGRATE), "" },
		{ "migrate cancel 10.0.0.5 zone 1", "", "10.0.0.5", "", VERB(MIGRATE_CANCEL), "w" },
		{ "evacuate gw1 to gw2,gw3", "gw1", "", "", VERB(EVACUATE), "" },
		{ "evacuate gw1 to gw2,gw3 reason off --wait", "gw1", "", "off", VERB(EVACUATE),
		  "w" },
		{ "evacuate gw1 to gw2,gw3 force reason off --dry-run", "gw1", "", "off",
		  VERB(EVACUATE), "df" },
		{ "evacuate cancel gw1", "gw1", "", "", VERB(EVACUATE_CANCEL), "" },
		{ "evacuate show", "", "", "", VERB(EVACUATION_LIST), "" },
		{ "drain gw1 reason repair", "gw1", "", "repair", VERB(GATEWAY_DRAIN), "" },
		{ "undrain gw1", "gw1", "", "", VERB(GATEWAY_DRAIN), "u" },
		{ "gateway fence gw1 reason off", "gw1", "", "off", VERB(GATEWAY_FENCE), "" },
	};
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	reply.last = TRUE;
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		const RnRequest *r;
		struct fake fake;
		struct run run;
		char flags[8];

		fake_start(&fake);
		fake_answer(&fake, &reply);
		run = fake_run(&fake, cases[i].line);
		r = fake.request;
		ck_assert_msg(run.rc == RN_EXIT_DONE, "%s: %s", cases[i].line, run.err);
		g_snprintf(flags, sizeof(flags), "%s%s%s%s%s", r->wait ? "w" : "",
			   r->until_ready ? "r" : "", r->undo ? "u" : "", r->dry_run ? "d" : "",
			   r->force ? "f" : "");
		ck_assert_str_eq(flags, cases[i].flags);
		ck_assert_int_eq((int)r->verb, cases[i].verb);
		ck_assert_str_eq(r->selector->gateway, cases[i].gateway);
		ck_assert_str_eq(r->selector->private_, cases[i].private);
		ck_assert_str_eq(r->reason, cases[i].reason);
		if (cases[i].verb == VERB(EVACUATE)) {
			ck_assert_uint_eq(r->n_targets, 2);
			ck_assert_str_eq(r->targets[1], "gw3");
		}
		run_clear(&run);
		fake_stop(&fake);
	}
}
END_TEST

static struct run shown(const char *line)
{
	Roamnat__Control__V1__Evacuation e = ROAMNAT__CONTROL__V1__EVACUATION__INIT, *list = &e;
	Roamnat__Control__V1__Target t = ROAMNAT__CONTROL__V1__TARGET__INIT, *to = &t;
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	struct fake fake;
	struct run run;

	t.name = (char *)"gw2";
	t.mappings = 7;
	t.planned = 100;
	t.takes = 90;
	e.gateway = (char *)"gw1";
	e.state = (char *)"planned";
	e.total = 95;
	e.failed = 5;
	e.targets = &to;
	e.n_targets = 1;
	reply.evacuations = &list;
	reply.n_evacuations = 1;
	reply.last = TRUE;
	fake_start(&fake);
	fake_answer(&fake, &reply);
	run = fake_run(&fake, line);
	fake_stop(&fake);
	return run;
}

START_TEST(evacuation)
{
	struct run run = shown("evacuate gw1 to gw2 --dry-run");

	ck_assert_str_eq(run.out, "evacuation of gw1 state planned total 95 no-room 5\n"
			 "    to gw2 takes 90 mappings 7 planned 100\n");
	run_clear(&run);
	run = shown("-j evacuate gw1 to gw2 --dry-run");
	ck_assert_ptr_nonnull(strstr(run.out, "\"failed\":5"));
	ck_assert_ptr_nonnull(strstr(run.out, "\"takes_gw2\":90"));
	ck_assert_ptr_nonnull(strstr(run.out, "\"to\":\"gw2\""));
	run_clear(&run);
}
END_TEST

Suite *suite_natctl_orders(void)
{
	Suite *suite = suite_create("natctl_orders");
	TCase *tc = tcase_create("natctl_orders");

	tcase_add_test(tc, usage_errors);
	tcase_add_test(tc, requests);
	tcase_add_test(tc, evacuation);
	suite_add_tcase(suite, tc);
	return suite;
}
