// SPDX-License-Identifier: GPL-2.0
/* natctl: its grammar, and what it prints and returns for given answers. */
#include <check.h>
#include <jansson.h>
#include <string.h>
#include "../../tools/natctl/client.h"
#include "natrun.h"
#include "suites.h"

START_TEST(test_side)
{
	static const struct {
		const char *text, *addr;
		int port, proto;
	} good[] = {
		{ "203.0.113.7", "203.0.113.7", 0, 0 },
		{ "203.0.113.7:40001", "203.0.113.7:40001", 40001, 0 },
		{ "203.0.113.7:40001/tcp", "203.0.113.7:40001", 40001, 6 },
		{ "10.0.0.5/udp", "10.0.0.5", 0, 17 },
		{ "2001:db8::7", "2001:db8::7", 0, 0 },
		{ "[2001:db8::7]:80/tcp", "[2001:db8::7]:80", 80, 6 },
	};
	static const char *const bad[] = {
		"", "203.0.113", "203.0.113.7:", "203.0.113.7:65536", "203.0.113.7:-1",
		"203.0.113.7/", "203.0.113.7/nope", "[2001:db8::7", "[2001:db8::7]80", "gw1",
		"203.0.113.7: 80",
	};
	char text[RN_SIDE_TEXT];
	struct rn_side side;

	for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
		ck_assert_msg(rn_args_side(good[i].text, &side, NULL), "%s", good[i].text);
		ck_assert_str_eq(rn_args_side_print(&side, text), good[i].addr);
		ck_assert_int_eq(side.port, good[i].port);
		ck_assert_int_eq(side.proto, good[i].proto);
	}
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		ck_assert_msg(!rn_args_side(bad[i], &side, &error), "%s", bad[i]);
		ck_assert_int_eq(error->code, RN_EXIT_USAGE);
	}
}
END_TEST

/* A line of show is a selector. */
START_TEST(test_selector_of_line)
{
	g_auto(GStrv) words = g_strsplit(MAPPING_LINE, " ", -1);
	struct rn_selector selector = { 0 };
	struct rn_args args;

	rn_args_init(&args, g_strv_length(words), words);
	ck_assert(rn_args_selector(&args, &selector, NULL));
	ck_assert_int_eq(selector.public.addr.len, 4);
	ck_assert_int_eq(selector.private.addr.b[3], 5);
	ck_assert(selector.has_zone);
	ck_assert_int_eq(selector.zone, 1);
	ck_assert_str_eq(selector.gateway, "gw1");
	ck_assert_str_eq(selector.state, "granted");
	ck_assert_int_eq(selector.epoch, 3);
}
END_TEST

START_TEST(test_usage_errors)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
		{ "", "object is missing" },
		{ "m", "ambiguous: mapping, migrate, monitor" },
		{ "nothing", "object \"nothing\" is unknown" },
		{ "mapping frobnicate", "mapping \"frobnicate\" is unknown" },
		{ "mapping show frobnicate", "\"frobnicate\" is not understood" },
		{ "mapping show zone", "\"zone\" wants a value" },
		{ "mapping show zone x", "\"zone\" wants a number" },
		{ "mapping show zone 4294967296", "\"zone\" wants a number up to" },
		{ "mapping show public 1.2.3", "is no address" },
		{ "mapping show proto none", "\"proto\" wants" },
		{ "mapping del", "name one mapping" },
		{ "mapping release zone 1", "name one mapping" },
		{ "mapping show --explain", "--explain is no option of" },
		{ "mapping show --frob", "option \"--frob\" is unknown" },
		{ "-t", "option \"-t\" wants a value" },
		{ "-t 0 status", "-t takes" },
		{ "-t nan status", "-t takes" },
		{ "-t 5x status", "-t takes" },
		{ "-S localhost:1 status", "-S takes unix:" },
		{ "migrate", "which VM" },
		{ "migrate 10.0.0.5", "to which gateway" },
		{ "migrate 10.0.0.5 to", "\"to\" wants a value" },
		{ "migrate 10.0.0.5 to gw2 force", "wants \"reason TEXT\"" },
		{ "migrate 10.0.0.5 to gw2 cause dead", "natctl takeover" },
		{ "migrate 10.0.0.5 to gw2 --wait --no-wait", "exclude each other" },
		{ "takeover to gw2", "of what" },
		{ "takeover gw1", "to which gateway" },
		{ "takeover gw1 to gw1", "same gateway" },
		{ "takeover gw1 private 10.0.0.5 to gw2", "of what" },
		{ "takeover gw1 to gw2 fenced", "wants \"reason TEXT\"" },
		{ "audit", "which public address" },
		{ "audit 203.0.113.7 at noon", "is no time" },
		{ "audit 203.0.113.7 at @1 since @1", "exclude each other" },
		{ "audit gateway gw1 at @1", "of an address" },
		{ "store backup", "\"backup\" wants a value" },
		{ "config check", "\"check\" wants a value" },
		{ "config check /nonexistent/x.conf", "config /nonexistent/x.conf" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct run run = run_line(cases[i].line);

		ck_assert_msg(run.rc == RN_EXIT_USAGE, "natctl %s: exit code %d", cases[i].line,
			      run.rc);
		ck_assert_msg(g_str_has_prefix(run.err, "Error: ") &&
			      strstr(run.err, cases[i].text), "natctl %s: %s", cases[i].line,
			      run.err);
		run_clear(&run);
	}
}
END_TEST

START_TEST(test_help)
{
	static const char *const lines[] = {
		"help", "--help", "mapping help", "mapping show help", "migrate help", "pki help",
		"version", "-V",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
		struct run run = run_line(lines[i]);

		ck_assert_msg(run.rc == RN_EXIT_DONE, "natctl %s", lines[i]);
		ck_assert(strstr(run.out, "natctl"));
		ck_assert_str_eq(run.err, "");
		run_clear(&run);
	}
}
END_TEST

START_TEST(test_durations)
{
	static const struct {
		guint64 ms;
		const char *text;
	} cases[] = {
		{ 0, "0s" }, { 1, "1ms" }, { 350, "350ms" }, { 1000, "1s" }, { 20500, "20.5s" },
		{ 20050, "20.05s" }, { 59999, "59.999s" }, { 60000, "60s" }, { 3600000, "3600s" },
	};
	char text[32];

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
		ck_assert_str_eq(rn_print_duration(cases[i].ms, text), cases[i].text);
}
END_TEST

START_TEST(test_mapping_text)
{
	struct fake fake;
	struct run run;

	fake_start_mapping(&fake);
	run = fake_run(&fake, "map sh private 10.0.0.5/tcp zone 1 -S unix:$X");
	ck_assert_int_eq(run.rc, RN_EXIT_USAGE);	/* no shell: $X is no path */
	run_clear(&run);
	fake_stop(&fake);

	fake_start_mapping(&fake);
	g_autofree char *line = g_strdup_printf("map sh private 10.0.0.5:80/tcp zone 1 -S unix:%s",
						fake.path);
	run = fake_run(&fake, line);
	ck_assert_str_eq(run.err, "");
	ck_assert_int_eq(run.rc, RN_EXIT_DONE);
	ck_assert_str_eq(run.out, MAPPING_LINE "\n");
	ck_assert_int_eq(fake.request->verb, ROAMNAT__CONTROL__V1__REQUEST__VERB__MAPPING_LIST);
	ck_assert_str_eq(fake.request->selector->private_, "10.0.0.5:80");
	ck_assert_str_eq(fake.request->selector->public_, "");
	ck_assert_str_eq(fake.request->selector->protocol, "tcp");
	ck_assert(fake.request->selector->has_zone);
	run_clear(&run);
	fake_stop(&fake);
}
END_TEST

START_TEST(test_mapping_details_oneline)
{
	g_autofree char *line = NULL;
	struct fake fake;
	struct run run;

	fake_start_mapping(&fake);
	line = g_strdup_printf("-d -o -S unix:%s mapping show", fake.path);
	run = fake_run(&fake, line);
	ck_assert_str_eq(run.out, MAPPING_LINE
			 " \\ id 7 incarnation 2 kind address pool web\n");
	run_clear(&run);
	fake_stop(&fake);
}
END_TEST

static json_t *parse_array(const char *text)
{
	json_t *root = json_loads(text, 0, NULL);

	ck_assert_msg(json_is_array(root), "no JSON array: %s", text);
	return root;
}

START_TEST(test_mapping_json)
{
	g_autofree char *line = NULL;
	struct fake fake;
	struct run run;
	json_t *root, *m;

	fake_start_mapping(&fake);
	line = g_strdup_printf("-j%s -S unix:%s mapping show", _i ? "p" : "", fake.path);
	run = fake_run(&fake, line);
	root = parse_array(run.out);
	ck_assert_int_eq(json_array_size(root), 1);
	m = json_array_get(root, 0);
	ck_assert_str_eq(json_string_value(json_object_get(m, "public")), "203.0.113.7");
	ck_assert_str_eq(json_string_value(json_object_get(m, "owner")), "gw1");
	ck_assert_int_eq(json_integer_value(json_object_get(m, "epoch")), 3);
	ck_assert_int_eq(json_integer_value(json_object_get(m, "id")), 7);
	ck_assert_int_eq(json_integer_value(json_object_get(m, "elapsed_ms")), 20000);
	ck_assert(!json_object_get(m, "protocol"));
	json_decref(root);
	run_clear(&run);
	fake_stop(&fake);
}
END_TEST

START_TEST(test_json_empty_and_many)
{
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	RnMapping m[3], *list[3];
	g_autofree char *line = NULL;
	struct fake fake;
	struct run run;
	json_t *root;

	fake_start(&fake);
	line = g_strdup_printf("-j -S unix:%s mapping show", fake.path);
	for (int i = 0; i < 3; i++) {
		init_mapping(&m[i]);
		list[i] = &m[i];
	}
	m[1].id = G_MAXUINT64;
	m[2].pool = (char *)"bad\xff\x1b[31m";
	reply.mappings = list;
	/* Two replies with mappings, and a last one without. */
	reply.n_mappings = _i ? 3 : 0;
	fake_answer(&fake, &reply);
	fake_answer(&fake, &reply);
	reply.n_mappings = 0;
	reply.last = TRUE;
	fake_answer(&fake, &reply);
	g_ptr_array_set_size(fake.frames, 3);
	if (!_i) {
		/* A frame is never empty, and neither reply said anything. */
		g_ptr_array_remove_range(fake.frames, 0, 2);
	}
	run = fake_run(&fake, line);
	ck_assert_int_eq(run.rc, RN_EXIT_DONE);
	root = parse_array(run.out);
	ck_assert_int_eq(json_array_size(root), _i ? 6 : 0);
	if (_i)
		ck_assert_str_eq(json_string_value(json_object_get(json_array_get(root, 1), "id")),
				 "18446744073709551615");
	json_decref(root);
	run_clear(&run);
	fake_stop(&fake);
}
END_TEST

START_TEST(test_migrate)
{
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	RnEvent event = ROAMNAT__CONTROL__V1__EVENT__INIT, *events[] = { &event };
	struct fake fake;
	struct run run;
	RnMapping m;

	init_mapping(&m);
	event.rev = 4711;
	event.time_ns = 1;
	event.what = (char *)"moved";
	event.mapping = &m;
	event.from = (char *)"gw1";
	event.to = (char *)"gw2";
	event.by = (char *)"gw1";
	event.verified_by = (char *)"gw2";
	event.cause = (char *)"overload";
	reply.events = events;
	reply.n_events = 1;
	reply.last = TRUE;
	fake_start(&fake);
	fake_answer(&fake, &reply);
	run = fake_run(&fake, "migrate 10.0.0.5 zone 1 to gw2 cause overload force reason 'no room'");
	ck_assert_int_eq(run.rc, RN_EXIT_DONE);
	ck_assert_msg(g_str_has_prefix(run.out, "[rev 4711] "), "%s", run.out);
	ck_assert_msg(strstr(run.out,
			     " moved 203.0.113.7 gw1 -> gw2 private 10.0.0.5 zone 1 epoch 3 "
			     "by gw1 verified-by gw2 cause overload\n"), "%s", run.out);
	ck_assert_str_eq(fake.request->to, "gw2");
	ck_assert_int_eq(fake.request->cause, RN_CAUSE_OVERLOAD);
	ck_assert(fake.request->force && fake.request->wait && !fake.request->fenced);
	ck_assert_str_eq(fake.request->reason, "no room");
	ck_assert_str_eq(fake.request->selector->private_, "10.0.0.5");
	run_clear(&run);
	fake_stop(&fake);
}
END_TEST

START_TEST(test_takeover)
{
	static const struct {
		const char *line, *gateway, *private, *reason;
		gboolean fenced, wait;
	} cases[] = {
		{ "takeover gw1 to gw2 fenced reason off", "gw1", "", "off", TRUE, TRUE },
		{ "takeover gateway gw1 to gw2", "gw1", "", "", FALSE, TRUE },
		{ "takeover 10.0.0.5:80/tcp zone 2 to gw2 --no-wait", "", "10.0.0.5:80", "", FALSE,
		  FALSE },
		{ "t private 10.0.0.5 to gw2 fenced reason off force", "", "10.0.0.5", "off", TRUE,
		  TRUE },
	};
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	reply.last = TRUE;
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct fake fake;
		struct run run;

		fake_start(&fake);
		fake_answer(&fake, &reply);
		run = fake_run(&fake, cases[i].line);
		ck_assert_msg(run.rc == RN_EXIT_DONE, "%s: %s", cases[i].line, run.err);
		ck_assert_int_eq(strcmp(run.out, "done\n") == 0, cases[i].wait);
		ck_assert_int_eq(fake.request->verb,
				 ROAMNAT__CONTROL__V1__REQUEST__VERB__TAKEOVER);
		ck_assert_str_eq(fake.request->selector->gateway, cases[i].gateway);
		ck_assert_str_eq(fake.request->selector->private_, cases[i].private);
		ck_assert_str_eq(fake.request->reason, cases[i].reason);
		ck_assert_int_eq(fake.request->fenced, cases[i].fenced);
		ck_assert_int_eq(fake.request->wait, cases[i].wait);
		ck_assert_int_eq(fake.request->cause, RN_CAUSE_DEAD);
		run_clear(&run);
		fake_stop(&fake);
	}
}
END_TEST

START_TEST(test_refusals)
{
	static const struct {
		guint code;
		int rc;
	} cases[] = {
		{ RN_CODE_NOT_OWNER, RN_EXIT_CONFLICT },
		{ RN_CODE_WRONG_EPOCH, RN_EXIT_CONFLICT },
		{ RN_CODE_BUSY, RN_EXIT_CONFLICT },
		{ RN_CODE_NO_ANSWER, RN_EXIT_UNKNOWN },
		{ RN_CODE_NOT_FENCED, RN_EXIT_REFUSED },
		{ RN_CODE_PLAN_EXCEEDED, RN_EXIT_REFUSED },
		{ 200, RN_EXIT_REFUSED },
		{ 70000, RN_EXIT_REFUSED },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
		struct fake fake;
		struct run run;

		fake_start(&fake);
		reply.code = cases[i].code;
		if (i % 2)
			reply.text = (char *)"because";
		reply.last = TRUE;
		fake_answer(&fake, &reply);
		run = fake_run(&fake, "migrate 10.0.0.5 to gw2");
		ck_assert_msg(run.rc == cases[i].rc, "code %u: %d", cases[i].code, run.rc);
		ck_assert_msg(g_str_has_prefix(run.err, "Error: migrate 10.0.0.5 to gw2: "), "%s",
			      run.err);
		ck_assert_int_eq(!strstr(run.err, "because"), !(i % 2));
		run_clear(&run);
		fake_stop(&fake);
	}
}
END_TEST

/* Both streams stay parseable when something is refused. */
START_TEST(test_json_error)
{
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	struct fake fake;
	struct run run;
	json_t *root;

	fake_start(&fake);
	reply.code = RN_CODE_NOT_FENCED;
	reply.last = TRUE;
	fake_answer(&fake, &reply);
	run = fake_run(&fake, "-j takeover gw1 to gw2");
	ck_assert_int_eq(run.rc, RN_EXIT_REFUSED);
	root = json_loads(run.err, 0, NULL);
	ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(root, "error"),
							    "code")), RN_EXIT_REFUSED);
	json_decref(root);
	json_decref(parse_array(run.out));
	run_clear(&run);
	fake_stop(&fake);
}
END_TEST

START_TEST(test_unreachable)
{
	struct run run;

	g_setenv("ROAMNAT_CONTROLLER_SOCKET", "/nonexistent/controller.sock", TRUE);
	g_setenv("ROAMNAT_AGENT_SOCKET", "/nonexistent/agent.sock", TRUE);
	run = run_line("gateway show");
	ck_assert_int_eq(run.rc, RN_EXIT_UNREACHABLE);
	ck_assert(strstr(run.err, "roamnat-controller"));
	ck_assert(strstr(run.err, "/nonexistent/controller.sock"));
	run_clear(&run);
	run = run_line("mapping release 203.0.113.7");
	ck_assert_int_eq(run.rc, RN_EXIT_UNREACHABLE);
	ck_assert(strstr(run.err, "roamnat-agent"));
	run_clear(&run);
}
END_TEST

/* A change without an answer has an unknown outcome, whether the daemon is slow
 * or gone; a question has not.
 */
START_TEST(test_no_answer)
{
	struct fake fake;
	struct run run;

	fake_start(&fake);
	run = fake_run(&fake, "migrate 10.0.0.5 to gw2");
	ck_assert_int_eq(run.rc, RN_EXIT_UNKNOWN);
	ck_assert(strstr(run.err, "outcome is unknown"));
	run_clear(&run);
	fake_stop(&fake);

	fake_start(&fake);
	run = fake_run(&fake, "pool show");
	ck_assert_int_eq(run.rc, RN_EXIT_UNREACHABLE);
	run_clear(&run);
	fake_stop(&fake);

	fake_start(&fake);
	fake.silent = TRUE;
	run = fake_run(&fake, "-t 0.01 pool show");
	ck_assert_int_eq(run.rc, RN_EXIT_UNKNOWN);
	ck_assert(strstr(run.err, "no answer in time"));
	run_clear(&run);
	fake_stop(&fake);
}
END_TEST

/* natctl route list: a line for each, and the same in JSON. */
START_TEST(test_routes)
{
	Roamnat__Control__V1__Route route[2], *routes[2] = { &route[0], &route[1] };
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	struct fake fake;
	struct run run;
	json_t *root;

	for (int i = 0; i < 2; i++) {
		roamnat__control__v1__route__init(&route[i]);
		route[i].address = (char *)(i ? "2001:db8::7" : "203.0.113.7");
		route[i].kind = (char *)(i ? "neighbour" : "route");
		route[i].announce = (char *)"pool";
		route[i].state = (char *)(i ? "announced" : "lingering");
		route[i].table = 254;
		route[i].mappings = (guint)i;
	}
	route[0].linger_ms = 700;
	route[1].device = (char *)"out0";
	route[1].metric = 1024;
	reply.n_routes = 2;
	reply.routes = routes;
	reply.last = TRUE;

	fake_start(&fake);
	fake_answer(&fake, &reply);
	run = fake_run(&fake, "route list");
	ck_assert_msg(run.rc == RN_EXIT_DONE, "%s", run.err);
	ck_assert_int_eq(fake.request->verb, ROAMNAT__CONTROL__V1__REQUEST__VERB__ROUTE_LIST);
	ck_assert_str_eq(run.out,
			 "203.0.113.7 kind route table 254 state lingering left 700ms mappings 0 announce pool\n"
			 "2001:db8::7 kind neighbour dev out0 table 254 metric 1024 state announced mappings 1 announce pool\n");
	run_clear(&run);
	fake_stop(&fake);

	fake_start(&fake);
	fake_answer(&fake, &reply);
	run = fake_run(&fake, "-j route show");
	root = parse_array(run.out);
	ck_assert_uint_eq(json_array_size(root), 2);
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(root, 1), "dev")), "out0");
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(root, 0),
							    "linger_ms")), 700);
	json_decref(root);
	run_clear(&run);
	fake_stop(&fake);
}
END_TEST

/* The controller answers with who had it, or with who had it last. */
START_TEST(test_audit_at)
{
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	RnEvent event = ROAMNAT__CONTROL__V1__EVENT__INIT, *events = &event;
	struct fake fake;
	struct run run;
	RnMapping m;

	init_mapping(&m);
	event.mapping = &m;
	event.what = (char *)(_i ? "released" : "moved");
	event.by = (char *)"gw2";
	event.to = (char *)(_i ? "" : "gw2");
	event.time_ns = G_GUINT64_CONSTANT(100000000000);
	reply.events = &events;
	reply.n_events = 1;
	reply.last = TRUE;
	fake_start(&fake);
	fake_answer(&fake, &reply);
	run = fake_run(&fake, "audit 203.0.113.7 at @250");
	ck_assert_int_eq(run.rc, RN_EXIT_DONE);
	ck_assert_uint_eq(fake.request->at_ns, G_GUINT64_CONSTANT(250000000000));
	ck_assert_str_eq(fake.request->selector->public_, "203.0.113.7");
	if (_i)
		ck_assert_str_eq(run.out, "");
	else
		ck_assert_msg(strstr(run.out, " moved 203.0.113.7 to gw2"), "%s", run.out);
	ck_assert_int_eq(strstr(run.err, "nobody had it at @250: released by gw2") != NULL, _i);
	run_clear(&run);
	fake_stop(&fake);
}
END_TEST

START_TEST(test_audit_questions)
{
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	struct fake fake;
	struct run run;

	reply.last = TRUE;
	fake_start(&fake);
	fake_answer(&fake, &reply);
	run = fake_run(&fake, "audit private 10.0.0.5 zone 3 since @100 until @200");
	ck_assert_int_eq(run.rc, RN_EXIT_DONE);
	ck_assert_str_eq(fake.request->selector->private_, "10.0.0.5");
	ck_assert_uint_eq(fake.request->selector->zone, 3);
	ck_assert_uint_eq(fake.request->since_ns, G_GUINT64_CONSTANT(100000000000));
	ck_assert_uint_eq(fake.request->until_ns, G_GUINT64_CONSTANT(200000000000));
	run_clear(&run);
	fake_stop(&fake);

	fake_start(&fake);
	fake_answer(&fake, &reply);
	run = fake_run(&fake, "-j audit gateway gw1");
	ck_assert_int_eq(run.rc, RN_EXIT_DONE);
	ck_assert_str_eq(fake.request->selector->gateway, "gw1");
	ck_assert_str_eq(run.out, "[]\n");
	run_clear(&run);
	fake_stop(&fake);
}
END_TEST

/* What the log does not say has an exit code of its own. */
START_TEST(test_audit_unknown)
{
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	char *note = (char *)"the audit log begins at 2026";
	struct fake fake;
	struct run run;

	reply.last = TRUE;
	reply.notes = &note;
	reply.n_notes = 1;
	reply.unknown = _i;
	fake_start(&fake);
	fake_answer(&fake, &reply);
	run = fake_run(&fake, "audit 203.0.113.7 at @250");
	ck_assert_int_eq(run.rc, _i ? RN_EXIT_NOT_RECORDED : RN_EXIT_DONE);
	ck_assert(g_str_has_prefix(run.err, _i ? "Error: the audit log" : "Note: the audit log"));
	ck_assert_int_eq(strstr(run.err, "nobody had it") != NULL, !_i);
	run_clear(&run);
	fake_stop(&fake);
}
END_TEST

START_TEST(test_store_backup)
{
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	g_autofree char *here = g_get_current_dir();
	g_autofree char *path = g_build_filename(here, "some", "copy.db", NULL);
	struct fake fake;
	struct run run;

	reply.last = TRUE;
	reply.text = (char *)"4096 bytes";
	fake_start(&fake);
	fake_answer(&fake, &reply);
	run = fake_run(&fake, "store backup some/copy.db");
	ck_assert_int_eq(run.rc, RN_EXIT_DONE);
	ck_assert_int_eq(fake.request->verb, ROAMNAT__CONTROL__V1__REQUEST__VERB__STORE_BACKUP);
	ck_assert_str_eq(fake.request->file, path);
	run_clear(&run);
	fake_stop(&fake);
}
END_TEST

START_TEST(test_monitor_stream)
{
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	RnEvent event = ROAMNAT__CONTROL__V1__EVENT__INIT, *events[] = { &event };
	struct fake fake;
	struct run run;
	json_t *root;

	event.rev = 1;
	event.what = (char *)"connected";
	event.gateway = (char *)"gw1";
	reply.events = events;
	reply.n_events = 1;
	fake_start(&fake);
	fake_answer(&fake, &reply);
	run = fake_run(&fake, "-j monitor controller");
	/* The daemon went away; the event before that was told, as an object. */
	ck_assert_int_eq(run.rc, RN_EXIT_UNREACHABLE);
	root = json_loads(run.out, 0, NULL);
	ck_assert_str_eq(json_string_value(json_object_get(root, "what")), "connected");
	ck_assert_int_eq(run.out[strlen(run.out) - 1], '\n');
	json_decref(root);
	run_clear(&run);
	fake_stop(&fake);
}
END_TEST

Suite *suite_natctl(void)
{
	Suite *suite = suite_create("natctl");
	TCase *grammar = tcase_create("grammar");
	TCase *output = tcase_create("output");
	TCase *daemon = tcase_create("daemon");

	tcase_add_test(grammar, test_side);
	tcase_add_test(grammar, test_selector_of_line);
	tcase_add_test(grammar, test_usage_errors);
	tcase_add_test(grammar, test_help);
	suite_add_tcase(suite, grammar);
	tcase_add_test(output, test_durations);
	tcase_add_test(output, test_mapping_text);
	tcase_add_test(output, test_mapping_details_oneline);
	tcase_add_loop_test(output, test_mapping_json, 0, 2);
	tcase_add_loop_test(output, test_json_empty_and_many, 0, 2);
	tcase_add_test(output, test_json_error);
	suite_add_tcase(suite, output);
	tcase_add_test(daemon, test_migrate);
	tcase_add_test(daemon, test_takeover);
	tcase_add_test(daemon, test_refusals);
	tcase_add_test(daemon, test_unreachable);
	tcase_add_test(daemon, test_no_answer);
	tcase_add_test(daemon, test_routes);
	tcase_add_loop_test(daemon, test_audit_at, 0, 2);
	tcase_add_test(daemon, test_audit_questions);
	tcase_add_loop_test(daemon, test_audit_unknown, 0, 2);
	tcase_add_test(daemon, test_store_backup);
	tcase_add_test(daemon, test_monitor_stream);
	suite_add_tcase(suite, daemon);
	return suite;
}
