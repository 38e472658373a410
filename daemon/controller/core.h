/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The shell around own_ctl_step. Every change of a record goes through
 * rn_core_step: it feeds the event, hands what is to be kept to the store, and
 * queues what is to be told. The output queue is a FIFO; an output leaves only
 * when every save ordered before it is on disk (P8). Main loop only.
 */
#ifndef RN_CONTROLLER_CORE_H
#define RN_CONTROLLER_CORE_H

#include "controller/counters.h"
#include "controller/records.h"

struct rn_core_hooks {
	/* An event, durable if it was to be; audit rows and others alike. */
	void (*event)(const struct rn_store_audit *event, void *data);
	/* A step is done on a record that has watches. */
	void (*changed)(struct rn_record *record, void *data);
	/* Sends to the gateway's session, if there is one. */
	gboolean (*send)(struct rn_gateway *gw, const struct rn_msg *msg);
	/* So much waits for it that what can wait should. */
	gboolean (*full)(struct rn_gateway *gw);
	/* core->out is short again, after rn_core_behind said that it was not. */
	void (*relieved)(void *data);
	/* The store failed. */
	void (*failed)(const char *message, void *data);
};

struct rn_core {
	struct rn_ctl_config *config;
	struct rn_gateways *gateways;
	struct rn_records *records;
	struct rn_pools *pools;		/* of config */
	struct rn_store *store;
	struct rn_counters counters;
	const struct rn_core_hooks *hooks;
	void *hooks_data;
	uint64_t rev;			/* of the last event */
	uint64_t saved;			/* the last unit that outputs wait for */
	uint64_t durable;
	GQueue out;
	gboolean behind;		/* `relieved` is due */
	GQueue tell;			/* gateways, see tell.h */
	guint telling;			/* source of that */
	GSource *timer;
	gboolean failed;
	struct rn_store_state state;	/* as it was loaded */
	GArray *again;			/* ids whose quarantine begins again, at start */
	/* audit.c */
	int64_t last_ns;		/* time of the last event */
	int64_t clock_offset;		/* realtime - boot time, ms, as of then */
	int64_t clock_set;		/* ms, since the start */
	int64_t oldest_ns;		/* audit row to be pruned next, 0 none */
	uint64_t pruning;		/* unit under way, 0 none */
	int64_t pruned_before;
	bool prune_on;			/* the last one had no room for all */
	/* restored.c */
	bool restored;			/* from a backup, and not over it */
	uint32_t unheard;		/* gateways */
	int64_t hold_until;		/* 0 while some are unheard */
};

/* Who causes a step: a gateway by a message, a user of natctl, or time. */
struct rn_cause_of {
	struct rn_gateway *gw;		/* NULL: not a gateway */
	const char *by;			/* NULL: the gateway's name, or nobody */
	uint64_t epoch;			/* the one that the message names, 0 none */
	bool reclaim;			/* a release that the owner did not ask for */
};

/* In one turn of the loop, then others have theirs. */
#define RN_CORE_TURN		64	/* steps of one purpose */
/* Outputs that wait for the disk; beyond that, whoever can wait should. */
#define RN_CORE_OUT_MAX		4096

/* Takes config and store over, also when it fails. */
struct rn_core *rn_core_new(struct rn_ctl_config *config, struct rn_store *store,
			    GError **error);
gboolean rn_core_start(struct rn_core *core, const struct rn_core_hooks *hooks, void *data,
		       GError **error);
void rn_core_free(struct rn_core *core);

int64_t rn_core_now(void);	/* ms of the boot-time clock */
/* ms of the realtime clock as it was at the start, going on with the boot-time
 * clock: whoever sets the clock makes no quarantine longer or shorter.
 */
int64_t rn_core_wall(void);

/* The disk is behind: start nothing that can wait for `relieved`. */
gboolean rn_core_behind(struct rn_core *core);

void rn_core_step(struct rn_core *core, struct rn_record *record,
		  const struct own_ctl_event *event, const struct rn_cause_of *cause);
/* A message of a gateway about a mapping: NATREQ, or one that names an id. */
void rn_core_message(struct rn_core *core, struct rn_gateway *gw, const struct rn_msg *msg);
/* Refuses msg of gw: DENY with code and sentence (text, or that of code); counted,
 * told and, as far as the gateway's allowance goes, audited.
 */
void rn_core_refuse(struct rn_core *core, struct rn_gateway *gw, const struct rn_msg *msg,
		    enum own_note note, uint8_t code, const char *text);
/* The gateway promised an empty or suspended table: its next incarnation. */
void rn_core_register(struct rn_core *core, struct rn_gateway *gw, uint64_t nonce);
/* An operator asserts that the gateway is off (P14). */
void rn_core_fence(struct rn_core *core, struct rn_gateway *gw, const char *by,
		   const char *reason);
/* Why one more mapping of that kind may not go to gw, those on their way counted
 * (S15); 0 it may. moving: it comes from another gateway.
 */
uint8_t rn_core_plan_refuses(struct rn_core *core, const struct rn_gateway *gw, uint8_t kind,
			     bool moving);

/* Sets the timer to whatever is due first. */
void rn_core_arm(struct rn_core *core);

/* To the output queue. */
void rn_core_send(struct rn_core *core, uint32_t to, const struct rn_msg *msg);
void rn_core_later(struct rn_core *core, void (*func)(void *data), void *data);
/* An event of a gateway, or of the controller (NULL), that no machine notes. text may
 * be NULL.
 */
void rn_core_tell(struct rn_core *core, struct rn_gateway *gw, const char *what,
		  const char *by, const char *text, bool audit);

#endif
