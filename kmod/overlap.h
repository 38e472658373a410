/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two mappings that share a public endpoint though their keys differ: a block
 * of ports with another block, with the mapping of one of its ports, or with
 * that of the whole address.
 */
#ifndef _RNAT_OVERLAP_H
#define _RNAT_OVERLAP_H

#include <linux/types.h>

struct rnat_key;
struct rnat_map;
struct rnat_net;

/* What is looked for, besides the overlap. */
typedef bool (*rnat_overlap_is)(const struct rnat_net *rn,
				const struct rnat_map *map);

/*
 * A mapping, of another id than @id, that has some of the @ports ports from
 * @pub on (0: @pub is of an address or port mapping), and for which @is says
 * true; or NULL. Its work is bounded by the number of ports there are. Under
 * the mutex.
 */
struct rnat_map *rnat_overlap_find(struct rnat_net *rn,
				   const struct rnat_key *pub, u32 ports,
				   u64 id, rnat_overlap_is is);

#endif
