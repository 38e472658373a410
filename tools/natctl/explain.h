/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names and sentences of the kernel's numbers, generated from
 * include/uapi/linux/roamnat.yaml by tests/tools/explain.py.
 */
#ifndef RN_EXPLAIN_H
#define RN_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

struct rn_explain {
	unsigned int attr;
	const char *name;
	const char *sentence;
	bool gauge;		/* goes up and down */
};

/* Sets counter, stats and config; each ends with a NULL name. */
extern const struct rn_explain rn_explain_counter[];
extern const struct rn_explain rn_explain_stats[];
extern const struct rn_explain rn_explain_config[];

/* NULL for a number of a newer module. */
const struct rn_explain *rn_explain_find(const struct rn_explain *table, unsigned int attr);

#endif
