// SPDX-License-Identifier: GPL-2.0
#include "tcp.h"

#include <linux/jhash.h>
#include <linux/skbuff.h>
#include <uapi/linux/roamnat.h>

#include "tuple.h"

/* Where the flags stand in a TCP header (RFC 9293, 3.1). */
#define FLAGS_OFFSET	13

#define BOTH_SYNS	(RNAT_TCP_SYN_OUT | RNAT_TCP_SYN_IN)
#define BOTH_FINS	(RNAT_TCP_FIN_OUT | RNAT_TCP_FIN_IN)

u8 rnat_tcp_flags(const struct sk_buff *skb, const struct rnat_tuple *t)
{
	const u8 *flags;
	u8 _flags;

	flags = skb_header_pointer(skb, t->thoff + FLAGS_OFFSET,
				   sizeof(_flags), &_flags);
	return flags ? *flags : RNAT_TCP_FLAG_RST;
}

bool rnat_tcp_opens(u8 flags)
{
	return (flags & (RNAT_TCP_FLAG_SYN | RNAT_TCP_FLAG_ACK |
			 RNAT_TCP_FLAG_RST)) == RNAT_TCP_FLAG_SYN;
}

u32 rnat_tcp_remote(const struct rnat_tuple *t, bool outbound)
{
	const union nf_inet_addr *addr = outbound ? &t->dst : &t->src;
	__be16 port = outbound ? t->dport : t->sport;

	return jhash2(addr->all, ARRAY_SIZE(addr->all), (__force u16)port) &
	       ~(u32)RNAT_TCP_TRAVELS;
}

void rnat_tcp_begin(struct rnat_tcp *tcp, u32 remote)
{
	tcp->remote = remote;
	tcp->state = ROAMNAT_BINDING_STATE_OPENING;
	tcp->seen = RNAT_TCP_SYN_OUT;
}

/* A segment to or from another endpoint than the one that is known. */
static bool advance_other(struct rnat_tcp *tcp, u8 flags, u32 remote,
			  bool outbound)
{
	/* A stranger, or the answer that turns him away, says nothing about
	 * the connection, and must not keep its binding (RFC 7857, 7.1).
	 */
	if (!outbound || (flags & RNAT_TCP_FLAG_RST))
		return false;
	if (tcp->state == ROAMNAT_BINDING_STATE_CLOSING &&
	    rnat_tcp_opens(flags)) {
		rnat_tcp_begin(tcp, remote);
	} else {
		tcp->state = ROAMNAT_BINDING_STATE_ESTABLISHED;
		tcp->seen |= RNAT_TCP_MANY;
	}
	return true;
}

static bool advance_syn(struct rnat_tcp *tcp, u8 syn)
{
	if (tcp->state == ROAMNAT_BINDING_STATE_CLOSING) {
		tcp->state = ROAMNAT_BINDING_STATE_OPENING;
		tcp->seen = 0;
	}
	tcp->seen |= syn;
	if (tcp->state == ROAMNAT_BINDING_STATE_OPENING &&
	    (tcp->seen & BOTH_SYNS) == BOTH_SYNS)
		tcp->state = ROAMNAT_BINDING_STATE_ESTABLISHED;
	return true;
}

bool rnat_tcp_advance(struct rnat_tcp *tcp, u8 flags, u32 remote, bool outbound)
{
	if (tcp->seen & RNAT_TCP_MANY)
		return !(flags & RNAT_TCP_FLAG_RST);
	/* It came from another gateway, which did not know either. */
	if (!tcp->remote && outbound)
		tcp->remote = remote;
	if (remote != tcp->remote)
		return advance_other(tcp, flags, remote, outbound);
	if (flags & RNAT_TCP_FLAG_RST) {
		if (tcp->state != ROAMNAT_BINDING_STATE_CLOSING)
			tcp->seen |= RNAT_TCP_RESET;
		tcp->state = ROAMNAT_BINDING_STATE_CLOSING;
		return false;
	}
	if (flags & RNAT_TCP_FLAG_SYN)
		return advance_syn(tcp, outbound ? RNAT_TCP_SYN_OUT :
						   RNAT_TCP_SYN_IN);
	if (tcp->state == ROAMNAT_BINDING_STATE_CLOSING) {
		/* The last acknowledgment of a connection that has ended. */
		if (!(tcp->seen & RNAT_TCP_RESET))
			return false;
		/* The reset was not believed (RFC 7857, 2.3). */
		tcp->state = ROAMNAT_BINDING_STATE_ESTABLISHED;
		tcp->seen = BOTH_SYNS;
	}
	if (flags & RNAT_TCP_FLAG_FIN) {
		tcp->seen |= outbound ? RNAT_TCP_FIN_OUT : RNAT_TCP_FIN_IN;
		if (tcp->state == ROAMNAT_BINDING_STATE_ESTABLISHED &&
		    (tcp->seen & BOTH_FINS) == BOTH_FINS) {
			tcp->state = ROAMNAT_BINDING_STATE_CLOSING;
			return true;
		}
	}
	return tcp->state == ROAMNAT_BINDING_STATE_ESTABLISHED;
}
