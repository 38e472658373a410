/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_IP6_CHECKSUM_H
#define _SHIM_IP6_CHECKSUM_H

#include <linux/in6.h>
#include <net/checksum.h>

static inline __sum16 csum_ipv6_magic(const struct in6_addr *src, const struct in6_addr *dst,
				      u32 len, u8 proto, __wsum sum)
{
	sum = csum_partial(src, sizeof(*src), csum_partial(dst, sizeof(*dst), sum));
	return csum_fold(csum_add(csum_add(sum, htonl(len)), htonl(proto)));
}

#endif
