/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small world for the two ownership machines, without I/O and with a clock
 * of its own: three gateways with toy kernels, one controller with a toy disk,
 * a hostile fourth gateway, VMs, and a network that loses, repeats, reorders
 * and delays. The same seed gives the same run.
 */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include "own/controller.h"
#include "own/gateway.h"

enum {
	HONEST = 3,		/* gateways 1..3 */
	HOSTILE = 4,
	GATEWAYS = 4,
	VMS = 4,		/* the last one is the hostile gateway's own */
	RECORDS = 5,		/* ids 1..5 */
	EPOCHS = 4096,		/* of the ghosts */
	PACKETS = 400,
};

enum toy_state { TOY_NONE, TOY_HELD, TOY_ACTIVE, TOY_MOVING_OUT, TOY_RELEASING };

/* As roamnat.yaml promises it. */
struct toy_map {
	uint8_t state;		/* enum toy_state, numbers of roamnat.h */
	int vm;
	uint64_t epoch, incarnation;
	struct rn_public pub;
	struct rn_timer timer;
};

struct toy_kernel {
	uint64_t incarnation;
	int64_t lease_end;	/* 0: without end */
	struct toy_map map[RECORDS + 1];
	uint64_t floor[RECORDS + 1];
};

struct world_gw {
	struct toy_kernel kernel;
	struct own_gw_entry entry[VMS];
	bool on;		/* powered */
	bool dead;		/* will not come back */
	bool link;		/* connected to the controller */
	bool session;		/* INVENTORY_DONE came */
	bool flush;		/* INVENTORY_DONE is on its way */
};

struct world_packet {
	uint32_t from, to;
	struct rn_msg msg;
};

struct world_output {
	bool save;
	uint32_t to;
	struct rn_msg msg;
	struct own_ctl_rec rec;
};

struct world_ctl {
	bool up;
	struct own_ctl_rec rec[RECORDS + 1];	/* volatile */
	struct own_ctl_gw gw[GATEWAYS + 1];
	int64_t lease_end[GATEWAYS + 1];
	bool fenced[GATEWAYS + 1];
	struct world_output out[PACKETS];	/* waits for the disk */
	unsigned int n_out;
	struct own_ctl_rec disk[RECORDS + 1];
	uint64_t disk_incarnation[GATEWAYS + 1];
};

struct world {
	uint64_t seed, rng;
	int64_t now;
	uint8_t mode;
	int64_t lease_ms;	/* of gateways 1 and 2; 0 none */
	bool calm;		/* faults have stopped */
	bool trace;
	unsigned int step;
	int vm_at[VMS];
	bool talks[VMS];
	struct world_gw gw[GATEWAYS + 1];
	struct world_ctl ctl;
	struct world_packet net[PACKETS];
	unsigned int n_net;
	/* ghosts: what was true, whatever the machines remember */
	uint8_t granted[RECORDS + 1][EPOCHS];
	uint64_t asked[RECORDS + 1][EPOCHS];	/* incarnation of an honest REL */
	uint64_t top_epoch[RECORDS + 1];
	int last_vm[RECORDS + 1];
	int64_t released_at[RECORDS + 1];
	char failure[200];	/* empty while all invariants hold */
};

uint64_t world_random(struct world *w);
unsigned int world_below(struct world *w, unsigned int n);
bool world_chance(struct world *w, unsigned int percent);
void world_say(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_fail(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct rn_private world_vm(int vm);
int world_vm_number(const struct rn_private *vm);
void world_post(struct world *w, uint32_t from, uint32_t to, const struct rn_msg *msg);

/* world-gateway.c */
int toy_kernel_do(struct world *w, uint32_t g, const struct own_act *act, struct rn_timer *timer);
const struct toy_map *toy_translating(const struct world *w, uint32_t g, unsigned int id);
void gw_event(struct world *w, uint32_t g, int vm, const struct own_gw_event *event);
void gw_everyone(struct world *w, uint32_t g, enum own_gw_event_type type);
void gw_deliver(struct world *w, uint32_t g, uint32_t from, const struct rn_msg *msg);
void gw_time(struct world *w, uint32_t g);
void gw_packet(struct world *w, int vm);
void gw_idle(struct world *w, uint32_t g, unsigned int id);
void gw_told(struct world *w, uint32_t g, int vm, uint32_t dst);
void gw_agent_restart(struct world *w, uint32_t g);
void gw_cut(struct world *w, uint32_t g);	/* the link, and what came of it */
void gw_crash(struct world *w, uint32_t g);
void gw_suspend(struct world *w, uint32_t g);
void gw_flush(struct world *w, uint32_t g);

/* world-controller.c */
void ctl_init(struct world *w);
void ctl_event(struct world *w, unsigned int id, const struct own_ctl_event *event);
void ctl_deliver(struct world *w, uint32_t from, const struct rn_msg *msg);
void ctl_time(struct world *w);
void ctl_commit(struct world *w, unsigned int n);
void ctl_crash(struct world *w);
void ctl_order(struct world *w, int vm, uint32_t dst, bool takeover);
void ctl_fence(struct world *w, uint32_t g);
/* The whole of HELLO, REGISTER and INVENTORY. False when it was cut short. */
bool ctl_session(struct world *w, uint32_t g, bool lossy);
bool ctl_granted(const struct own_ctl_rec *r);
int ctl_record_of(const struct world *w, int vm);	/* 0: none granted */

/* world-check.c */
void world_check(struct world *w);

#endif
