/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the segments of a TCP connection say about how long its binding is
 * needed (RFC 7857, section 2).
 *
 *            SYN of the other side      FINs of both, or a RST
 *   OPENING ──────────────────► ESTABLISHED ──────────────────► CLOSING
 *      │  ▲                       ▲      ▲   anything after the RST │  │
 *      │  │                 other │      └──────────────────────────┘  │
 *      │  └───────────────remote──┼──────────────── a new SYN ─────────┤
 *      └──── RST ─────────────────┼────────────────────────────────────┘
 *
 * A binding has one state, whatever the number of its connections: once the
 * private port has spoken to a second remote endpoint while the first one's
 * connection was not over, ends cannot be told any more, and it stays
 * established until it is idle.
 *
 * Pure: no skb is changed, and nothing of this module is needed.
 */
#ifndef _RNAT_TCP_H
#define _RNAT_TCP_H

#include <linux/bits.h>
#include <linux/types.h>

struct rnat_tuple;
struct sk_buff;

/* rnat_tcp.seen; the first five travel with the binding. */
#define RNAT_TCP_SYN_OUT	BIT(0)
#define RNAT_TCP_SYN_IN		BIT(1)
#define RNAT_TCP_FIN_OUT	BIT(2)
#define RNAT_TCP_FIN_IN		BIT(3)
#define RNAT_TCP_RESET		BIT(4)
#define RNAT_TCP_TRAVELS	0x1f
#define RNAT_TCP_MANY		BIT(5)	/* more than one remote endpoint */

/* The flags of a segment, as they stand in the header. */
#define RNAT_TCP_FLAG_FIN	0x01
#define RNAT_TCP_FLAG_SYN	0x02
#define RNAT_TCP_FLAG_RST	0x04
#define RNAT_TCP_FLAG_ACK	0x10

struct rnat_tcp {
	u32 remote;		/* rnat_tcp_remote(); 0: not known */
	u8 state;		/* enum roamnat_binding_state */
	u8 seen;
};

/* The flags of the segment that @t was parsed from; RST if it cannot be read,
 * which changes least.
 */
u8 rnat_tcp_flags(const struct sk_buff *skb, const struct rnat_tuple *t);

/* May it be the first of a connection (RFC 7857, section 2.1)? */
bool rnat_tcp_opens(u8 flags);

/*
 * Which remote endpoint a packet goes to or comes from. The same number on
 * every gateway, since bindings travel; who finds two endpoints with one number
 * can end what he could end by a forged source anyway. The lowest bits, those
 * of RNAT_TCP_TRAVELS, are 0.
 */
u32 rnat_tcp_remote(const struct rnat_tuple *t, bool outbound);

/* A binding begins with this segment, which rnat_tcp_opens(). */
void rnat_tcp_begin(struct rnat_tcp *tcp, u32 remote);
/*
 * A segment was translated: the new state. Returns whether it counts as use of
 * the binding, so that its time begins anew.
 */
bool rnat_tcp_advance(struct rnat_tcp *tcp, u8 flags, u32 remote,
		      bool outbound);

#endif
