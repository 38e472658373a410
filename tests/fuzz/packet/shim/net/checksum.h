/* SPDX-License-Identifier: GPL-2.0 */
/* The arithmetic of RFC 1071 and RFC 1624 under the kernel's names. */
#ifndef _SHIM_CHECKSUM_H
#define _SHIM_CHECKSUM_H

#include <linux/types.h>

struct sk_buff;

#define CSUM_MANGLED_0 ((__sum16)0xffff)

static inline __sum16 csum_fold(__wsum csum)
{
	u32 sum = csum;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__sum16)~sum;
}

__wsum csum_partial(const void *data, int len, __wsum sum);

static inline __wsum csum_add(__wsum a, __wsum b)
{
	u32 sum = (u32)a + (u32)b;

	return sum + (sum < (u32)b);
}

static inline __wsum csum_sub(__wsum a, __wsum b)
{
	return csum_add(a, ~b);
}

static inline __wsum csum_unfold(__sum16 sum)
{
	return sum;
}

static inline void csum_replace(__wsum *csum, __wsum old, __wsum new)
{
	*csum = csum_add(csum_sub(*csum, old), new);
}

static inline void csum_replace4(__sum16 *sum, __be32 from, __be32 to)
{
	*sum = csum_fold(csum_add(csum_sub(~csum_unfold(*sum), from), to));
}

static inline void csum_replace2(__sum16 *sum, __be16 from, __be16 to)
{
	*sum = csum_fold(csum_add(csum_sub(~csum_unfold(*sum), from), to));
}

void inet_proto_csum_replace4(__sum16 *sum, struct sk_buff *skb, __be32 from, __be32 to,
			      bool pseudohdr);
void inet_proto_csum_replace16(__sum16 *sum, struct sk_buff *skb, const __be32 *from,
			       const __be32 *to, bool pseudohdr);

static inline void inet_proto_csum_replace2(__sum16 *sum, struct sk_buff *skb, __be16 from,
					    __be16 to, bool pseudohdr)
{
	inet_proto_csum_replace4(sum, skb, from, to, pseudohdr);
}

#endif
