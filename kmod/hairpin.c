// SPDX-License-Identifier: GPL-2.0
#include "hairpin.h"

#include <linux/bottom_half.h>
#include <linux/percpu.h>

#include "family.h"

/* @rn is compared only: it may be gone. */
struct note {
	const struct rnat_net *rn;
	union nf_inet_addr src, dst;
	__be16 sport, dport;
	__be16 id, length;
	u8 family, proto;
};

static DEFINE_PER_CPU(struct note, last);

/* What a header says of the one packet: nobody who forwards changes it. */
static bool read_header(const struct sk_buff *skb, const struct rnat_tuple *t,
			__be16 *id, __be16 *length)
{
	struct ipv6hdr buf6;
	struct iphdr buf;
	const struct ipv6hdr *ip6;
	const struct iphdr *ip;

	if (rnat_family_is_6(t->family)) {
		ip6 = skb_header_pointer(skb, t->nhoff, sizeof(buf6), &buf6);
		if (!ip6)
			return false;
		*id = 0;
		*length = ip6->payload_len;
		return true;
	}
	ip = skb_header_pointer(skb, t->nhoff, sizeof(buf), &buf);
	if (!ip)
		return false;
	*id = ip->id;
	*length = ip->tot_len;
	return true;
}

void rnat_hairpin_note(const struct rnat_net *rn, const struct sk_buff *skb, u8 pf)
{
	struct note *note = this_cpu_ptr(&last);
	struct rnat_tuple t;

	note->rn = NULL;
	if (rnat_family_parse(skb, pf, &t) ||
	    !read_header(skb, &t, &note->id, &note->length))
		return;
	note->src = t.src;
	note->dst = t.dst;
	note->sport = t.sport;
	note->dport = t.dport;
	note->family = t.family;
	note->proto = t.proto;
	note->rn = rn;
}

void rnat_hairpin_forget(void)
{
	this_cpu_write(last.rn, NULL);
}

bool rnat_hairpin_was_last(const struct rnat_net *rn, const struct sk_buff *skb,
			   const struct rnat_tuple *quote)
{
	struct note *note;
	__be16 id, length;
	bool was;

	if (!read_header(skb, quote, &id, &length))
		return false;
	/* Whoever may write raw packets gets here from a process, too. */
	local_bh_disable();
	note = this_cpu_ptr(&last);
	was = note->rn == rn && note->family == quote->family &&
	      note->proto == quote->proto && note->id == id &&
	      note->length == length && note->sport == quote->sport &&
	      note->dport == quote->dport &&
	      nf_inet_addr_cmp(&note->src, &quote->src) &&
	      nf_inet_addr_cmp(&note->dst, &quote->dst);
	if (was)
		note->rn = NULL;
	local_bh_enable();
	return was;
}
