// SPDX-License-Identifier: GPL-2.0
#include "inside.h"

#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <uapi/linux/roamnat.h>

struct rnat_inside *rnat_inside_new(u32 count, u32 n_exclude)
{
	struct rnat_inside *inside;

	BUILD_BUG_ON(__alignof__(*inside->exclude) >
		     __alignof__(*inside->prefix));
	inside = kvzalloc(size_add(struct_size(inside, prefix, count),
				   array_size(n_exclude,
					      sizeof(*inside->exclude))),
			  GFP_KERNEL_ACCOUNT);
	if (!inside)
		return NULL;
	inside->count = count;
	inside->n_exclude = n_exclude;
	inside->exclude = (void *)&inside->prefix[count];
	return inside;
}

void rnat_inside_free_rcu(struct rnat_inside *inside)
{
	if (inside)
		kvfree_rcu(inside, rcu);
}

int rnat_inside_set_address(struct rnat_prefix *prefix,
			    const union nf_inet_addr *addr)
{
	struct rnat_wide last, first = rnat_wide_of(prefix->family, addr);
	int err = rnat_wide_last(&first, prefix->family, prefix->len, &last);

	if (prefix->family == NFPROTO_IPV4) {
		prefix->first = first.low;
		prefix->last = last.low;
		prefix->net = htonl(prefix->first);
		prefix->mask = ~(prefix->net ^ htonl(prefix->last));
	} else {
		prefix->first6 = first;
		prefix->last6 = last;
	}
	return err;
}

void rnat_inside_get_address(const struct rnat_prefix *prefix,
			     union nf_inet_addr *addr)
{
	struct rnat_wide first = { .low = prefix->first };

	rnat_wide_get(prefix->family == NFPROTO_IPV4 ? &first : &prefix->first6,
		      prefix->family, addr);
}

static int cmp_first(const struct rnat_prefix *x, const struct rnat_prefix *y)
{
	if (x->family == NFPROTO_IPV6)
		return rnat_wide_cmp(&x->first6, &y->first6);
	return x->first < y->first ? -1 : x->first > y->first;
}

static int cmp_prefix(const void *a, const void *b)
{
	const struct rnat_prefix *x = a, *y = b;
	int cmp;

	/* The number of IPv4 is the lower one. */
	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	cmp = cmp_first(x, y);
	if (cmp)
		return cmp;
	return x->len < y->len ? -1 : x->len > y->len;
}

static bool ends_before(const struct rnat_prefix *x, const struct rnat_prefix *y)
{
	if (x->family != y->family || x->ifindex != y->ifindex)
		return true;
	return x->family == NFPROTO_IPV6 ?
	       rnat_wide_cmp(&x->last6, &y->last6) < 0 : x->last < y->last;
}

static bool same_marks(const struct rnat_inside *inside,
		       const struct rnat_prefix *prefix)
{
	const struct rnat_prefix *first;

	first = rnat_inside_lookup_zone(inside, prefix->zone);
	return first->mark == prefix->mark &&
	       first->mark_mask == prefix->mark_mask;
}

/* The last IPv4 prefix that starts at or before (ifindex, addr), or -1. */
static int search(const struct rnat_inside *inside, u32 ifindex, u32 addr)
{
	const struct rnat_prefix *p = inside->prefix;
	int low = 0, high = inside->count4;

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

/* The same of the IPv6 prefixes. */
static int search6(const struct rnat_inside *inside, u32 ifindex,
		   const struct rnat_wide *addr)
{
	const struct rnat_prefix *p = inside->prefix;
	int low = inside->count4, high = inside->count;

	while (low < high) {
		int middle = (low + high) / 2;

		if (p[middle].ifindex < ifindex ||
		    (p[middle].ifindex == ifindex &&
		     rnat_wide_cmp(&p[middle].first6, addr) <= 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low > (int)inside->count4 ? low - 1 : -1;
}

/* The interface's first prefix: among those before @i, or itself. */
static u32 find_iface(const struct rnat_inside *inside, u32 i)
{
	const struct rnat_prefix *p = inside->prefix;
	int other;

	if (i && p[i - 1].ifindex == p[i].ifindex)
		return p[i - 1].iface;
	if (p[i].family == NFPROTO_IPV4)
		return i;
	other = search(inside, p[i].ifindex, U32_MAX);
	return other >= 0 && p[other].ifindex == p[i].ifindex ?
	       p[other].iface : i;
}

int rnat_inside_seal(struct rnat_inside *inside,
		     struct netlink_ext_ack *extack)
{
	struct rnat_prefix *p = inside->prefix;
	u32 i;

	rnat_exclude_seal(inside);
	sort(p, inside->count, sizeof(*p), cmp_prefix, NULL);
	for (i = 0; i < inside->count; i++)
		inside->count4 += p[i].family == NFPROTO_IPV4;
	for (i = 0; i < inside->count; i++) {
		int parent = (int)i - 1;

		if (i && !cmp_prefix(&p[i], &p[i - 1])) {
			NL_SET_ERR_MSG(extack, "A prefix is given twice for one interface; give it once");
			return -EINVAL;
		}
		/* Sorted prefixes nest like brackets: the one that contains
		 * this one is the one before it or contains that.
		 */
		while (parent >= 0 && ends_before(&p[parent], &p[i]))
			parent = p[parent].parent;
		p[i].parent = parent;
		p[i].index = i;
		p[i].iface = find_iface(inside, i);
		inside->ifaces |= BIT_ULL(p[i].ifindex % 64);
		inside->has_ports |= p[i].kind != ROAMNAT_KIND_ADDRESS;
		inside->has_marks |= p[i].mark_mask != 0;
	}
	inside->is_one = inside->count4 == 1 && !inside->n_exclude &&
			 p[0].kind == ROAMNAT_KIND_ADDRESS;
	for (i = 0; inside->has_marks && i < inside->count; i++) {
		if (same_marks(inside, &p[i]))
			continue;
		NL_SET_ERR_MSG(extack, "Prefixes of one zone have different marks; give all prefixes of a zone the same mark and mask");
		return -EINVAL;
	}
	return 0;
}

struct rnat_prefix *rnat_inside_search(struct rnat_inside *inside,
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

struct rnat_prefix *rnat_inside_search6(struct rnat_inside *inside,
					u32 ifindex,
					const struct in6_addr *addr)
{
	struct rnat_wide host = rnat_wide_of6(addr);
	int i = search6(inside, ifindex, &host);

	for (; i >= 0; i = inside->prefix[i].parent) {
		struct rnat_prefix *prefix = &inside->prefix[i];

		if (prefix->ifindex != ifindex)
			return NULL;
		if (rnat_wide_cmp(&host, &prefix->last6) <= 0)
			return prefix;
	}
	return NULL;
}

bool rnat_inside_contains(const struct rnat_prefix *prefix, u32 family,
			  const union nf_inet_addr *addr)
{
	struct rnat_wide wide;
	u32 host;

	if (prefix->family != family)
		return false;
	if (family == NFPROTO_IPV4) {
		host = ntohl(addr->ip);
		return host >= prefix->first && host <= prefix->last;
	}
	wide = rnat_wide_of6(&addr->in6);
	return rnat_wide_cmp(&wide, &prefix->first6) >= 0 &&
	       rnat_wide_cmp(&wide, &prefix->last6) <= 0;
}

bool rnat_inside_has_iface(const struct rnat_inside *inside, u32 ifindex)
{
	static const struct rnat_wide end = { U64_MAX, U64_MAX };
	int i = search(inside, ifindex, U32_MAX);

	if (i >= 0 && inside->prefix[i].ifindex == ifindex)
		return true;
	i = search6(inside, ifindex, &end);
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
