// SPDX-License-Identifier: GPL-2.0
#include "block.h"

#include <linux/in.h>
#include <linux/math64.h>
#include <linux/slab.h>

#include "binding.h"
#include "hash.h"
#include "map.h"
#include "net.h"
#include "tcp.h"
#include "tuple.h"

#define SHARDS_MAX	16
#define BATCH		64

static u64 due_tick(const struct rnat_net *rn,
		    const struct rnat_binding *binding, u64 now)
{
	u64 time = rnat_binding_time(rn, binding);
	u64 age = rnat_binding_age(binding, rnat_stamp(now));

	if (age >= time)
		return 0;
	return rnat_wheel_tick(now + time - age +
			       (1ULL << RNAT_WHEEL_TICK_SHIFT) - 1);
}

static u64 due(const struct hlist_node *node, u64 now)
{
	const struct rnat_binding *binding =
		container_of(node, struct rnat_binding, slot);

	return due_tick(binding->map->block->shard->rn, binding, now);
}

/* So that it is looked at when its time is over, as it is now. */
static void schedule_end(struct rnat_shard *shard, struct rnat_binding *binding,
			 u64 now)
{
	rnat_wheel_del(&shard->wheel, &binding->slot);
	rnat_wheel_add(&shard->wheel, &binding->slot,
		       due_tick(shard->rn, binding, now));
}

/* The mapping's idle timer starts when its last session has ended (S6). */
static void end_session(struct rnat_binding *binding, u64 now)
{
	struct rnat_map *map = binding->map;

	if (!rnat_binding_is_open(binding))
		return;
	if (map->sessions == 1)
		WRITE_ONCE(map->last_used, now);
	/* Pairs with rnat_map_in_session(). */
	smp_store_release(&map->sessions, map->sessions - 1);
}

static void remove(struct rnat_block *block, struct rnat_binding *binding)
{
	u32 threshold = READ_ONCE(block->shard->rn->config.block_threshold);
	u8 index = rnat_ports_index(binding->proto);

	end_session(binding, rnat_clock());
	rnat_wheel_del(&block->shard->wheel, &binding->slot);
	rnat_ports_give(&block->ports,
			rnat_ports_slot(&block->ports, binding->proto,
					ntohs(binding->pub_port)));
	/* Far enough below the threshold that the same is not told all the
	 * time when one port comes and goes.
	 */
	if (block->ports.used[index] * 400ULL <
	    block->ports.count * 3ULL * threshold)
		block->told &= ~BIT(index);
	rnat_binding_remove(block->shard->rn, binding);
}

/* A binding whose slot of the wheel is due. */
static void visit(struct rnat_shard *shard, struct rnat_binding *binding,
		  u64 now)
{
	struct rnat_block *block = binding->map->block;

	/* rnat_block_thaw() puts it back. */
	if (block->frozen)
		return;
	if (due_tick(shard->rn, binding, now) > rnat_wheel_tick(now)) {
		schedule_end(shard, binding, now);
		return;
	}
	if (binding->state == ROAMNAT_BINDING_STATE_RESTING ||
	    !READ_ONCE(shard->rn->config.port_hold_off_ms)) {
		remove(block, binding);
		return;
	}
	end_session(binding, now);
	WRITE_ONCE(binding->state, ROAMNAT_BINDING_STATE_RESTING);
	WRITE_ONCE(binding->last_used, rnat_stamp(now));
	schedule_end(shard, binding, now);
}

static void expire(struct work_struct *work)
{
	struct rnat_wheel *wheel = container_of(to_delayed_work(work),
						struct rnat_wheel, work);
	struct rnat_shard *shard = container_of(wheel, struct rnat_shard,
						wheel);
	struct hlist_node *node;
	unsigned int n;
	bool more;

	do {
		spin_lock_bh(&wheel->lock);
		rnat_wheel_disarm(wheel);
		for (n = 0; n < BATCH; n++) {
			node = rnat_wheel_take(wheel);
			if (!node)
				break;
			visit(shard, container_of(node, struct rnat_binding,
						  slot), rnat_clock());
		}
		more = rnat_wheel_rearm(wheel);
		spin_unlock_bh(&wheel->lock);
		cond_resched();
	} while (more);
}

static int prepare_shards(struct rnat_net *rn)
{
	u32 i, count = min_t(u32, roundup_pow_of_two(num_possible_cpus()),
			     SHARDS_MAX);
	struct rnat_shard *shards;

	lockdep_assert_held(&rn->lock);
	if (rn->bindings.shards)
		return 0;
	shards = kvcalloc(count, sizeof(*shards), GFP_KERNEL_ACCOUNT);
	if (!shards)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		shards[i].rn = rn;
		rnat_wheel_init(&shards[i].wheel, due, expire);
	}
	rn->bindings.shard_mask = count - 1;
	rn->bindings.shards = shards;
	return 0;
}

struct rnat_block *rnat_block_new(struct rnat_net *rn, const struct rnat_key *pub,
				  u32 ports)
{
	struct rnat_block *block;
	u32 hash;

	if (prepare_shards(rn))
		return NULL;
	block = kzalloc(struct_size(block, taken,
				    BITS_TO_LONGS(RNAT_PORTS_PROTOS * ports)),
			GFP_KERNEL_ACCOUNT);
	if (!block)
		return NULL;
	hash = rnat_hash(pub, 0);
	block->shard = &rn->bindings.shards[hash & rn->bindings.shard_mask];
	block->ports.count = ports;
	block->ports.first = ntohs(pub->port);
	block->ports.taken = block->taken;
	rnat_ports_init(&block->ports);
	return block;
}

static void begin_session(const struct rnat_binding *binding)
{
	struct rnat_map *map = binding->map;

	if (rnat_binding_is_open(binding))
		WRITE_ONCE(map->sessions, map->sessions + 1);
}

static void begin(struct rnat_binding *binding, const struct rnat_tuple *t,
		  u64 now)
{
	struct rnat_tcp tcp;

	binding->last_used = rnat_stamp(now);
	binding->seen = 0;
	if (binding->proto != IPPROTO_TCP) {
		WRITE_ONCE(binding->state, ROAMNAT_BINDING_STATE_OPEN);
		return;
	}
	rnat_tcp_begin(&tcp, rnat_tcp_remote(t, true));
	WRITE_ONCE(binding->remote, tcp.remote);
	WRITE_ONCE(binding->seen, tcp.seen);
	WRITE_ONCE(binding->state, tcp.state);
}

static bool is_filling(const struct rnat_net *rn, struct rnat_block *block,
		       u8 index)
{
	if ((block->told & BIT(index)) ||
	    block->ports.used[index] * 100ULL <
	    (u64)block->ports.count * READ_ONCE(rn->config.block_threshold))
		return false;
	block->told |= BIT(index);
	return true;
}

/* Into the tables and at its slot. The caller sees to the timer. */
static int put_in(struct rnat_net *rn, struct rnat_block *block,
		  struct rnat_binding *binding, u32 slot)
{
	int err = rnat_binding_insert(rn, binding);

	if (err) {
		rnat_binding_free(rn, binding);
		return err == -EEXIST ? -EAGAIN : err;
	}
	rnat_ports_take(&block->ports, slot);
	return 0;
}

static int bind(struct rnat_net *rn, struct rnat_map *map,
		const struct rnat_key *key, const struct rnat_tuple *t, u64 now,
		struct rnat_binding **bound)
{
	struct rnat_block *block = map->block;
	struct rnat_binding *binding;
	u32 slot;
	int err;

	if (block->dead || block->frozen)
		return -EAGAIN;
	/* Another CPU with a packet of the same port. */
	if (rnat_binding_lookup_priv(rn, key))
		return -EAGAIN;
	slot = rnat_ports_choose(&block->ports, key->proto, ntohs(key->port),
				 READ_ONCE(rn->config.port_parity));
	if (slot == RNAT_PORTS_NONE)
		return -ENOSPC;
	binding = rnat_binding_new(rn);
	if (IS_ERR_OR_NULL(binding))
		return binding ? PTR_ERR(binding) : -ENOMEM;
	binding->map = map;
	binding->proto = key->proto;
	binding->priv_port = key->port;
	binding->pub_port = htons(rnat_ports_port(&block->ports, slot));
	begin(binding, t, now);
	err = put_in(rn, block, binding, slot);
	if (err)
		return err;
	begin_session(binding);
	schedule_end(block->shard, binding, now);
	*bound = binding;
	return 0;
}

bool rnat_block_is_full(const struct rnat_map *map, const struct rnat_tuple *t)
{
	const struct rnat_ports *ports = &map->block->ports;

	return READ_ONCE(ports->used[rnat_ports_index(t->proto)]) >=
	       ports->count;
}

int rnat_block_bind(struct rnat_net *rn, struct rnat_map *map,
		    const struct rnat_key *key, const struct rnat_tuple *t,
		    u64 now, struct rnat_binding **bound, bool *filling)
{
	spinlock_t *lock = &map->block->shard->wheel.lock;
	int err;

	*filling = false;
	spin_lock_bh(lock);
	err = bind(rn, map, key, t, now, bound);
	if (!err)
		*filling = is_filling(rn, map->block,
				      rnat_ports_index(key->proto));
	spin_unlock_bh(lock);
	return err;
}

int rnat_block_revive(struct rnat_net *rn, struct rnat_binding *binding,
		      const struct rnat_tuple *t, u64 now)
{
	struct rnat_block *block = binding->map->block;
	int err = -EAGAIN;

	spin_lock_bh(&block->shard->wheel.lock);
	if (binding->state == ROAMNAT_BINDING_STATE_RESTING &&
	    !block->dead && !block->frozen) {
		begin(binding, t, now);
		begin_session(binding);
		schedule_end(block->shard, binding, now);
		err = 0;
	}
	spin_unlock_bh(&block->shard->wheel.lock);
	return err;
}

static void read_tcp(const struct rnat_binding *binding, struct rnat_tcp *tcp)
{
	tcp->remote = READ_ONCE(binding->remote);
	tcp->seen = READ_ONCE(binding->seen);
	tcp->state = READ_ONCE(binding->state);
}

/* The state changes: once more from the beginning, under the lock. */
static void advance(struct rnat_net *rn, struct rnat_binding *binding,
		    u8 flags, u32 remote, u64 now, bool outbound, bool use)
{
	struct rnat_block *block = binding->map->block;
	struct rnat_tcp tcp;
	u8 before;

	spin_lock_bh(&block->shard->wheel.lock);
	read_tcp(binding, &tcp);
	before = tcp.state;
	if (rnat_binding_is_open(binding) && !block->frozen) {
		use &= rnat_tcp_advance(&tcp, flags, remote, outbound);
		WRITE_ONCE(binding->remote, tcp.remote);
		WRITE_ONCE(binding->seen, tcp.seen);
		WRITE_ONCE(binding->state, tcp.state);
		if (use || tcp.state != before)
			WRITE_ONCE(binding->last_used, rnat_stamp(now));
		if (tcp.state != before)
			schedule_end(block->shard, binding, now);
	}
	spin_unlock_bh(&block->shard->wheel.lock);
}

void rnat_block_use(struct rnat_net *rn, struct rnat_binding *binding,
		    const struct sk_buff *skb, const struct rnat_tuple *t,
		    u64 now, bool outbound, bool use)
{
	struct rnat_tcp old, tcp;
	u32 remote;
	u8 flags;

	if (t->proto == IPPROTO_TCP) {
		flags = rnat_tcp_flags(skb, t);
		remote = rnat_tcp_remote(t, outbound);
		read_tcp(binding, &old);
		tcp = old;
		use &= rnat_tcp_advance(&tcp, flags, remote, outbound);
		if (tcp.state != old.state || tcp.seen != old.seen ||
		    tcp.remote != old.remote) {
			advance(rn, binding, flags, remote, now, outbound, use);
			return;
		}
	}
	if (use)
		rnat_binding_mark(binding, now);
}

int rnat_block_learn(struct rnat_binding *binding, __be32 addr)
{
	spinlock_t *lock = &binding->map->block->shard->wheel.lock;
	int err = 0;

	if (rnat_binding_knows(binding, addr))
		return 0;
	spin_lock_bh(lock);
	if (rnat_binding_is_open(binding))
		err = rnat_binding_learn(binding, addr);
	spin_unlock_bh(lock);
	return err;
}

void rnat_block_freeze(struct rnat_map *map)
{
	struct rnat_block *block = map->block;

	spin_lock_bh(&block->shard->wheel.lock);
	block->frozen = true;
	block->frozen_at = rnat_stamp(rnat_clock());
	spin_unlock_bh(&block->shard->wheel.lock);
}

/* The binding at the first slot from *@slot on that is taken. */
static struct rnat_binding *next_taken(struct rnat_net *rn,
				       const struct rnat_map *map, u32 *slot)
{
	const struct rnat_ports *ports = &map->block->ports;
	struct rnat_binding *binding;
	struct rnat_key key = map->pub;

	for (;; ++*slot) {
		*slot = rnat_ports_next(ports, *slot);
		if (*slot == RNAT_PORTS_NONE)
			return NULL;
		key.proto = rnat_ports_proto(ports, *slot);
		key.port = htons(rnat_ports_port(ports, *slot));
		binding = rnat_binding_lookup_pub(rn, &key);
		if (binding)
			return binding;
	}
}

/* Does something to all bindings of a block, a few under the lock at a time. */
static void for_all(struct rnat_net *rn, struct rnat_map *map,
		    void (*what)(struct rnat_block *block,
				 struct rnat_binding *binding, u32 arg),
		    u32 arg)
{
	struct rnat_block *block = map->block;
	struct rnat_binding *binding;
	unsigned int n;
	u32 slot = 0;

	do {
		binding = NULL;
		rcu_read_lock();
		spin_lock_bh(&block->shard->wheel.lock);
		for (n = 0; n < BATCH; n++, slot++) {
			binding = next_taken(rn, map, &slot);
			if (!binding)
				break;
			what(block, binding, arg);
		}
		spin_unlock_bh(&block->shard->wheel.lock);
		rcu_read_unlock();
		cond_resched();
	} while (binding);
}

static void shift(struct rnat_block *block, struct rnat_binding *binding,
		  u32 by)
{
	WRITE_ONCE(binding->last_used, binding->last_used + by);
}

static void reschedule(struct rnat_block *block, struct rnat_binding *binding,
		       u32 arg)
{
	schedule_end(block->shard, binding, rnat_clock());
}

static void clear(struct rnat_block *block, struct rnat_binding *binding,
		  u32 arg)
{
	remove(block, binding);
}

void rnat_block_thaw(struct rnat_net *rn, struct rnat_map *map)
{
	struct rnat_block *block = map->block;

	if (!block->frozen)
		return;
	for_all(rn, map, shift, rnat_stamp(rnat_clock()) - block->frozen_at);
	spin_lock_bh(&block->shard->wheel.lock);
	block->frozen = false;
	spin_unlock_bh(&block->shard->wheel.lock);
	/* Those that were due meanwhile have left the wheel. */
	for_all(rn, map, reschedule, 0);
}

void rnat_block_clear(struct rnat_net *rn, struct rnat_map *map)
{
	struct rnat_block *block = map->block;

	spin_lock_bh(&block->shard->wheel.lock);
	block->dead = true;
	spin_unlock_bh(&block->shard->wheel.lock);
	for_all(rn, map, clear, 0);
}

static int install(struct rnat_net *rn, struct rnat_map *map,
		   const struct rnat_binding_info *info)
{
	struct rnat_block *block = map->block;
	u32 now = block->frozen ? block->frozen_at : rnat_stamp(rnat_clock());
	struct rnat_binding *binding;
	u64 time, left;
	u32 slot;
	int err;
	u8 i;

	slot = rnat_ports_slot(&block->ports, info->proto,
			       ntohs(info->pub_port));
	if (rnat_ports_is_taken(&block->ports, slot))
		return -EEXIST;
	binding = rnat_binding_new(rn);
	if (IS_ERR_OR_NULL(binding))
		return binding ? PTR_ERR(binding) : -ENOMEM;
	binding->map = map;
	binding->proto = info->proto;
	binding->priv_port = info->priv_port;
	binding->pub_port = info->pub_port;
	binding->state = info->state;
	binding->remote = info->remote_hash & ~(u32)RNAT_TCP_TRAVELS;
	binding->seen = info->remote_hash & RNAT_TCP_TRAVELS;
	if (info->many_remotes)
		binding->seen |= RNAT_TCP_MANY;
	time = rnat_binding_time(rn, binding);
	left = min(time, info->remaining_ms * NSEC_PER_MSEC);
	binding->last_used = now - rnat_stamp(time - left);
	for (i = 0; i < info->remotes; i++) {
		err = rnat_binding_learn(binding, info->remote[i]);
		if (err) {
			rnat_binding_free(rn, binding);
			return err;
		}
	}
	err = put_in(rn, block, binding, slot);
	if (!err)
		begin_session(binding);
	if (!err && !block->frozen)
		schedule_end(block->shard, binding, rnat_clock());
	return err == -EAGAIN ? -EEXIST : err;
}

int rnat_block_install(struct rnat_net *rn, struct rnat_map *map,
		       const struct rnat_binding_info *info)
{
	struct rnat_block *block = map->block;
	int err;

	rcu_read_lock();
	spin_lock_bh(&block->shard->wheel.lock);
	err = install(rn, map, info);
	spin_unlock_bh(&block->shard->wheel.lock);
	rcu_read_unlock();
	return err;
}

struct rnat_binding *rnat_block_next(struct rnat_net *rn,
				     const struct rnat_map *map, u32 *cursor)
{
	struct rnat_block *block = map->block;
	struct rnat_binding *binding;

	spin_lock_bh(&block->shard->wheel.lock);
	binding = next_taken(rn, map, cursor);
	spin_unlock_bh(&block->shard->wheel.lock);
	++*cursor;
	return binding;
}

u32 rnat_block_count(const struct rnat_map *map)
{
	const struct rnat_block *block = map->block;
	u32 i, count = 0;

	for (i = 0; i < RNAT_PORTS_PROTOS; i++)
		count += READ_ONCE(block->ports.used[i]);
	return count;
}

bool rnat_block_describe(struct rnat_net *rn, const struct rnat_binding *binding,
			 struct rnat_binding_info *info)
{
	const struct rnat_block *block = binding->map->block;
	const struct rnat_remotes *remotes;
	u64 age, time;
	u8 i;

	memset(info, 0, sizeof(*info));
	spin_lock_bh(&block->shard->wheel.lock);
	info->state = binding->state;
	info->proto = binding->proto;
	info->priv_port = binding->priv_port;
	info->pub_port = binding->pub_port;
	info->many_remotes = binding->seen & RNAT_TCP_MANY;
	if (binding->proto == IPPROTO_TCP)
		info->remote_hash = binding->remote |
				    (binding->seen & RNAT_TCP_TRAVELS);
	time = rnat_binding_time(rn, binding);
	age = rnat_binding_age(binding, block->frozen ? block->frozen_at :
					rnat_stamp(rnat_clock()));
	info->elapsed_ms = div_u64(age, NSEC_PER_MSEC);
	info->remaining_ms = age < time ? div_u64(time - age, NSEC_PER_MSEC) : 0;
	remotes = rcu_dereference(binding->remotes);
	for (i = 0; remotes && i < remotes->count; i++)
		info->remote[info->remotes++] = remotes->addr[i];
	spin_unlock_bh(&block->shard->wheel.lock);
	return info->state != RNAT_BINDING_GONE;
}

void rnat_blocks_uninit(struct rnat_net *rn)
{
	u32 i;

	for (i = 0; rn->bindings.shards && i <= rn->bindings.shard_mask; i++)
		rnat_wheel_stop(&rn->bindings.shards[i].wheel);
	rnat_bindings_uninit(rn);
	kvfree(rn->bindings.shards);
}
