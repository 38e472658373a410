/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints, for what is too frequent or too detailed for counters and
 * notifications: /sys/kernel/tracing/events/roamnat. None is on the way of a
 * packet that is translated.
 */
#ifndef _RNAT_TRACE_PUT
#define _RNAT_TRACE_PUT

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/netfilter.h>
#include <linux/string.h>

/* What %pISpc prints, of either family. */
static inline void rnat_trace_put(u8 *to, u8 family, const void *addr,
				  __be16 port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *in = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*in6));
	if (family == NFPROTO_IPV6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = port;
		memcpy(&in6->sin6_addr, addr, sizeof(in6->sin6_addr));
		return;
	}
	in->sin_family = AF_INET;
	in->sin_port = port;
	memcpy(&in->sin_addr, addr, sizeof(in->sin_addr));
}

#endif

#undef TRACE_SYSTEM
#define TRACE_SYSTEM roamnat

#if !defined(_RNAT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _RNAT_TRACE_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/tracepoint.h>
#include <uapi/linux/roamnat.h>

#include "tuple.h"

TRACE_DEFINE_ENUM(ROAMNAT_STATE_HELD);
TRACE_DEFINE_ENUM(ROAMNAT_STATE_ACTIVE);
TRACE_DEFINE_ENUM(ROAMNAT_STATE_MOVING_OUT);
TRACE_DEFINE_ENUM(ROAMNAT_STATE_RELEASING);

/* 0 is no mapping: before it is installed, and after it has left the table. */
#define rnat_trace_state(state)						\
	__print_symbolic(state,						\
			 { 0, "none" },					\
			 { ROAMNAT_STATE_HELD, "held" },		\
			 { ROAMNAT_STATE_ACTIVE, "active" },		\
			 { ROAMNAT_STATE_MOVING_OUT, "moving-out" },	\
			 { ROAMNAT_STATE_RELEASING, "releasing" })

/* The agent was asked; it was not delivered if its socket is full or closed. */
TRACE_EVENT(rnat_miss,
	TP_PROTO(const struct rnat_key *key, u32 ifindex, bool delivered),
	TP_ARGS(key, ifindex, delivered),
	TP_STRUCT__entry(
		__array(u8, addr, sizeof(struct sockaddr_in6))
		__field(u32, zone)
		__field(u32, ifindex)
		__field(u8, proto)
		__field(bool, delivered)
	),
	TP_fast_assign(
		rnat_trace_put(__entry->addr, key->family, &key->addr,
			       key->port);
		__entry->zone = key->zone;
		__entry->ifindex = ifindex;
		__entry->proto = key->proto;
		__entry->delivered = delivered;
	),
	TP_printk("zone=%u private=%pISpc protocol=%u ifindex=%u %s",
		  __entry->zone, __entry->addr, __entry->proto,
		  __entry->ifindex, __entry->delivered ? "delivered" : "lost")
);

/* A grant, a freeze or a deletion took effect. */
TRACE_EVENT(rnat_state,
	TP_PROTO(u64 id, u64 epoch, u32 from, u32 to),
	TP_ARGS(id, epoch, from, to),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, epoch)
		__field(u32, from)
		__field(u32, to)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->epoch = epoch;
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("id=%llu epoch=%llu %s -> %s", __entry->id, __entry->epoch,
		  rnat_trace_state(__entry->from), rnat_trace_state(__entry->to))
);

/* @reason: ROAMNAT_A_COUNTER_*, the number of the counter that counts it. */
TRACE_EVENT(rnat_drop,
	TP_PROTO(const struct sk_buff *skb, u32 reason),
	TP_ARGS(skb, reason),
	TP_STRUCT__entry(
		__array(u8, src, sizeof(struct sockaddr_in6))
		__array(u8, dst, sizeof(struct sockaddr_in6))
		__field(u32, len)
		__field(u32, reason)
		__field(u8, proto)
	),
	TP_fast_assign(
		bool is_6 = skb->protocol == htons(ETH_P_IPV6);
		u8 family = is_6 ? NFPROTO_IPV6 : NFPROTO_IPV4;

		rnat_trace_put(__entry->src, family, is_6 ?
			       (void *)&ipv6_hdr(skb)->saddr :
			       (void *)&ip_hdr(skb)->saddr, 0);
		rnat_trace_put(__entry->dst, family, is_6 ?
			       (void *)&ipv6_hdr(skb)->daddr :
			       (void *)&ip_hdr(skb)->daddr, 0);
		__entry->len = skb->len;
		__entry->reason = reason;
		__entry->proto = is_6 ? ipv6_hdr(skb)->nexthdr :
					ip_hdr(skb)->protocol;
	),
	TP_printk("%pISc -> %pISc protocol=%u len=%u reason=%u", __entry->src,
		  __entry->dst, __entry->proto, __entry->len, __entry->reason)
);

#endif

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
