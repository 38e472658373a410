/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which ports of a block are taken, and which one is given next.
 *
 * Pure: knows numbers only. TCP, UDP and ICMP echo have the same ports, each
 * for itself. A slot is a number for a port of one of them.
 */
#ifndef _RNAT_PORTS_H
#define _RNAT_PORTS_H

#include <linux/types.h>

#define RNAT_PORTS_PROTOS	3

struct rnat_ports {
	u32 count;			/* a power of two, at least 2 */
	u16 first;			/* a multiple of count */
	u32 used[RNAT_PORTS_PROTOS];
	unsigned long *taken;		/* bits: one for each slot */
};

#define RNAT_PORTS_NONE		U32_MAX

static inline u32 rnat_ports_slots(const struct rnat_ports *ports)
{
	return RNAT_PORTS_PROTOS * ports->count;
}

/* 0 TCP, 1 UDP, 2 ICMP and ICMPv6. */
u8 rnat_ports_index(u8 proto);
u32 rnat_ports_slot(const struct rnat_ports *ports, u8 proto, u16 port);
u16 rnat_ports_port(const struct rnat_ports *ports, u32 slot);
/* IPPROTO_ICMP stands for both. */
u8 rnat_ports_proto(const struct rnat_ports *ports, u32 slot);

/* @ports->taken is all zero: port 0, if it is among them, is nobody's. */
void rnat_ports_init(struct rnat_ports *ports);
/*
 * A free slot for a private port: hard to guess (RFC 6056), of the same range
 * where the block has that range (RFC 4787, REQ-3), and of the same parity if
 * @parity and one is free (REQ-4). RNAT_PORTS_NONE if there is none.
 */
u32 rnat_ports_choose(const struct rnat_ports *ports, u8 proto, u16 private,
		      bool parity);
void rnat_ports_take(struct rnat_ports *ports, u32 slot);
void rnat_ports_give(struct rnat_ports *ports, u32 slot);
bool rnat_ports_is_taken(const struct rnat_ports *ports, u32 slot);
/* The first slot from @slot on that is taken; RNAT_PORTS_NONE at the end. */
u32 rnat_ports_next(const struct rnat_ports *ports, u32 slot);

#endif
