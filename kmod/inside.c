// SPDX-License-Identifier: GPL-2.0
#include "inside.h"

#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <uapi/linux/roamnat.h>

struct rnat_inside *rnat_inside_new(u32 count)
{
	struct rnat_inside *inside;

	inside = kvzalloc(struct_size(inside, prefix, count),
			  GFP_KERNEL_ACCOUNT);
	if (inside)
		inside->count = count;
	return inside;
}

void rnat_inside_free_rcu(struct rnat_inside *inside)
{
	if (inside)
		kvfree_rcu(inside, rcu);
}

static int cmp_prefix(const void *a, const void *b)
{
	const struct rnat_prefix *x = a, *y = b;

	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->len < y->len ? -1 : x->len > y->len;
}

static bool same_marks(const struct rnat_inside *inside,
		       const struct rnat_prefix *prefix)
{
	const struct rnat_prefix *first;

	first = rnat_inside_lookup_zone(inside, prefix->zone);
	return first->mark == prefix->mark &&
	       first->mark_mask == prefix->mark_mask;
}

int rnat_inside_seal(struct rnat_inside *inside,
		     struct netlink_ext_ack *extack)
{
	struct rnat_prefix *p = inside->prefix;
	u32 i;

	sort(p, inside->count, sizeof(*p), cmp_prefix, NULL);
	for (i = 0; i < inside->count; i++) {
		int parent = (int)i - 1;

		if (i && !cmp_prefix(&p[i], &p[i - 1])) {
			NL_SET_ERR_MSG(extack, "A prefix is given twice for one interface; give it once");
			return -EINVAL;
		}
		/* Sorted prefixes nest like brackets: the one that contains
		 * this one is the one before it or contains that.
		 */
		while (parent >= 0 && (p[parent].ifindex != p[i].ifindex ||
				       p[parent].last < p[i].last))
			parent = p[parent].parent;
		p[i].parent = parent;
		p[i].index = i;
		p[i].iface = i && p[i - 1].ifindex == p[i].ifindex ?
			     p[i - 1].iface : i;
		inside->has_ports |= p[i].kind == ROAMNAT_KIND_PORT;
		inside->has_marks |= p[i].mark_mask != 0;
	}
	for (i = 0; inside->has_marks && i < inside->count; i++) {
		if (same_marks(inside, &p[i]))
			continue;
		NL_SET_ERR_MSG(extack, "Prefixes of one zone have different marks; give all prefixes of a zone the same mark and mask");
		return -EINVAL;
	}
	return 0;
}

/* The last prefix that starts at or before (ifindex, addr), or -1. */
static int search(const struct rnat_inside *inside, u32 ifindex, u32 addr)
{
	const struct rnat_prefix *p = inside->prefix;
	int low = 0, high = inside->count;

	while (low < high) {
		int middle = (low + high) / 2;

		if (p[middle].ifindex < ifindex ||
		    (p[middle].ifindex == ifindex && p[middle].first <= addr))
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

struct rnat_prefix *rnat_inside_lookup(struct rnat_inside *inside,
				       u32 ifindex, __be32 addr)
{
	u32 host = ntohl(addr);
	int i = search(inside, ifindex, host);

	for (; i >= 0; i = inside->prefix[i].parent) {
		struct rnat_prefix *prefix = &inside->prefix[i];

		if (prefix->ifindex != ifindex)
			return NULL;
		if (host <= prefix->last)
			return prefix;
	}
	return NULL;
}

bool rnat_inside_has_iface(const struct rnat_inside *inside, u32 ifindex)
{
	int i = search(inside, ifindex, U32_MAX);

	return i >= 0 && inside->prefix[i].ifindex == ifindex;
}

/* Linear: called for packets only where marks are used, and a namespace with
 * marks has a prefix or two for each tenant.
 */
const struct rnat_prefix *
rnat_inside_lookup_zone(const struct rnat_inside *inside, u32 zone)
{
	u32 i;

	for (i = 0; i < inside->count; i++)
		if (inside->prefix[i].zone == zone)
			return &inside->prefix[i];
	return NULL;
}
