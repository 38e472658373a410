/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Routes and proxy entries of the kernel, by rtnetlink: requests in batches, whose
 * answers come in the main loop; dumps; news of what others do.
 *
 * Everything of ours carries the protocol number below, so it is told from everybody
 * else's, also after a restart.
 */
#ifndef RN_AGENT_RTNL_H
#define RN_AGENT_RTNL_H

#include "agent/announce.h"

/* Free in linux/rtnetlink.h and at FRR and BIRD; rt_protos.d/roamnat.conf names it. */
#define AGENT_RTNL_PROTOCOL	142

struct agent_rtnl;

struct agent_rtnl_ops {
	/* The next request; FALSE: none. */
	gboolean (*next)(struct agent_announce_op *op, void *data);
	void (*done)(const struct agent_announce_op *op, int err, void *data);
	/* Answers were lost: what is under way is not known. */
	void (*lost)(void *data);
	/* Somebody else deleted what has our protocol number. */
	void (*gone)(const struct agent_announce_key *key, void *data);
	/* Somebody else's change may concern this address, or (NULL) any. */
	void (*foreign)(const struct rn_addr *addr, void *data);
	/* An interface changed: flags are IFF_*, 0 when it is gone. */
	void (*link)(uint32_t ifindex, uint32_t flags, void *data);
	/* News were lost. */
	void (*overrun)(void *data);
};

/* watch: news are wanted. */
struct agent_rtnl *agent_rtnl_new(gboolean watch, const struct agent_rtnl_ops *ops, void *data,
				  GError **error);
void agent_rtnl_free(struct agent_rtnl *rtnl);

/* Takes the answers that are there, and sends a batch of what next gives. The kernel
 * carries a batch out while it is sent. TRUE: more may be waiting; answers call again.
 */
gboolean agent_rtnl_pump(struct agent_rtnl *rtnl);
/* The answers only. */
void agent_rtnl_answers(struct agent_rtnl *rtnl);

/* All news that are there: before a dump, which knows more than they do. */
void agent_rtnl_news(struct agent_rtnl *rtnl);
/* Each object with our protocol number, in all tables. */
gboolean agent_rtnl_dump(gboolean proxies,
			 void (*each)(const struct agent_announce_key *key, void *data),
			 void *data, GError **error);

/* Makes sure of an interface that swallows what it gets, and returns its index; 0 with
 * error.
 */
uint32_t agent_rtnl_sink(struct agent_rtnl *rtnl, const char *name, GError **error);
/* Answers for others leave an interface at once, and not within up to 0.8 s. */
gboolean agent_rtnl_answer_at_once(struct agent_rtnl *rtnl, uint32_t ifindex, GError **error);

#endif
