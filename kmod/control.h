/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one writer of sessions, mappings and floors: the gateway's half of
 * docs/protocol.md as far as it must hold without user space. Every function
 * is called under the namespace's mutex, in process context, and returns when
 * no packet is treated by the old rule any more. A refusal leaves a sentence.
 */
#ifndef _RNAT_CONTROL_H
#define _RNAT_CONTROL_H

#include <linux/types.h>

#include "tuple.h"

struct netlink_ext_ack;
struct nlattr;
struct rnat_binding_info;
struct rnat_map;
struct rnat_net;

/* What mapping-new asks for. */
struct rnat_grant {
	u64 id;
	u64 epoch;
	u64 incarnation;
	u32 state;		/* active or held */
	u32 kind;		/* enum roamnat_kind */
	u32 ports;		/* of a block */
	struct rnat_key priv;
	struct rnat_key pub;
	bool has_timer;		/* else that of the entry goes on */
	u64 preset_ms;
	u64 elapsed_ms;
	/* The bindings of a block, one after the other; false at the end. */
	bool (*next_binding)(struct rnat_grant *grant,
			     struct rnat_binding_info *info);
	const struct nlattr *binding; /* its cursor */
	int binding_rem;
};

int rnat_control_session(struct rnat_net *rn, u64 incarnation, u64 lease_end,
			 struct netlink_ext_ack *extack);
int rnat_control_new(struct rnat_net *rn, struct rnat_grant *grant,
		     struct netlink_ext_ack *extack);
/*
 * @state: moving-out or releasing. @awaited: packets are held until
 * rnat_control_forward(). The frozen mapping goes to @frozen.
 */
int rnat_control_freeze(struct rnat_net *rn, u64 id, u64 epoch, u32 state,
			bool awaited, struct rnat_map **frozen,
			struct netlink_ext_ack *extack);
/* @state: moving-out or moved. @way: number of the way that packets take. */
int rnat_control_forward(struct rnat_net *rn, u64 id, u64 epoch, u32 state,
			 u32 way, struct netlink_ext_ack *extack);
/* Its time as a moved one is over, unless something has happened to it. */
void rnat_control_forget(struct rnat_net *rn, u64 id);
int rnat_control_del(struct rnat_net *rn, u64 id, u64 epoch,
		     struct netlink_ext_ack *extack);
/* Deletes what is not of the current incarnation. */
void rnat_control_flush(struct rnat_net *rn);
int rnat_control_floor(struct rnat_net *rn, u64 id, u64 epoch,
		       struct netlink_ext_ack *extack);

#endif
