/* SPDX-License-Identifier: GPL-2.0 */
/* Between pool.c and the kinds of pool; nobody else includes this. */
#ifndef RN_CONTROLLER_POOL_KIND_H
#define RN_CONTROLLER_POOL_KIND_H

#include "controller/pool.h"

struct rn_pool_kind {
	/* state of a new pool; addresses: how many the prefixes have together,
	 * excluded ones not counted
	 */
	void *(*new)(const struct rn_pool_spec *spec, GHashTable *exclude);
	void (*free)(void *state);
	/* a free endpoint, not taken yet */
	gboolean (*pick)(void *state, const struct rn_private *vm, struct rn_public *pub);
	/* from free to in use; a quarantine counts as in use */
	void (*use)(void *state, const struct rn_public *pub);
	/* back to free */
	void (*give)(void *state, const struct rn_public *pub);
	/* vm begins (1) or ends (-1) to hold pub */
	void (*pair)(void *state, const struct rn_public *pub, const struct rn_private *vm,
		     int change);
	/* The address that vm has to keep to, NULL for none; NULL if the kind pairs
	 * by itself or not at all.
	 */
	const struct rn_addr *(*paired)(const void *state, const struct rn_private *vm);
	uint64_t (*total)(const void *state);
};

extern const struct rn_pool_kind rn_pool_kind_address;
extern const struct rn_pool_kind rn_pool_kind_port;
extern const struct rn_pool_kind rn_pool_kind_block;

/* Hash and equality of struct rn_addr and struct rn_public for GHashTable. */
guint rn_pool_addr_hash(gconstpointer addr);
gboolean rn_pool_addr_equal(gconstpointer a, gconstpointer b);
/* How many addresses prefix has, at most 2^62. */
uint64_t rn_pool_prefix_size(const struct rn_prefix *prefix);
struct rn_addr rn_pool_prefix_nth(const struct rn_prefix *prefix, uint64_t n);

#endif
