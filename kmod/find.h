/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whose packet is it? The order in which the kinds of mapping are asked is
 * here and nowhere else. All under RCU.
 */
#ifndef _RNAT_FIND_H
#define _RNAT_FIND_H

#include <linux/types.h>

#include "binding.h"
#include "map.h"

struct rnat_key;
struct rnat_net;
struct rnat_tuple;

/* rnat_tuple_key_src or rnat_tuple_key_dst. */
typedef int (*rnat_key_of)(const struct rnat_tuple *t, u32 kind, u32 zone,
			   struct rnat_key *key);

/*
 * The mapping whose public side @t comes from or goes to, or NULL. If it is a
 * block, @binding is the binding of it, else NULL.
 */
struct rnat_map *rnat_find_public(struct rnat_net *rn,
				  const struct rnat_tuple *t,
				  rnat_key_of key_of,
				  struct rnat_binding **binding);
/* The same by the private side, where prefixes of @kind are translated. */
struct rnat_map *rnat_find_private(struct rnat_net *rn,
				   const struct rnat_key *key, u32 kind,
				   struct rnat_binding **binding);
/* The mapping that has the whole public address of @key. */
struct rnat_map *rnat_find_whole(struct rnat_net *rn,
				 const struct rnat_key *key);
/* Does @t go to a port of a block, whoever has that port? */
bool rnat_find_is_block(struct rnat_net *rn, const struct rnat_tuple *t);

/* The ports to write, 0 for none. */
static inline __be16 rnat_find_priv_port(const struct rnat_map *map,
					 const struct rnat_binding *binding)
{
	return binding ? binding->priv_port : map->priv.port;
}

static inline __be16 rnat_find_pub_port(const struct rnat_map *map,
					const struct rnat_binding *binding)
{
	return binding ? binding->pub_port : map->pub.port;
}

#endif
