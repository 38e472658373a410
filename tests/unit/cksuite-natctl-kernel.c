// SPDX-License-Identifier: GPL-2.0
/*
 * natctl and the kernel: what it prints of a mapping there, a sentence for each
 * counter, and netlink, tried on nlctrl, the one generic netlink family that
 * every kernel has.
 */
#include <check.h>
#include <linux/genetlink.h>
#include <linux/roamnat.h>
#include <stdlib.h>
#include <string.h>
#include "../../tools/natctl/client.h"
#include "../../tools/natctl/explain.h"
#include "../../tools/natctl/genl.h"
#include "suites.h"

START_TEST(test_kernel_view)
{
	struct rn_kernel_mapping m = {
		.id = 7, .epoch = 3, .incarnation = 2, .state = ROAMNAT_STATE_ACTIVE,
		.has_timer = TRUE, .timer = { 60000, 20000, 40000 }, .first_ns = 1500000000,
		.private = { .zone = 1, .kind = RN_KIND_PORT, .proto = 6, .port = 80 },
		.public = { .proto = 6, .port = 40001 },
	};
	struct natctl ctl = { .stats = TRUE };
	struct rn_show view;
	char *out;
	size_t len;
	FILE *file = open_memstream(&out, &len);

	ck_assert(rn_addr_parse("10.0.0.5", &m.private.addr));
	ck_assert(rn_addr_parse("203.0.113.7", &m.public.addr));
	ctl.print = rn_print_new(file, 0);
	rn_show_from_kernel(&view, &m);
	rn_show_print(&ctl, &view);
	rn_print_finish(ctl.print);
	rn_print_free(ctl.print);
	fclose(file);
	ck_assert_str_eq(out, "203.0.113.7:40001/tcp private 10.0.0.5:80/tcp zone 1 epoch 3 state active "
			 "idle preset 60s elapsed 20s remaining 40s\n"
			 "    translated first 1.500000000 last never\n");
	free(out);
}
END_TEST

/* A row of ports, and which of the VM's it is; the line selects it again. */
START_TEST(test_block_view)
{
	struct rn_kernel_mapping m = {
		.id = 7, .epoch = 3, .state = ROAMNAT_STATE_ACTIVE,
		.private = { .zone = 1, .kind = RN_KIND_BLOCK, .port = 2 },
		.public = { .port = 1024, .ports = 512 },
	};
	char *words[7] = { "203.0.113.7:1024-1535", "private", "10.0.0.5", "zone", "1",
				 "block", "2" };
	struct rn_selector selector = { 0 };
	struct rn_show_selector pb;
	struct natctl ctl = { 0 };
	struct rn_args args;
	struct rn_show view;
	struct rn_side side;
	char *out;
	size_t len;
	FILE *file = open_memstream(&out, &len);

	ck_assert(rn_addr_parse("10.0.0.5", &m.private.addr));
	ck_assert(rn_addr_parse("203.0.113.7", &m.public.addr));
	ctl.print = rn_print_new(file, 0);
	rn_show_from_kernel(&view, &m);
	rn_show_print(&ctl, &view);
	rn_print_finish(ctl.print);
	rn_print_free(ctl.print);
	fclose(file);
	ck_assert_str_eq(out, "203.0.113.7:1024-1535 private 10.0.0.5 zone 1 block 2 epoch 3 state active\n");
	free(out);

	rn_args_init(&args, G_N_ELEMENTS(words), words);
	ck_assert(rn_args_selector(&args, &selector, NULL));
	ck_assert(selector.has_block);
	ck_assert_uint_eq(selector.public.ports, 512);
	rn_show_selector_init(&pb, &selector);
	ck_assert_str_eq(pb.pb.public_, "203.0.113.7:1024-1535");
	ck_assert_uint_eq(pb.pb.block, 2);
	ck_assert(!rn_args_side("203.0.113.7:1024-1500", &side, NULL));
	ck_assert(!rn_args_side("203.0.113.7:2000-1000", &side, NULL));
}
END_TEST

START_TEST(test_explain_complete)
{
	int n = 0;

	for (const struct rn_explain *e = rn_explain_counter; e->name; e++, n++) {
		/* Numbers go on behind the padding. */
		ck_assert_int_eq(e->attr, n + 1 + (n + 1 >= ROAMNAT_A_COUNTER_PAD));
		ck_assert_int_eq(e->sentence[strlen(e->sentence) - 1], '.');
	}
	ck_assert_int_eq(n, ROAMNAT_A_COUNTER_MAX - 1);		/* all but the padding */
	for (const struct rn_explain *e = rn_explain_config; e->name; e++)
		ck_assert(*e->sentence);
}
END_TEST

static void count_reply(struct nlattr *first, int len, guint8 cmd, void *data)
{
	if (cmd == CTRL_CMD_NEWFAMILY && nla_find(first, len, CTRL_ATTR_FAMILY_NAME))
		++*(int *)data;
}

START_TEST(test_genl)
{
	g_autoptr(GError) error = NULL;
	struct rn_genl *genl = rn_genl_open("nlctrl", NULL);
	gboolean interrupted = TRUE, lost = TRUE;
	struct nl_msg *msg;
	int n = 0;

	ck_assert(genl);
	ck_assert(rn_genl_call(genl, rn_genl_request(genl, CTRL_CMD_GETFAMILY, TRUE), count_reply,
			       &n, &interrupted, NULL));
	ck_assert_int_gt(n, 0);
	ck_assert(!interrupted);
	n = 0;
	msg = rn_genl_request(genl, CTRL_CMD_GETFAMILY, FALSE);
	nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, "nlctrl");
	ck_assert(rn_genl_call(genl, msg, count_reply, &n, NULL, NULL));
	ck_assert_int_eq(n, 1);
	msg = rn_genl_request(genl, CTRL_CMD_GETFAMILY, FALSE);
	nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, "no-such-family");
	ck_assert(!rn_genl_call(genl, msg, NULL, NULL, NULL, &error));
	ck_assert_int_eq(error->code, RN_EXIT_REFUSED);
	ck_assert_msg(strstr(error->message, "the kernel refused: No such file"), "%s",
		      error->message);
	g_clear_error(&error);
	/* An attribute of a wrong size is refused with a sentence by the kernel. */
	msg = rn_genl_request(genl, CTRL_CMD_GETFAMILY, FALSE);
	nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, "a-name-that-is-much-too-long-for-a-family");
	ck_assert(!rn_genl_call(genl, msg, NULL, NULL, NULL, &error));
	ck_assert_msg(!strstr(error->message, "the kernel refused"), "%s", error->message);
	ck_assert(rn_genl_join(genl, "notify", NULL));
	ck_assert(rn_genl_receive(genl, count_reply, &n, &lost, NULL));
	ck_assert(!lost);
	rn_genl_free(genl);
	g_clear_error(&error);
	ck_assert(!rn_genl_open("no-such-family", &error));
	ck_assert_int_eq(error->code, RN_EXIT_UNREACHABLE);
}
END_TEST

Suite *suite_natctl_kernel(void)
{
	Suite *suite = suite_create("natctl-kernel");
	TCase *output = tcase_create("output");
	TCase *kernel = tcase_create("kernel");

	tcase_add_test(output, test_kernel_view);
	tcase_add_test(output, test_block_view);
	tcase_add_test(output, test_explain_complete);
	suite_add_tcase(suite, output);
	tcase_add_test(kernel, test_genl);
	suite_add_tcase(suite, kernel);
	return suite;
}
