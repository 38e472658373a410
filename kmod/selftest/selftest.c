// SPDX-License-Identifier: GPL-2.0
#define pr_fmt(fmt) KBUILD_MODNAME ": selftest " fmt
#include "selftest.h"

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/printk.h>

#include "../compare.h"

static const struct area {
	const char *name;
	int (*run)(void);
} areas[] = {
	{ "tuple",	rnat_selftest_tuple },
	{ "rewrite",	rnat_selftest_rewrite },
	{ "icmp",	rnat_selftest_icmp },
	{ "ipv6",	rnat_selftest_ipv6 },
	{ "tcp",	rnat_selftest_tcp },
	{ "ports",	rnat_selftest_ports },
	{ "bounds",	rnat_selftest_bounds },
};

int rnat_selftest_run(void)
{
	int i, err, ret = 0;

	/* Under KASAN they take a minute, and have nothing to do with it. */
	if (rnat_compare_is_on())
		return 0;
	for (i = 0; i < ARRAY_SIZE(areas); i++) {
		err = areas[i].run();
		if (err) {
			pr_err("%s: FAIL (%d)\n", areas[i].name, err);
			ret = -EINVAL;
		} else {
			pr_info("%s: pass\n", areas[i].name);
		}
	}
	return ret;
}
