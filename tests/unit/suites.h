/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All suites of check-unit: X(foo_bar) is suite_foo_bar() of cksuite-foo-bar.c.
 * A new one is one line here (and in unit.mk, if it needs more than daemon/
 * without agent and controller).
 */
#ifndef RN_TESTS_SUITES_H
#define RN_TESTS_SUITES_H

#include <check.h>

#define SUITES(X)	\
	X(addr)		\
	X(wake)		\
	X(config)	\
	X(codec)	\
	X(net)		\
	X(control)	\
	X(natctl)	\
	X(natctl_kernel)	\
	X(natctl_orders)	\
	X(kmsg)		\
	X(agent_core)	\
	X(announce)	\
	X(route)	\
	X(arrival)	\
	X(own_controller)	\
	X(own_gateway)	\
	X(own_results)	\
	X(own_promises)	\
	X(pool)		\
	X(block)	\
	X(limits)	\
	X(store)		\
	X(store_copy)	\
	X(resync)		\
	X(pressure)	\
	X(genl)		\
	X(store_audit)	\
	X(ctl_core)	\
	X(orders)	\
	X(evacuate)

#define DECLARE_SUITE(name) Suite *suite_##name(void);
SUITES(DECLARE_SUITE)
#undef DECLARE_SUITE

#endif
