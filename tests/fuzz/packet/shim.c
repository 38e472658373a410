// SPDX-License-Identifier: GPL-2.0
/* The functions of shim/linux/skbuff.h and shim/net/checksum.h. */
#include <linux/skbuff.h>
#include <net/checksum.h>
#include <stdlib.h>

int skb_copy_bits(const struct sk_buff *skb, int offset, void *to, int len)
{
	unsigned int head = skb_headlen(skb), n = 0;

	if (offset < 0 || len < 0 || (unsigned int)offset > skb->len ||
	    (unsigned int)len > skb->len - offset)
		return -EFAULT;
	if ((unsigned int)offset < head) {
		n = min_t(unsigned int, len, head - offset);
		memcpy(to, skb->data + offset, n);
	}
	if (n < (unsigned int)len)
		memcpy((u8 *)to + n, skb->pages + offset + n - head, len - n);
	return 0;
}

void *skb_header_pointer(const struct sk_buff *skb, int offset, int len, void *buffer)
{
	if (offset >= 0 && (u64)offset + len <= skb_headlen(skb))
		return skb->data + offset;
	return skb_copy_bits(skb, offset, buffer, len) ? NULL : buffer;
}

/* Always somewhere else, as for a clone; the kernel may leave it where it is. */
int skb_ensure_writable(struct sk_buff *skb, unsigned int len)
{
	unsigned int head = max_t(unsigned int, len, skb_headlen(skb));
	unsigned char *data, *pages;

	if (len > skb->len || skb->no_memory)
		return -ENOMEM;
	data = malloc(head);
	pages = malloc(skb->len - head);
	if (!data || !pages)
		abort();
	skb_copy_bits(skb, 0, data, head);
	skb_copy_bits(skb, head, pages, skb->len - head);
	free(skb->data);
	free(skb->pages);
	skb->data = data;
	skb->pages = pages;
	skb->data_len = skb->len - head;
	return 0;
}

__wsum skb_checksum(const struct sk_buff *skb, int offset, int len, __wsum csum)
{
	u64 sum = csum;
	u8 pair[2];
	int i;

	for (i = 0; i < len; i += 2) {
		pair[1] = 0;
		if (skb_copy_bits(skb, offset + i, pair, min_t(int, 2, len - i)))
			abort();
		sum += pair[0] | pair[1] << 8;
	}
	while (sum >> 32)
		sum = (sum & UINT32_MAX) + (sum >> 32);
	return sum;
}

__wsum csum_partial(const void *data, int len, __wsum csum)
{
	const u8 *p = data;
	u64 sum = csum;
	int i;

	for (i = 0; i < len; i++)
		sum += (u64)p[i] << (i % 2 ? 8 : 0);
	while (sum >> 32)
		sum = (sum & UINT32_MAX) + (sum >> 32);
	return sum;
}

/* As the kernel has it: a pending checksum is that of the pseudo header, not
 * inverted; what a device has summed follows each byte that is not made up for.
 */
static void replace(__sum16 *sum, struct sk_buff *skb, __wsum from, __wsum to, bool pseudohdr)
{
	if (skb->ip_summed != CHECKSUM_PARTIAL) {
		*sum = csum_fold(csum_add(csum_sub(~csum_unfold(*sum), from), to));
		if (skb->ip_summed == CHECKSUM_COMPLETE && pseudohdr)
			skb->csum = ~csum_add(csum_sub(~skb->csum, from), to);
	} else if (pseudohdr) {
		*sum = ~csum_fold(csum_add(csum_sub(csum_unfold(*sum), from), to));
	}
}

void inet_proto_csum_replace4(__sum16 *sum, struct sk_buff *skb, __be32 from, __be32 to,
			      bool pseudohdr)
{
	replace(sum, skb, from, to, pseudohdr);
}

void inet_proto_csum_replace16(__sum16 *sum, struct sk_buff *skb, const __be32 *from,
			       const __be32 *to, bool pseudohdr)
{
	__wsum old = 0, new = 0, csum = skb->csum;
	int i;

	for (i = 0; i < 4; i++) {
		old = csum_add(old, from[i]);
		new = csum_add(new, to[i]);
	}
	replace(sum, skb, old, new, pseudohdr);
	/* Address and checksum cancel each other: no IP header has a sum here. */
	skb->csum = csum;
}
