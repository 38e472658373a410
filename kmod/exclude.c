// SPDX-License-Identifier: GPL-2.0
#include "exclude.h"

#include <linux/sort.h>

#include "inside.h"

/* All of one family that have one interface and one zone, or say nothing of them. */
static int cmp_scope(const struct rnat_exclude *x, const struct rnat_exclude *y)
{
	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	if (x->has_zone != y->has_zone)
		return x->has_zone ? 1 : -1;
	if (x->has_zone && x->zone != y->zone)
		return x->zone < y->zone ? -1 : 1;
	return 0;
}

static int cmp_first(const struct rnat_exclude *x, const struct rnat_exclude *y)
{
	return cmp_scope(x, y) ?: rnat_wide_cmp(&x->first, &y->first);
}

static int cmp_exclude(const void *a, const void *b)
{
	const struct rnat_exclude *x = a, *y = b;
	int first = cmp_first(x, y);

	if (first)
		return first;
	return x->len < y->len ? -1 : x->len > y->len;
}

void rnat_exclude_seal(struct rnat_inside *inside)
{
	struct rnat_exclude *e = inside->exclude;
	u32 i;

	sort(e, inside->n_exclude, sizeof(*e), cmp_exclude, NULL);
	/* Prefixes nest like brackets: one that begins before the end of an
	 * earlier one is within it.
	 */
	for (i = 0; i < inside->n_exclude; i++)
		e[i].until = i && !cmp_scope(&e[i], &e[i - 1]) &&
			     rnat_wide_cmp(&e[i].first, &e[i - 1].until) <= 0 ?
			     e[i - 1].until : e[i].last;
}

static bool match(const struct rnat_inside *inside,
		  const struct rnat_exclude *wanted)
{
	const struct rnat_exclude *e = inside->exclude;
	u32 low = 0, high = inside->n_exclude;

	/* The last of its scope that begins at or before the address. */
	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (cmp_first(&e[middle], wanted) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low && !cmp_scope(&e[low - 1], wanted) &&
	       rnat_wide_cmp(&wanted->first, &e[low - 1].until) <= 0;
}

bool rnat_exclude_match(const struct rnat_inside *inside,
			const struct rnat_prefix *prefix,
			const union nf_inet_addr *addr)
{
	struct rnat_exclude wanted;
	int i;

	if (likely(!inside->n_exclude))
		return false;
	wanted.family = prefix->family;
	wanted.first = rnat_wide_of(prefix->family, addr);
	for (i = 0; i < 4; i++) {
		wanted.ifindex = i & 1 ? prefix->ifindex : 0;
		wanted.has_zone = i & 2;
		wanted.zone = i & 2 ? prefix->zone : 0;
		if (match(inside, &wanted))
			return true;
	}
	return false;
}
