// SPDX-License-Identifier: GPL-2.0
#include "block.h"

#include <linux/bitmap.h>
#include <linux/in.h>
#include <linux/math64.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "binding.h"
#include "map.h"
#include "net.h"
#include "tcp.h"
#include "tuple.h"

#define SHARDS_MAX	16
#define BATCH		64

/* Ports below this are kept among themselves (RFC 4787, REQ-3). */
#define WELL_KNOWN	1024

static u32 slots(const struct rnat_block *block)
{
	return RNAT_BLOCK_PROTOS * block->ports;
}

/*
 * For each protocol, the even ports first and then the odd ones, so that those
 * of one parity (RFC 4787, REQ-4) are found as a range.
 */
static u32 slot_of(const struct rnat_block *block, u8 index, u16 port)
{
	u32 offset = port - block->first;

	return index * block->ports + (offset & 1) * (block->ports / 2) +
	       offset / 2;
}

static u16 port_of(const struct rnat_block *block, u32 slot)
{
	u32 half = block->ports / 2;

	slot &= block->ports - 1;
	return block->first + (slot < half ? 2 * slot : 2 * (slot - half) + 1);
}

static u8 index_of_proto(u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return 0;
	case IPPROTO_UDP:
		return 1;
	}
	return 2;		/* ICMP, ICMPv6 */
}

static u8 proto_of_slot(const struct rnat_map *map, u32 slot)
{
	switch (slot / map->block->ports) {
	case 0:
		return IPPROTO_TCP;
	case 1:
		return IPPROTO_UDP;
	}
	return map->pub.family == NFPROTO_IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
}

/* A random one of the slots from @low on, below @high; @high if none is free. */
static u32 find_free(const struct rnat_block *block, u32 low, u32 high)
{
	u32 start, slot;

	if (low >= high)
		return high;
	start = low + reciprocal_scale(get_random_u32(), high - low);
	slot = find_next_zero_bit(block->taken, high, start);
	if (slot < high)
		return slot;
	slot = find_next_zero_bit(block->taken, start, low);
	return slot < start ? slot : high;
}

/*
 * A free slot for a private port: hard to guess (RFC 6056), of the same range
 * where the block has one (RFC 4787, REQ-3), of the same parity unless it is
 * switched off or none is free.
 */
static u32 choose(const struct rnat_net *rn, const struct rnat_block *block,
		  u8 proto, u16 private)
{
	u32 half = block->ports / 2, low = 0, high = half, edge = 0;
	u32 base = index_of_proto(proto) * block->ports;
	u32 odd = private & 1, i, slot, end;

	if (block->first < WELL_KNOWN)
		edge = min_t(u32, half, (WELL_KNOWN - block->first) / 2);
	if (index_of_proto(proto) == 2) {
		odd = get_random_u32() & 1;
	} else {
		if (private < WELL_KNOWN && edge)
			high = edge;
		else if (private >= WELL_KNOWN && edge < half)
			low = edge;
		if (!READ_ONCE(rn->config.port_parity))
			odd = get_random_u32() & 1;
	}
	for (i = 0; i < 2; i++, odd ^= 1) {
		end = base + odd * half + high;
		slot = find_free(block, base + odd * half + low, end);
		if (slot < end)
			return slot;
	}
	return U32_MAX;
}

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

static void remove(struct rnat_block *block, struct rnat_binding *binding)
{
	u8 index = index_of_proto(binding->proto);

	rnat_wheel_del(&block->shard->wheel, &binding->slot);
	__clear_bit(slot_of(block, index, ntohs(binding->pub_port)),
		    block->taken);
	block->used[index]--;
	/* Far enough below the threshold that the same is not told all the
	 * time when one port comes and goes.
	 */
	if (block->used[index] * 400ULL <
	    (u64)block->ports * 3 * READ_ONCE(block->shard->rn->config.block_threshold))
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
	u32 i;

	if (prepare_shards(rn))
		return NULL;
	block = kzalloc(struct_size(block, taken,
				    BITS_TO_LONGS(RNAT_BLOCK_PROTOS * ports)),
			GFP_KERNEL_ACCOUNT);
	if (!block)
		return NULL;
	i = rnat_table_hash(pub, sizeof(*pub), 0) & rn->bindings.shard_mask;
	block->shard = &rn->bindings.shards[i];
	block->ports = ports;
	block->first = ntohs(pub->port);
	/* Port 0 is nobody's. */
	for (i = 0; !block->first && i < RNAT_BLOCK_PROTOS; i++)
		__set_bit(slot_of(block, i, 0), block->taken);
	return block;
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
	    block->used[index] * 100ULL <
	    (u64)block->ports * READ_ONCE(rn->config.block_threshold))
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
	__set_bit(slot, block->taken);
	block->used[index_of_proto(binding->proto)]++;
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
	slot = choose(rn, block, key->proto, ntohs(key->port));
	if (slot == U32_MAX)
		return -ENOSPC;
	binding = rnat_binding_new(rn);
	if (IS_ERR_OR_NULL(binding))
		return binding ? PTR_ERR(binding) : -ENOMEM;
	binding->map = map;
	binding->proto = key->proto;
	binding->priv_port = key->port;
	binding->pub_port = htons(port_of(block, slot));
	begin(binding, t, now);
	err = put_in(rn, block, binding, slot);
	if (err)
		return err;
	schedule_end(block->shard, binding, now);
	*bound = binding;
	return 0;
}

bool rnat_block_is_full(const struct rnat_map *map, const struct rnat_tuple *t)
{
	const struct rnat_block *block = map->block;

	return READ_ONCE(block->used[index_of_proto(t->proto)]) >= block->ports;
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
				      index_of_proto(key->proto));
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
	struct rnat_block *block = map->block;
	struct rnat_binding *binding;
	struct rnat_key key = map->pub;

	for (;; ++*slot) {
		*slot = find_next_bit(block->taken, slots(block), *slot);
		if (*slot >= slots(block))
			return NULL;
		key.proto = proto_of_slot(map, *slot);
		key.port = htons(port_of(block, *slot));
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

	slot = slot_of(block, index_of_proto(info->proto),
		       ntohs(info->pub_port));
	if (test_bit(slot, block->taken))
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

	for (i = 0; i < RNAT_BLOCK_PROTOS; i++)
		count += READ_ONCE(block->used[i]);
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
