/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of an sk_buff as kmod's pure files use: a linear part and the rest in
 * pages, each in an allocation of its own size, so that ASan sees a read or a
 * write beyond either. Making more of it linear, or taking it from a clone, moves
 * it: a pointer that was kept points to freed memory then.
 */
#ifndef _SHIM_SKBUFF_H
#define _SHIM_SKBUFF_H

#include <linux/types.h>

#define CHECKSUM_NONE 0
#define CHECKSUM_UNNECESSARY 1
#define CHECKSUM_COMPLETE 2
#define CHECKSUM_PARTIAL 3

struct sk_buff {
	unsigned char *data;
	unsigned char *pages;
	unsigned int len;
	unsigned int data_len;		/* of len, in pages */
	u8 ip_summed;
	bool gso;
	bool no_memory;			/* for a header that would have to move */
	unsigned int csum_start;	/* from data */
	unsigned int csum_offset;
	__wsum csum;
};

static inline unsigned int skb_headlen(const struct sk_buff *skb)
{
	return skb->len - skb->data_len;
}

static inline bool skb_is_gso(const struct sk_buff *skb)
{
	return skb->gso;
}

static inline int skb_checksum_start_offset(const struct sk_buff *skb)
{
	return skb->csum_start;
}

int skb_copy_bits(const struct sk_buff *skb, int offset, void *to, int len);
void *skb_header_pointer(const struct sk_buff *skb, int offset, int len, void *buffer);
int skb_ensure_writable(struct sk_buff *skb, unsigned int len);
__wsum skb_checksum(const struct sk_buff *skb, int offset, int len, __wsum csum);

#endif
