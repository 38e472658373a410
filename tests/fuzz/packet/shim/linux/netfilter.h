/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_NETFILTER_H
#define _SHIM_NETFILTER_H

#include <linux/types.h>
#include_next <linux/netfilter.h>

static inline bool nf_inet_addr_cmp(const union nf_inet_addr *a, const union nf_inet_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

#endif
