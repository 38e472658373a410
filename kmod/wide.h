/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An address of any family as a number, for comparing and for prefixes. Pure.
 */
#ifndef _RNAT_WIDE_H
#define _RNAT_WIDE_H

#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/netfilter.h>
#include <linux/types.h>

struct rnat_wide {
	u64 high, low;		/* of IPv4 the lower half of low */
};

static inline struct rnat_wide rnat_wide_of6(const struct in6_addr *addr)
{
	return (struct rnat_wide) {
		.high = (u64)ntohl(addr->s6_addr32[0]) << 32 |
			ntohl(addr->s6_addr32[1]),
		.low = (u64)ntohl(addr->s6_addr32[2]) << 32 |
		       ntohl(addr->s6_addr32[3]),
	};
}

static inline struct rnat_wide rnat_wide_of(u32 family,
					    const union nf_inet_addr *addr)
{
	if (family == NFPROTO_IPV6)
		return rnat_wide_of6(&addr->in6);
	return (struct rnat_wide) { .low = ntohl(addr->ip) };
}

static inline void rnat_wide_get(const struct rnat_wide *wide, u32 family,
				 union nf_inet_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (family != NFPROTO_IPV6) {
		addr->ip = htonl(wide->low);
		return;
	}
	addr->ip6[0] = htonl(wide->high >> 32);
	addr->ip6[1] = htonl(wide->high);
	addr->ip6[2] = htonl(wide->low >> 32);
	addr->ip6[3] = htonl(wide->low);
}

static inline int rnat_wide_cmp(const struct rnat_wide *x,
				const struct rnat_wide *y)
{
	if (x->high != y->high)
		return x->high < y->high ? -1 : 1;
	return x->low < y->low ? -1 : x->low > y->low;
}

/* The last address of the prefix of @len bits that begins at @first: -EINVAL
 * if none does, because there are host bits.
 */
static inline int rnat_wide_last(const struct rnat_wide *first, u32 family,
				 u32 len, struct rnat_wide *last)
{
	struct rnat_wide host;

	if (family != NFPROTO_IPV6)
		len += 96;
	host.high = len < 64 ? U64_MAX >> len : 0;
	host.low = len <= 64 ? U64_MAX :
		   len < 128 ? U64_MAX >> (len - 64) : 0;
	last->high = first->high | host.high;
	last->low = first->low | host.low;
	return first->high & host.high || first->low & host.low ? -EINVAL : 0;
}

#endif
