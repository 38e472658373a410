/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The controller's real core on a real store, without connections: messages go
 * in by hand, and what leaves is seen when it leaves. For suites and benchmarks.
 */
#ifndef TEST_CTLBENCH_H
#define TEST_CTLBENCH_H

#include "controller/core.h"

struct ctlbench {
	char *dir;		/* in which the store and the configuration are */
	struct rn_core *core;
	/* What left. */
	void (*sent)(struct ctlbench *bench, struct rn_gateway *gw, const struct rn_msg *msg);
	void (*told)(struct ctlbench *bench, const struct rn_store_audit *event);
	void *user;
	struct rn_msg last;	/* message */
	unsigned int grants, denies, registered;
	unsigned int failures;
};

/* dir NULL: one of its own, removed by ctlbench_free. extra: lines of [controller]
 * and others; gateways gw1...; lease: a duration, or "0".
 */
gboolean ctlbench_start(struct ctlbench *bench, const char *dir, unsigned int gateways,
			const char *lease, const char *extra, GError **error);
/* Ends the core and keeps the directory, for another start with it. */
void ctlbench_stop(struct ctlbench *bench);
void ctlbench_free(struct ctlbench *bench);

struct rn_gateway *ctlbench_gw(struct ctlbench *bench, unsigned int number);
/* Turns the main loop until everything that was ordered is on disk and out. */
void ctlbench_settle(struct ctlbench *bench);
/* Sends, as gateway number; the incarnation is the current one. */
void ctlbench_natreq(struct ctlbench *bench, unsigned int number, uint32_t vm, uint64_t nonce);
void ctlbench_message(struct ctlbench *bench, unsigned int number, uint8_t type,
		      const struct rn_msg *about);

#endif
