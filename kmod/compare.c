// SPDX-License-Identifier: GPL-2.0
#define pr_fmt(fmt) KBUILD_MODNAME ": compare: " fmt
#include "compare.h"

#include <linux/module.h>
#include <linux/skbuff.h>
#include <net/checksum.h>
#include <net/dst.h>

#include "binding.h"
#include "family.h"
#include "hook.h"
#include "net.h"

#define TELL_MAX 10	/* differences that are told in full */

static bool compare;
module_param(compare, bool, 0600);
MODULE_PARM_DESC(compare, "packets go the quick and the general way (one CPU only)");

/* Not exact with more than one CPU, nor need they be. */
static unsigned long inbound, outbound, passed, left, ticked, differed;
module_param(inbound, ulong, 0400);
MODULE_PARM_DESC(inbound, "packets that a quick way has translated inbound");
module_param(outbound, ulong, 0400);
MODULE_PARM_DESC(outbound, "packets that a quick way has translated outbound");
module_param(passed, ulong, 0400);
MODULE_PARM_DESC(passed, "packets that a quick way has let pass as they were");
module_param(left, ulong, 0400);
MODULE_PARM_DESC(left, "packets that it left to the general way, and as they were");
module_param(ticked, ulong, 0400);
MODULE_PARM_DESC(ticked, "packets during which the clock went on: not compared");
module_param(differed, ulong, 0400);
MODULE_PARM_DESC(differed, "packets that became something else");

bool rnat_compare_is_on(void)
{
	return READ_ONCE(compare);
}

static void read_state(const struct rnat_job *job, struct rnat_compare_state *s)
{
	const struct rnat_binding *binding = job->binding;

	memset(s, 0, sizeof(*s));
	s->last_used = READ_ONCE(job->map->last_used);
	s->last_translated = READ_ONCE(job->map->last_translated);
	s->first_translated = READ_ONCE(job->map->first_translated);
	if (!binding)
		return;
	s->stamp = READ_ONCE(binding->last_used);
	s->remote = READ_ONCE(binding->remote);
	s->tcp = READ_ONCE(binding->state);
	s->seen = READ_ONCE(binding->seen);
}

static void put_back(const struct rnat_job *job,
		     const struct rnat_compare_state *s)
{
	struct rnat_binding *binding = job->binding;

	WRITE_ONCE(job->map->last_used, s->last_used);
	WRITE_ONCE(job->map->last_translated, s->last_translated);
	WRITE_ONCE(job->map->first_translated, s->first_translated);
	if (!binding)
		return;
	WRITE_ONCE(binding->last_used, s->stamp);
	WRITE_ONCE(binding->remote, s->remote);
	WRITE_ONCE(binding->state, s->tcp);
	WRITE_ONCE(binding->seen, s->seen);
}

/* Else nobody sees what is marked twice between two ticks. */
static void grow_old(const struct rnat_job *job)
{
	struct rnat_map *map = job->map;

	WRITE_ONCE(map->last_used, map->last_used - 1);
	if (map->last_translated)
		WRITE_ONCE(map->last_translated, map->last_translated - 1);
	if (job->binding)
		WRITE_ONCE(job->binding->last_used,
			   job->binding->last_used - 1);
}

/* What is wrong with @skb, which should be as @as; NULL: nothing. */
static const char *difference(const struct sk_buff *skb,
			      const struct sk_buff *as, u8 pf)
{
	u8 bytes[64];
	unsigned int at, n;

	if (skb->len != as->len)
		return "length";
	for (at = 0; at < skb->len; at += n) {
		n = min_t(unsigned int, sizeof(bytes), skb->len - at);
		/* Copies are in one piece. */
		if (skb_copy_bits(skb, at, bytes, n) ||
		    memcmp(bytes, as->data + at, n))
			return "bytes";
	}
	if (skb->ip_summed != as->ip_summed)
		return "ip_summed";
	if (skb->ip_summed == CHECKSUM_COMPLETE &&
	    csum_fold(skb->csum) != csum_fold(as->csum))
		return "csum";
	if (skb->ip_summed == CHECKSUM_PARTIAL &&
	    (skb_checksum_start_offset(skb) != skb_checksum_start_offset(as) ||
	     skb->csum_offset != as->csum_offset))
		return "where its checksum is";
	if (skb_shinfo(skb)->gso_size != skb_shinfo(as)->gso_size ||
	    skb_shinfo(skb)->gso_type != skb_shinfo(as)->gso_type)
		return "gso";
	if (skb->mark != as->mark)
		return "mark";
	if (!skb_dst(skb) != !skb_dst(as))
		return "route";
	if (rnat_family_is_hairpin(skb, pf) != rnat_family_is_hairpin(as, pf))
		return "hairpin";
	return NULL;
}

static void tell(const struct rnat_compare *c, const struct sk_buff *skb,
		 int counter, const char *what)
{
	if (differed++ >= TELL_MAX)
		return;
	pr_err("BUG: %s: hook %u, quick way: counter %d; general way: outcome %d, counter %u; it was, should be, is:\n",
	       what, c->job.state->hook, counter, c->outcome, c->job.reason);
	print_hex_dump(KERN_ERR, "was    ", DUMP_PREFIX_OFFSET, 16, 1,
		       c->before->data, min(c->before->len, 80U), false);
	print_hex_dump(KERN_ERR, "should ", DUMP_PREFIX_OFFSET, 16, 1,
		       c->asked->data, min(c->asked->len, 80U), false);
	print_hex_dump(KERN_ERR, "is     ", DUMP_PREFIX_OFFSET, 16, 1,
		       skb->data, min(skb_headlen(skb), 80U), false);
}

/* No virtual device says CHECKSUM_COMPLETE. */
static void complete_some(struct sk_buff *skb, const struct nf_hook_state *state)
{
	static unsigned int turn;

	if (state->hook != NF_INET_PRE_ROUTING || turn++ % 4 ||
	    skb->ip_summed != CHECKSUM_NONE)
		return;
	skb->csum = skb_checksum(skb, 0, skb->len, 0);
	skb->ip_summed = CHECKSUM_COMPLETE;
}

void rnat_compare_begin(struct rnat_compare *c, struct rnat_net *rn,
			struct sk_buff *skb, const struct nf_hook_state *state)
{
	c->asked = NULL;
	c->before = NULL;
	/* The quick way has a clock of its own, which may be a tick behind for one. */
	if (!rnat_compare_is_on() || rnat_clock_packet() != rnat_clock())
		return;
	complete_some(skb, state);
	c->asked = skb_copy(skb, GFP_ATOMIC);
	c->before = skb_copy(skb, GFP_ATOMIC);
	if (!c->asked || !c->before ||
	    !rnat_translate_init(&c->job, rn, c->asked, state)) {
		kfree_skb(c->asked);
		kfree_skb(c->before);
		c->asked = NULL;
		return;
	}
	c->job.asked = true;
	c->outcome = rnat_hook_decide(&c->job);
	if (c->outcome == RNAT_TRANSLATED) {
		grow_old(&c->job);
		read_state(&c->job, &c->state);
	}
}

/* The general way once more, now in earnest: what does it write? */
static const char *written(struct rnat_compare *c, const struct sk_buff *skb)
{
	struct rnat_compare_state quick, general;
	struct rnat_job job;
	const char *what;

	read_state(&c->job, &quick);
	put_back(&c->job, &c->state);
	if (!rnat_translate_init(&job, c->job.rn, c->before, c->job.state) ||
	    rnat_hook_decide(&job) != RNAT_TRANSLATED)
		return "asked and sent";
	what = difference(c->before, c->asked, job.state->pf);
	if (what)
		return what;
	if (job.map != c->job.map || job.binding != c->job.binding)
		return "mapping";
	read_state(&job, &general);
	if (job.now == c->job.now && memcmp(&quick, &general, sizeof(quick))) {
		if (differed < TELL_MAX)
			pr_err("state: used %llu %llu, translated %llu %llu, first %llu %llu, stamp %u %u, remote %x %x, tcp %u %u, seen %x %x\n",
			       quick.last_used, general.last_used,
			       quick.last_translated, general.last_translated,
			       quick.first_translated, general.first_translated,
			       quick.stamp, general.stamp, quick.remote,
			       general.remote, quick.tcp, general.tcp,
			       quick.seen, general.seen);
		return "state";
	}
	return NULL;
}

void rnat_compare_end(struct rnat_compare *c, struct sk_buff *skb, int counter)
{
	const char *what = NULL;

	if (!c->asked)
		return;
	if (counter < 0) {
		left++;
		what = difference(skb, c->before, c->job.state->pf);
	} else if (c->job.now != rnat_clock()) {
		ticked++;
	} else {
		if (c->outcome != RNAT_TRANSLATED)
			passed++;
		else if (c->job.state->hook == NF_INET_PRE_ROUTING)
			inbound++;
		else
			outbound++;
		if (c->outcome != RNAT_PASS && c->outcome != RNAT_TRANSLATED)
			what = "verdict";
		else if (c->job.reason != counter)
			what = "counter";
		else
			what = difference(skb, c->asked, c->job.state->pf);
		if (!what && c->outcome == RNAT_TRANSLATED)
			what = written(c, skb);
	}
	if (what)
		tell(c, skb, counter, what);
	kfree_skb(c->asked);
	kfree_skb(c->before);
}
