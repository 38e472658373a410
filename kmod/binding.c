// SPDX-License-Identifier: GPL-2.0
#include "binding.h"

#include <linux/in.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "grow.h"
#include "hash.h"
#include "map.h"
#include "net.h"

static struct kmem_cache *binding_cache __read_mostly;

static u32 hash_side(const struct rnat_key *side,
		     const struct rnat_binding *binding, __be16 port, u32 seed)
{
	struct rnat_key key = {
		.addr = side->addr,
		.zone = side->zone,
		.port = port,
		.proto = binding->proto,
		.family = side->family,
	};

	return rnat_hash(&key, seed);
}

static u32 hash_priv(const void *obj, u32 len, u32 seed)
{
	const struct rnat_binding *binding = obj;

	return hash_side(&binding->map->priv, binding, binding->priv_port, seed);
}

static u32 hash_pub(const void *obj, u32 len, u32 seed)
{
	const struct rnat_binding *binding = obj;

	return hash_side(&binding->map->pub, binding, binding->pub_port, seed);
}

static bool is_side(const struct rnat_key *key, const struct rnat_key *side,
		    const struct rnat_binding *binding, __be16 port)
{
	return key->port == port && key->proto == binding->proto &&
	       key->zone == side->zone && key->family == side->family &&
	       nf_inet_addr_cmp(&key->addr, &side->addr);
}

static int cmp_priv(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct rnat_binding *binding = obj;

	return !is_side(arg->key, &binding->map->priv, binding,
			binding->priv_port);
}

static int cmp_pub(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct rnat_binding *binding = obj;

	return !is_side(arg->key, &binding->map->pub, binding,
			binding->pub_port);
}

static const struct rhashtable_params priv_params = {
	.key_len = sizeof(struct rnat_key),
	.head_offset = offsetof(struct rnat_binding, by_priv),
	.hashfn = rnat_hash_fn,
	.obj_hashfn = hash_priv,
	.obj_cmpfn = cmp_priv,
	.automatic_shrinking = true,
};

static const struct rhashtable_params pub_params = {
	.key_len = sizeof(struct rnat_key),
	.head_offset = offsetof(struct rnat_binding, by_pub),
	.hashfn = rnat_hash_fn,
	.obj_hashfn = hash_pub,
	.obj_cmpfn = cmp_pub,
	.automatic_shrinking = true,
};

struct rnat_binding *rnat_binding_lookup_priv(struct rnat_net *rn,
					      const struct rnat_key *key)
{
	return rhashtable_lookup(&rn->bindings.by_priv, key, priv_params);
}

struct rnat_binding *rnat_binding_lookup_pub(struct rnat_net *rn,
					     const struct rnat_key *key)
{
	return rhashtable_lookup(&rn->bindings.by_pub, key, pub_params);
}

int rnat_binding_insert(struct rnat_net *rn, struct rnat_binding *binding)
{
	struct rnat_key key = binding->map->priv;
	int err;

	rnat_grow_late(&rn->bindings.by_priv);
	rnat_grow_late(&rn->bindings.by_pub);
	key.port = binding->priv_port;
	key.proto = binding->proto;
	err = rhashtable_lookup_insert_key(&rn->bindings.by_priv, &key,
					   &binding->by_priv, priv_params);
	if (err)
		goto err;
	key = binding->map->pub;
	key.port = binding->pub_port;
	key.proto = binding->proto;
	err = rhashtable_lookup_insert_key(&rn->bindings.by_pub, &key,
					   &binding->by_pub, pub_params);
	if (!err)
		return 0;
	rhashtable_remove_fast(&rn->bindings.by_priv, &binding->by_priv,
			       priv_params);
err:
	/* The others mean that the hash table cannot grow fast enough now. */
	return err == -EEXIST ? err : -ENOMEM;
}

static void free_rcu(struct rcu_head *rcu)
{
	struct rnat_binding *binding = container_of(rcu, struct rnat_binding,
						    rcu);

	kfree(rcu_dereference_protected(binding->remotes, true));
	kmem_cache_free(binding_cache, binding);
}

void rnat_binding_remove(struct rnat_net *rn, struct rnat_binding *binding)
{
	WRITE_ONCE(binding->state, RNAT_BINDING_GONE);
	rhashtable_remove_fast(&rn->bindings.by_pub, &binding->by_pub,
			       pub_params);
	rhashtable_remove_fast(&rn->bindings.by_priv, &binding->by_priv,
			       priv_params);
	rnat_binding_free(rn, binding);
}

struct rnat_binding *rnat_binding_new(struct rnat_net *rn)
{
	struct rnat_binding *binding;
	u32 max = READ_ONCE(rn->config.max_bindings);

	if ((u32)atomic_inc_return(&rn->bindings.count) > max) {
		atomic_dec(&rn->bindings.count);
		return ERR_PTR(-EDQUOT);
	}
	binding = kmem_cache_zalloc(binding_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!binding)
		atomic_dec(&rn->bindings.count);
	else
		INIT_HLIST_NODE(&binding->slot);
	return binding;
}

/* Packets may have found it in the first table: by RCU in any case. */
void rnat_binding_free(struct rnat_net *rn, struct rnat_binding *binding)
{
	atomic_dec(&rn->bindings.count);
	call_rcu(&binding->rcu, free_rcu);
}

static u32 time_ms(const struct rnat_config *config,
		   const struct rnat_binding *binding)
{
	switch ((enum roamnat_binding_state)READ_ONCE(binding->state)) {
	case ROAMNAT_BINDING_STATE_OPEN:
		break;
	case ROAMNAT_BINDING_STATE_OPENING:
		return READ_ONCE(config->tcp_opening_ms);
	case ROAMNAT_BINDING_STATE_ESTABLISHED:
		return READ_ONCE(config->tcp_established_ms);
	case ROAMNAT_BINDING_STATE_CLOSING:
		return READ_ONCE(config->tcp_closing_ms);
	case ROAMNAT_BINDING_STATE_RESTING:
		return READ_ONCE(config->port_hold_off_ms);
	}
	return binding->proto == IPPROTO_UDP ? READ_ONCE(config->udp_ms) :
					       READ_ONCE(config->icmp_ms);
}

u64 rnat_binding_time(const struct rnat_net *rn,
		      const struct rnat_binding *binding)
{
	return (u64)time_ms(&rn->config, binding) * NSEC_PER_MSEC;
}

bool rnat_binding_knows(const struct rnat_binding *binding, __be32 addr)
{
	const struct rnat_remotes *remotes = rcu_dereference(binding->remotes);
	unsigned int i, count;

	if (!remotes)
		return false;
	/* Pairs with rnat_binding_learn(): the addresses come with it. */
	count = smp_load_acquire(&remotes->count);
	for (i = 0; i < count; i++)
		if (READ_ONCE(remotes->addr[i]) == addr)
			return true;
	return false;
}

/* Room for one more, or the old one. */
static struct rnat_remotes *grow(struct rnat_binding *binding)
{
	struct rnat_remotes *old = rcu_dereference_protected(binding->remotes,
							     true);
	struct rnat_remotes *remotes;
	u8 size = old ? min(2 * old->size, ROAMNAT_REMOTES_MAX) : 4;

	if (old && (old->count < old->size || old->size == ROAMNAT_REMOTES_MAX))
		return old;
	remotes = kzalloc(struct_size(remotes, addr, size),
			  GFP_ATOMIC | __GFP_NOWARN);
	if (!remotes)
		return NULL;
	if (old) {
		memcpy(remotes->addr, old->addr, old->count * sizeof(__be32));
		remotes->count = old->count;
	}
	remotes->size = size;
	rcu_assign_pointer(binding->remotes, remotes);
	if (old)
		kfree_rcu(old, rcu);
	return remotes;
}

int rnat_binding_learn(struct rnat_binding *binding, __be32 addr)
{
	struct rnat_remotes *remotes;

	if (rnat_binding_knows(binding, addr))
		return 0;
	remotes = grow(binding);
	if (!remotes)
		return -ENOMEM;
	if (remotes->count < remotes->size) {
		WRITE_ONCE(remotes->addr[remotes->count], addr);
		/* Pairs with rnat_binding_knows(). */
		smp_store_release(&remotes->count, remotes->count + 1);
		return 0;
	}
	WRITE_ONCE(remotes->addr[remotes->next], addr);
	remotes->next = (remotes->next + 1) % remotes->size;
	return 0;
}

int rnat_bindings_init(struct rnat_net *rn)
{
	int err;

	atomic_set(&rn->bindings.count, 0);
	err = rhashtable_init(&rn->bindings.by_priv, &priv_params);
	if (err)
		return err;
	err = rhashtable_init(&rn->bindings.by_pub, &pub_params);
	if (err)
		rhashtable_destroy(&rn->bindings.by_priv);
	return err;
}

static void free_binding(void *binding, void *rn)
{
	rnat_binding_free(rn, binding);
}

void rnat_bindings_uninit(struct rnat_net *rn)
{
	rhashtable_destroy(&rn->bindings.by_pub);
	rhashtable_free_and_destroy(&rn->bindings.by_priv, free_binding, rn);
}

int rnat_binding_init(void)
{
	BUILD_BUG_ON(sizeof(struct rnat_binding) > 64);

	binding_cache = KMEM_CACHE(rnat_binding, SLAB_HWCACHE_ALIGN);
	return binding_cache ? 0 : -ENOMEM;
}

void rnat_binding_uninit(void)
{
	rcu_barrier();
	kmem_cache_destroy(binding_cache);
}
