/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A world for the two ownership machines: gateways with toy kernels, a
 * controller with a toy disk, VMs, an orchestrator, a hostile gateway and a
 * network, driven by one queue of events and a clock of its own. The same seed
 * gives the same run. README.md says what can go wrong in it, and what must
 * hold all the same.
 */
#ifndef SIM_H
#define SIM_H

#include "own/controller.h"
#include "own/gateway.h"

enum {
	SIM_HONEST = 6,		/* at most; numbers 1.. */
	SIM_GWS = 7,		/* with the hostile one, which has the last number in use */
	SIM_VMS = 8,		/* with the hostile gateway's own, the last one in use */
	SIM_IDS = 10,
	SIM_EPOCHS = 1 << 14,	/* of the ghosts */
	SIM_PACKETS = 1024,	/* under way; more are lost */
	SIM_QUEUE = 8192,	/* events that wait */
	SIM_OUT = 1024,		/* outputs of the controller */
	SIM_INBOX = 128,	/* of a process that is paused */
	SIM_SEEN = 64,		/* messages that the hostile gateway can replay */
	SIM_ASKED = 64,		/* releases remembered for each id */
};

enum sim_event_kind {
	SIM_EV_PACKET,		/* ref: the packet */
	SIM_EV_GW_WAKE,		/* a: gateway, b: VM */
	SIM_EV_CTL_WAKE,	/* b: id */
	SIM_EV_IDLE,		/* a, b: id: the kernel's idle timer */
	SIM_EV_LEASE,		/* a: lease or renewal of the agent is due */
	SIM_EV_DIAL,		/* a: the agent tries to connect */
	SIM_EV_GIVE_UP,		/* a, ref: connection; no answer came */
	SIM_EV_CUT_GW,		/* a, ref: the agent notices the end of the connection */
	SIM_EV_CUT_CTL,		/* the controller does */
	SIM_EV_COMMIT,		/* the disk is done */
	SIM_EV_SENT,		/* the controller goes on after it */
	SIM_EV_OVER,		/* a: a lease is over for the controller */
	SIM_EV_TRAFFIC,		/* b: VM */
	SIM_EV_FAULT,
	SIM_EV_ORDER,
	SIM_EV_HOSTILE,
	SIM_EV_HEAL,		/* a, b: direction */
	SIM_EV_POWER,		/* a: on again */
	SIM_EV_THAW,		/* a: paused process goes on, 0 the controller */
	SIM_EV_BOOT,		/* the controller is back */
	SIM_EV_RECONCILE,	/* a: the agent looks through the kernel's table */
	SIM_EV_KINDS,
};

struct sim_event {
	int64_t at;
	uint32_t seq;		/* among those of the same time */
	uint32_t ref;
	uint8_t kind, a, b;
};

/* What may go wrong in this world, drawn from the seed. Chances in 1/1000. */
struct sim_plan {
	unsigned int honest, vms, ids;
	bool hostile, attack_goes_on;
	int target;		/* VM that the attack is about, -1 all */
	uint8_t mode;
	bool stream;		/* messages in order, lost only with their connection */
	int delays;		/* 0 fast, 1 far away, 2 anything up to minutes */
	unsigned int lose, repeat;
	unsigned int full;	/* a kernel has no memory for what it is asked */
	int64_t fault_every, order_every, hostile_every;	/* ms; 0 never */
	unsigned int crash, partition, pause, skew, delete_map;	/* weights of faults */
	int64_t lease_ms[SIM_GWS + 1];	/* 0: the operator fences */
	int32_t ppm[SIM_GWS + 1];	/* drift of the gateway's clock */
	uint64_t preset[SIM_GWS + 1];	/* idle timeout that the gateway asks for */
	int64_t quarantine;
	int64_t fsync_ms;
	int64_t talk_ms;
	unsigned int steps;	/* then faults stop */
	bool kill_one;		/* a gateway dies for ever at the end */
	bool helped;		/* the orchestrator helps at the end */
};

enum sim_map_state { SIM_NONE, SIM_HELD, SIM_ACTIVE, SIM_MOVING_OUT, SIM_RELEASING };

/* As kmod/control.c does it. Times by the gateway's clock. */
struct sim_map {
	uint8_t state;		/* enum sim_map_state, numbers of roamnat.h */
	bool touched;		/* while held */
	bool idle_queued;	/* SIM_EV_IDLE is in the queue */
	int vm;
	uint64_t epoch, incarnation;
	struct rn_public pub;
	int64_t preset, last_used, frozen_elapsed;
	int64_t held_at;	/* true time of the last packet held */
};

struct sim_kernel {
	uint64_t incarnation, incarnation_max;
	int64_t lease_end;	/* 0: without end */
	struct sim_map map[SIM_IDS + 1];
	uint64_t floor[SIM_IDS + 1];
	int64_t refused_until[SIM_VMS];
};

enum sim_session { SIM_DOWN, SIM_HELLO, SIM_REGISTERING, SIM_SYNC, SIM_UP };

struct sim_gw {
	struct sim_kernel kernel;
	struct own_gw_entry entry[SIM_VMS];
	int64_t wake_at[SIM_VMS];	/* queued for, or OWN_NEVER */
	bool on;		/* powered */
	bool dead;		/* will not come back */
	bool paused;		/* the agent; the kernel goes on */
	bool wrong_mode;	/* configured with the other report mode */
	uint8_t session;	/* enum sim_session */
	uint32_t conn;		/* 0 none */
	uint64_t nonce;
	int64_t asked_at;	/* when REGISTER was sent */
	uint64_t renew_nonce;
	int64_t renew_sent, renew_at, lease_ms;
	int64_t lease_wake;	/* SIM_EV_LEASE is queued for */
	/* inputs that wait while paused */
	uint16_t inbox[SIM_INBOX];
	unsigned int n_inbox;
	uint32_t missed;	/* bit of a VM */
	uint64_t idle_epoch[SIM_IDS + 1];
	bool cut;		/* the connection ended meanwhile */
};

struct sim_packet {
	uint32_t conn;		/* of a session message or a stream, 0: any */
	uint8_t from, to;
	uint8_t refs;
	unsigned char head[RN_MSG_HEAD];
};

/* What the store keeps of a record. */
struct sim_row {
	uint8_t state;
	uint32_t owner;
	uint64_t epoch, preset;
	int64_t free_at;
	struct rn_private vm;
	int64_t released_at;	/* ghost: when this row was released */
};

enum sim_out_kind { SIM_OUT_SEND, SIM_OUT_SAVE, SIM_OUT_SAVE_GW };

struct sim_out {
	uint8_t kind, id;
	uint32_t to;
	bool fenced;
	uint64_t incarnation;
	struct sim_row row;
	unsigned char head[RN_MSG_HEAD];
};

struct sim_ctl {
	bool up, paused;
	struct own_ctl_rec rec[SIM_IDS + 1];
	int64_t wake_at[SIM_IDS + 1];
	struct own_ctl_gw gw[SIM_GWS + 1];
	uint64_t incarnation[SIM_GWS + 1];
	bool fenced[SIM_GWS + 1];
	int64_t renewed_at[SIM_GWS + 1];
	uint32_t conn[SIM_GWS + 1];
	bool fresh[SIM_GWS + 1];
	uint32_t serial, serial_of[SIM_GWS + 1], named[SIM_IDS + 1];
	uint64_t registered[SIM_GWS + 1];	/* output that must be on disk first */
	/* of sim.out: from `head` on; before `durable` they are on disk */
	uint64_t head, durable, tail;
	uint64_t batch;		/* the disk writes up to here; 0 it is idle */
	bool sent_queued;
	struct sim_row disk[SIM_IDS + 1];
	uint64_t disk_incarnation[SIM_GWS + 1];
	bool disk_fenced[SIM_GWS + 1];
	uint16_t inbox[SIM_INBOX];
	unsigned int n_inbox;
};

/* What was true, whatever the machines remember. */
struct sim_ghost {
	uint8_t granted[SIM_IDS + 1][SIM_EPOCHS];
	struct {
		uint64_t epoch, incarnation;
		uint32_t gw;
	} asked[SIM_IDS + 1][SIM_ASKED];	/* REL of honest gateways */
	uint64_t top[SIM_IDS + 1];	/* highest epoch translated, */
	uint32_t top_gw[SIM_IDS + 1];	/* and where */
	uint8_t active[SIM_IDS + 1];	/* gateways whose kernel has it active, bits */
	int last_vm[SIM_IDS + 1];
	int64_t released_at[SIM_IDS + 1];
	int64_t used_at[SIM_VMS];	/* last packet translated or held */
};

struct sim_totals;

struct sim {
	uint64_t seed, rng;
	int64_t now;		/* ms; the controller's clock, and the truth */
	struct sim_plan plan;
	bool calm;		/* faults have stopped */
	bool trace;
	uint64_t steps, deliveries;
	uint32_t seq, conns, at_once;
	unsigned int hostile;	/* its number, 0 none */
	int vm_at[SIM_VMS];
	bool talks[SIM_VMS];	/* at the end */
	int64_t calm_since, settle_after;
	struct sim_gw gw[SIM_GWS + 1];
	struct sim_ctl ctl;
	bool blocked[SIM_GWS + 1][SIM_GWS + 1];
	int64_t stream_at[SIM_GWS + 1][SIM_GWS + 1];	/* last of a stream arrives */
	struct sim_packet packet[SIM_PACKETS];
	uint16_t free_packet[SIM_PACKETS];
	unsigned int n_free;
	struct sim_event queue[SIM_QUEUE];
	unsigned int n_queue;
	struct sim_out out[SIM_OUT];
	struct rn_msg seen[SIM_SEEN];
	unsigned int n_seen;
	struct sim_ghost ghost;
	struct sim_totals *totals;
	char failure[200];	/* empty while all invariants hold */
};

/* ---- world.c ---- */
uint64_t sim_random(struct sim *s);
unsigned int sim_below(struct sim *s, unsigned int n);
bool sim_chance(struct sim *s, unsigned int of_1000);
int64_t sim_between(struct sim *s, int64_t low, int64_t high);
uint32_t sim_any_honest(struct sim *s);
void sim_at(struct sim *s, int64_t at, enum sim_event_kind kind, unsigned int a, unsigned int b,
	    uint32_t ref);
/* The whole life of one world; false when an invariant was broken. */
bool sim_run(struct sim *s, uint64_t seed, bool trace, struct sim_totals *totals);
struct rn_private sim_vm(int vm);
int sim_vm_number(const struct rn_private *vm);
int64_t sim_gw_clock(const struct sim *s, uint32_t g);
/* When the gateway's clock will show `at`. */
int64_t sim_gw_time(const struct sim *s, uint32_t g, int64_t at);

/* ---- trace.c ---- */
#define sim_say(s, ...) do {					\
	if (__builtin_expect((s)->trace, 0))			\
		sim_trace(s, __VA_ARGS__);			\
} while (0)
void sim_trace(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_fail(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3), cold));
/* Prints all lines as they come, or keeps the last ones for sim_trace_end. */
void sim_trace_begin(bool all);
void sim_trace_end(void);

/* ---- plan.c ---- */
void sim_plan(struct sim *s);

/* ---- net.c ---- */
void sim_post(struct sim *s, uint32_t from, uint32_t to, const struct rn_msg *msg);
void sim_post_session(struct sim *s, uint32_t from, uint32_t to, uint32_t conn,
		      const struct rn_msg *msg);
void sim_arrive(struct sim *s, uint32_t ref);
void sim_partition(struct sim *s, uint32_t a, uint32_t b, bool both);
void sim_heal(struct sim *s, uint32_t from, uint32_t to);
void sim_hand_over(struct sim *s, uint32_t to);	/* what waited while paused */
void sim_drop_inbox(struct sim *s, uint32_t to);

/* ---- kernel.c ---- */
int sim_kernel_do(struct sim *s, uint32_t g, const struct own_act *act, struct rn_timer *timer);
int sim_kernel_session(struct sim *s, uint32_t g, uint64_t incarnation, int64_t lease_end);
void sim_kernel_flush(struct sim *s, uint32_t g);
void sim_kernel_clear(struct sim *s, uint32_t g);
bool sim_lease_runs(const struct sim *s, uint32_t g);
bool sim_current(const struct sim_kernel *k, const struct sim_map *m);
struct sim_map *sim_map_of(struct sim *s, uint32_t g, int vm, unsigned int *id);
struct rn_timer sim_map_timer(const struct sim *s, uint32_t g, const struct sim_map *m);
void sim_kernel_remove(struct sim *s, uint32_t g, unsigned int id);

/* ---- agent.c ---- */
void sim_gw_event(struct sim *s, uint32_t g, int vm, const struct own_gw_event *event);
void sim_gw_everyone(struct sim *s, uint32_t g, enum own_gw_event_type type);
void sim_gw_message(struct sim *s, uint32_t g, uint32_t from, const struct rn_msg *msg);
void sim_gw_wake(struct sim *s, uint32_t g, int vm);
void sim_gw_told(struct sim *s, uint32_t g, int vm, uint32_t dst);
void sim_gw_release(struct sim *s, uint32_t g, int vm);
void sim_gw_deleted(struct sim *s, uint32_t g, unsigned int id);
void sim_reconcile(struct sim *s, uint32_t g);
void sim_traffic(struct sim *s, int vm);
void sim_idle(struct sim *s, uint32_t g, unsigned int id);
void sim_idle_start(struct sim *s, uint32_t g, unsigned int id);
void sim_agent_restart(struct sim *s, uint32_t g);
void sim_gw_crash(struct sim *s, uint32_t g, int64_t off_ms);
void sim_gw_power(struct sim *s, uint32_t g);
void sim_gw_thaw(struct sim *s, uint32_t g);

/* ---- session.c: both ends of it ---- */
void sim_dial(struct sim *s, uint32_t g);
void sim_gw_cut(struct sim *s, uint32_t g, uint32_t conn);
void sim_gw_give_up(struct sim *s, uint32_t g, uint32_t conn);
void sim_gw_lease(struct sim *s, uint32_t g);
void sim_gw_session_message(struct sim *s, uint32_t g, uint32_t conn, const struct rn_msg *msg);
bool sim_is_session(uint8_t type);
void sim_ctl_session_message(struct sim *s, uint32_t g, uint32_t conn, const struct rn_msg *msg);
void sim_ctl_cut(struct sim *s, uint32_t g, uint32_t conn);
void sim_break(struct sim *s, uint32_t g, int64_t ms);	/* both ends notice within ms */

/* ---- controller.c ---- */
void sim_ctl_init(struct sim *s);
void sim_ctl_event(struct sim *s, unsigned int id, const struct own_ctl_event *event);
void sim_ctl_message(struct sim *s, uint32_t from, const struct rn_msg *msg);
void sim_ctl_wake(struct sim *s, unsigned int id);
void sim_ctl_refresh(struct sim *s, uint32_t g);
void sim_ctl_everyone(struct sim *s, uint32_t g, enum own_ctl_event_type type);
void sim_ctl_lease_start(struct sim *s, uint32_t g);
void sim_ctl_over(struct sim *s, uint32_t g);
void sim_ctl_fence(struct sim *s, uint32_t g);
void sim_ctl_order(struct sim *s, int vm, uint32_t dst, enum own_ctl_event_type type);
int sim_ctl_record_of(const struct sim *s, int vm);	/* 0: none granted */
bool sim_granted(uint8_t state);

/* ---- disk.c: what is durable, and what leaves after it ---- */
void sim_out_send(struct sim *s, uint32_t to, const struct rn_msg *msg);
void sim_out_save(struct sim *s, unsigned int id);
void sim_out_save_gw(struct sim *s, uint32_t g);
void sim_out_release(struct sim *s);
void sim_commit(struct sim *s);
void sim_sent(struct sim *s);
void sim_ctl_crash(struct sim *s, int64_t down_ms);
void sim_ctl_boot(struct sim *s);
void sim_ctl_thaw(struct sim *s);

/* ---- fault.c, hostile.c, calm.c ---- */
void sim_fault(struct sim *s);
void sim_order(struct sim *s);
void sim_hostile(struct sim *s);
void sim_hostile_sees(struct sim *s, const struct rn_msg *msg);
void sim_calm(struct sim *s);
/* Once a second; true when everything has come right. */
bool sim_calm_second(struct sim *s);

/* ---- check.c ---- */
void sim_check_id(struct sim *s, unsigned int id);
void sim_check_ctl_step(struct sim *s, unsigned int id, const struct sim_row *old,
			const struct own_ctl_event *event);
void sim_check_told(struct sim *s, uint32_t to, const struct rn_msg *msg);
void sim_check_over(struct sim *s, uint32_t g);
void sim_check_asked(struct sim *s, uint32_t g, const struct rn_msg *msg);
void sim_check_idle(struct sim *s, uint32_t g, int vm, const struct rn_timer *timer);

/* ---- count.c ---- */
#define SIM_FAULTS(X) \
	X(lost) X(repeated) X(late) X(overtaken) X(full) X(partition_both) X(partition_one) \
	X(healed) X(gateway_crash) X(agent_restart) X(controller_crash) X(crash_torn) \
	X(crash_unsent) X(agent_paused) X(controller_paused) X(old_inputs) X(deleted) \
	X(no_memory) X(wrong_mode) X(mode_refused) X(cut) X(hostile_sent) \
	X(hostile_replayed) X(lease_lapsed) X(lease_over) X(renewal_refused) X(fenced) \
	X(order_migrate) X(order_takeover) X(takeover_gateway) X(order_wrong) X(reclaim) \
	X(vm_moved) X(released_by_hand) X(registered) X(reconnected) X(idle_reported) \
	X(quarantine_other_vm) X(quarantine_same_vm) X(killed_for_ever) X(unhelped_end) \
	X(attacked_end)

enum sim_fault_kind {
#define X(name) SIM_F_##name,
	SIM_FAULTS(X)
#undef X
	SIM_FAULT_KINDS
};

enum {
	SIM_GW_CELLS = OWN_GW_EV_MAX + 1 + RN_MSG_TYPE_MAX + 1 + 2 * (OWN_ACT_REFUSE + 1),
	SIM_CTL_CELLS = OWN_CTL_EV_MAX + 1 + RN_MSG_TYPE_MAX + 1,
};

struct sim_totals {
	uint64_t seeds, failed, steps, deliveries, virtual_ms;
	uint64_t fault[SIM_FAULT_KINDS];
	uint64_t gw[SIM_GW_CELLS][OWN_GW_STATE_MAX + 1];
	uint64_t ctl[SIM_CTL_CELLS][OWN_CTL_STATE_MAX + 1];
	uint64_t gw_move[OWN_GW_STATE_MAX + 1][OWN_GW_STATE_MAX + 1];
	uint64_t ctl_move[OWN_CTL_STATE_MAX + 1][OWN_CTL_STATE_MAX + 1];
	uint64_t note[OWN_NOTE_MAX + 1];
};

#define sim_count(s, name) ((s)->totals->fault[SIM_F_##name]++)
void sim_count_gw(struct sim_totals *t, uint8_t before, uint8_t doing,
		  const struct own_gw_event *event);
void sim_count_ctl(struct sim_totals *t, uint8_t before, const struct own_ctl_event *event);
void sim_report(const struct sim_totals *t);

#endif
