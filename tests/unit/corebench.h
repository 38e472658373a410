/* SPDX-License-Identifier: GPL-2.0 */
/* A controller's core on a real store in which gw1 owns many mappings; gw2 none. */
#ifndef TEST_COREBENCH_H
#define TEST_COREBENCH_H

#include <check.h>
#include "controller/core.h"

#define MANY	5000	/* mappings of gw1, ids from 1, epoch 7, incarnation 1 */
#define BOUND_S	55	/* never that long, but on a machine that is very busy */

extern struct rn_core *core;
extern struct rn_gateway *gw1, *gw2;

void core_setup(const struct rn_core_hooks *hooks);
void core_teardown(void);
/* Of the mapping with this id, and a request of gw for it. */
struct rn_private vm_of(guint n);
struct rn_msg request_of(guint n, const struct rn_gateway *gw);

gboolean core_bound(gpointer data);	/* of WAIT_FOR */
/* Runs the loop until condition, at most BOUND_S. */
#define WAIT_FOR(condition) do {					\
	gboolean over = FALSE;						\
	guint bound = g_timeout_add_seconds(BOUND_S, core_bound, &over);	\
									\
	while (!(condition) && !over)					\
		g_main_context_iteration(NULL, TRUE);			\
	ck_assert_msg(!over, "never: %s", #condition);			\
	g_source_remove(bound);						\
} while (0)

#endif
