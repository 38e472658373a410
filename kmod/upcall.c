// SPDX-License-Identifier: GPL-2.0
#include "upcall.h"

#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "block.h"
#include "hash.h"
#include "held.h"
#include "hook.h"
#include "map.h"
#include "net.h"
#include "netlink.h"
#include "trace.h"

#define REPEAT_NS	NSEC_PER_SEC

struct rnat_miss {
	struct rhash_head node;
	struct rnat_key key;
	struct list_head queue;		/* rnat_held.of_miss, by arrival */
	struct list_head list;		/* of rnat_upcall waiting or refused */
	u64 when;			/* next upcall, or end of hold-off */
	u64 until;			/* asked without a packet until then */
	u64 idle_ms;
	u32 ifindex;
	u32 packets;
	u8 kind;			/* enum roamnat_kind, 0: its mapping's */
	bool refused;
	struct rcu_head rcu;
};

static const struct rhashtable_params miss_params = {
	.key_len = sizeof(struct rnat_key),
	.key_offset = offsetof(struct rnat_miss, key),
	.head_offset = offsetof(struct rnat_miss, node),
	.hashfn = rnat_hash_fn,
	.automatic_shrinking = true,
};

static struct rnat_miss *lookup(struct rnat_upcall *up,
				const struct rnat_key *key)
{
	return rhashtable_lookup_fast(&up->misses, key, miss_params);
}

static void arm(struct rnat_upcall *up, u64 when)
{
	if (up->dead || when >= up->armed)
		return;
	up->armed = when;
	mod_delayed_work(system_wq, &up->work, rnat_clock_delay(when));
}

static void arm_next(struct rnat_net *rn)
{
	struct rnat_upcall *up = &rn->upcall;
	struct rnat_held *held;
	struct rnat_miss *miss;

	held = list_first_entry_or_null(&up->held, struct rnat_held, of_all);
	if (held)
		arm(up, held->since + rnat_held_deadline(rn));
	miss = list_first_entry_or_null(&up->waiting, struct rnat_miss, list);
	if (miss)
		arm(up, miss->when);
	miss = list_first_entry_or_null(&up->refused, struct rnat_miss, list);
	if (miss)
		arm(up, miss->when);
}

static void remove_miss(struct rnat_upcall *up, struct rnat_miss *miss)
{
	rhashtable_remove_fast(&up->misses, &miss->node, miss_params);
	list_del(&miss->list);
	up->miss_count--;
	kfree_rcu(miss, rcu);
}

static struct rnat_miss *add_miss(struct rnat_net *rn,
				  const struct rnat_key *key,
				  const struct rnat_prefix *prefix, u64 now)
{
	struct rnat_upcall *up = &rn->upcall;
	struct rnat_miss *miss;

	miss = kzalloc(sizeof(*miss), GFP_ATOMIC);
	if (!miss)
		return NULL;
	miss->key = *key;
	INIT_LIST_HEAD(&miss->queue);
	miss->ifindex = prefix ? prefix->ifindex : 0;
	miss->idle_ms = prefix ? prefix->idle_ms : 0;
	miss->kind = prefix ? prefix->kind : 0;
	miss->when = now + REPEAT_NS;
	if (rhashtable_insert_fast(&up->misses, &miss->node, miss_params)) {
		kfree(miss);
		return NULL;
	}
	list_add_tail(&miss->list, &up->waiting);
	up->miss_count++;
	return miss;
}

/* Why this stranger may not ask now: a counter, or 0. */
static u32 refuse_new(struct rnat_net *rn, const struct rnat_key *key,
		      struct rnat_prefix *prefix, u64 now)
{
	const struct rnat_config *config = &rn->config;
	struct rnat_prefix *iface;

	if (rn->upcall.miss_count >= READ_ONCE(config->max_misses))
		return ROAMNAT_A_COUNTER_DROP_MISSES_FULL;
	if (!prefix)
		return 0;
	if (!rnat_limit_take_source(rn, key, now))
		return ROAMNAT_A_COUNTER_DROP_SOURCE_RATE;
	iface = prefix - (prefix->index - prefix->iface);
	if (!rnat_limit_take(&iface->bucket, now,
			     READ_ONCE(config->upcall_rate),
			     READ_ONCE(config->upcall_burst)))
		return ROAMNAT_A_COUNTER_DROP_UPCALL_RATE;
	return 0;
}

static void take_out(struct rnat_upcall *up, struct rnat_held *held)
{
	list_del(&held->of_miss);
	list_del(&held->of_all);
	held->miss->packets--;
	up->held_packets--;
	up->held_bytes -= held->truesize;
}

static void put_in(struct rnat_upcall *up, struct rnat_miss *miss,
		   struct rnat_held *held)
{
	held->miss = miss;
	list_add_tail(&held->of_miss, &miss->queue);
	list_add_tail(&held->of_all, &up->held);
	miss->packets++;
	up->held_packets++;
	up->held_bytes += held->truesize;
}

/* A mapping that moves was somebody's before: a stranger cannot cause it. */
static bool is_moving(const struct rnat_map *map)
{
	u8 state = map ? READ_ONCE(map->state) : RNAT_STATE_NONE;

	return state == ROAMNAT_STATE_HELD ||
	       state == ROAMNAT_STATE_MOVING_OUT ||
	       (map && READ_ONCE(map->draining));
}

static u32 check_bounds(struct rnat_net *rn, const struct rnat_miss *miss,
			const struct rnat_map *map, const struct sk_buff *skb)
{
	const struct rnat_config *config = &rn->config;
	struct rnat_upcall *up = &rn->upcall;
	u32 max = is_moving(map) ? READ_ONCE(config->hold_packets_moving) :
				   READ_ONCE(config->hold_packets);

	if (miss && miss->packets >= max)
		return ROAMNAT_A_COUNTER_DROP_HOLD_MAPPING;
	if (up->held_packets >= READ_ONCE(config->hold_packets_total) ||
	    (u64)up->held_bytes + skb->truesize >
	    READ_ONCE(config->hold_bytes_total))
		return ROAMNAT_A_COUNTER_DROP_HOLD_TOTAL;
	return 0;
}

static void fill_info(struct rnat_net *rn, const struct rnat_miss *miss,
		      struct rnat_miss_info *info)
{
	const struct rnat_map *map;

	*info = (struct rnat_miss_info) {
		.key = miss->key,
		.kind = miss->kind,
		.ifindex = miss->ifindex,
		.idle_ms = miss->idle_ms,
	};
	map = rnat_table_lookup_priv(&rn->table, &miss->key);
	if (!map)
		return;
	info->kind = rnat_map_kind(map);
	info->id = map->id;
	info->epoch = READ_ONCE(map->epoch);
	info->state = READ_ONCE(map->state);
	if (!info->idle_ms)
		info->idle_ms = div_u64(READ_ONCE(map->preset), NSEC_PER_MSEC);
}

/* Outside the lock: delivery wakes the agent up. */
static void ask(struct rnat_net *rn, const struct rnat_miss_info *info)
{
	u32 lost = READ_ONCE(rn->upcall.lost);
	bool delivered = !rnat_netlink_send_miss(rn, info, lost);

	trace_rnat_miss(&info->key, info->ifindex, delivered);
	if (delivered) {
		rnat_stats_inc(rn, RNAT_STAT_UPCALLS);
		spin_lock_bh(&rn->upcall.lock);
		rn->upcall.lost -= min(lost, rn->upcall.lost);
		spin_unlock_bh(&rn->upcall.lock);
		return;
	}
	rnat_stats_inc(rn, RNAT_STAT_UPCALLS_LOST);
	spin_lock_bh(&rn->upcall.lock);
	rn->upcall.lost++;
	spin_unlock_bh(&rn->upcall.lock);
}

/* Still true under the lock what the hook found without it? If not it looks
 * again; so no packet is left behind by a grant that has just been.
 */
static bool still_missing(struct rnat_net *rn, struct rnat_map *map,
			  bool outbound, u64 now)
{
	if (!map)
		return outbound;
	if (rnat_map_judge(rn, map, now, outbound) != RNAT_MAP_HOLD)
		return false;
	if (READ_ONCE(map->state) == ROAMNAT_STATE_HELD &&
	    (outbound || READ_ONCE(rn->config.inbound_refresh))) {
		WRITE_ONCE(map->touched, 1);
		WRITE_ONCE(map->last_used, now);
	}
	return true;
}

/* The controller's "no": to a VM, or to another block for it. */
static u32 refusal(const struct rnat_key *key)
{
	return !key->proto && key->port ? ROAMNAT_A_COUNTER_DROP_BLOCK_FULL :
					  ROAMNAT_A_COUNTER_DROP_REFUSED;
}

static int hold(struct rnat_net *rn, struct sk_buff *skb,
		const struct nf_hook_state *state, const struct rnat_key *key,
		const struct rnat_tuple *tuple, struct rnat_prefix *prefix,
		struct rnat_miss_info *info)
{
	struct rnat_map *map = rnat_table_lookup_priv(&rn->table, key);
	bool draining = map && READ_ONCE(map->draining);
	struct rnat_upcall *up = &rn->upcall;
	struct rnat_miss *miss;
	struct rnat_held *held;
	u64 now = rnat_clock();
	u32 reason;
	bool fresh;

	if (up->dead)
		return ROAMNAT_A_COUNTER_DROP_FLUSHED;
	if (!still_missing(rn, map, prefix, now))
		return -EAGAIN;
	if (!draining && !READ_ONCE(rn->agent_portid))
		return ROAMNAT_A_COUNTER_DROP_NO_AGENT;

	miss = lookup(up, key);
	if (miss && miss->refused) {
		if (now < miss->when && !draining)
			return refusal(key);
		remove_miss(up, miss);
		miss = NULL;
	}
	reason = check_bounds(rn, miss, map, skb);
	fresh = !miss || !miss->packets;
	if (!reason && fresh && !draining)
		reason = refuse_new(rn, key, prefix, now);
	if (reason)
		return reason;

	if (!miss)
		miss = add_miss(rn, key, prefix, now);
	if (!miss)
		return ROAMNAT_A_COUNTER_DROP_MEMORY;
	held = rnat_held_new(skb, state, tuple, now);
	if (!held) {
		if (!miss->packets)
			remove_miss(up, miss);
		return ROAMNAT_A_COUNTER_DROP_MEMORY;
	}
	rnat_held_share_ct(held, &miss->queue);
	put_in(up, miss, held);
	if (!miss->ifindex && prefix) {
		miss->ifindex = prefix->ifindex;
		miss->idle_ms = prefix->idle_ms;
	}
	/* Who gives a mapping away knows. */
	if (fresh && !draining &&
	    !(map && rnat_map_is_leaving(map)))
		fill_info(rn, miss, info);
	else if (!draining)
		rnat_stats_inc(rn, RNAT_STAT_UPCALLS_MERGED);
	arm_next(rn);
	return 0;
}

int rnat_upcall_hold(struct rnat_net *rn, struct sk_buff *skb,
		     const struct nf_hook_state *state,
		     const struct rnat_key *key, const struct rnat_tuple *tuple,
		     struct rnat_prefix *prefix)
{
	struct rnat_miss_info info = { };
	int ret;

	spin_lock_bh(&rn->upcall.lock);
	ret = hold(rn, skb, state, key, tuple, prefix, &info);
	spin_unlock_bh(&rn->upcall.lock);
	if (info.key.family)
		ask(rn, &info);
	return ret;
}

/* True: the question is to be asked. */
static bool begin_asking(struct rnat_net *rn, const struct rnat_key *key,
			 struct rnat_prefix *prefix,
			 struct rnat_miss_info *info)
{
	u64 now = rnat_clock();
	struct rnat_miss *miss;

	if (rn->upcall.dead || !READ_ONCE(rn->agent_portid) ||
	    lookup(&rn->upcall, key) ||
	    rnat_table_lookup_priv(&rn->table, key) ||
	    refuse_new(rn, key, prefix, now))
		return false;
	miss = add_miss(rn, key, prefix, now);
	if (!miss)
		return false;
	miss->until = now + rnat_held_deadline(rn);
	fill_info(rn, miss, info);
	arm_next(rn);
	return true;
}

void rnat_upcall_filling(struct rnat_net *rn, const struct rnat_map *map,
			 struct rnat_prefix *prefix)
{
	struct rnat_miss_info info;
	struct rnat_key next = map->priv;
	bool asking;

	rnat_netlink_notify(rn, map, ROAMNAT_EVENT_FILLING, GFP_ATOMIC);
	next.port = htons(ntohs(next.port) + 1);
	if (ntohs(next.port) >= ROAMNAT_BLOCKS_MAX)
		return;
	spin_lock_bh(&rn->upcall.lock);
	asking = begin_asking(rn, &next, prefix, &info);
	spin_unlock_bh(&rn->upcall.lock);
	if (asking)
		ask(rn, &info);
}

u32 rnat_upcall_peek(struct rnat_net *rn, const struct sk_buff *skb,
		     const struct rnat_key *key)
{
	struct rnat_upcall *up = &rn->upcall;
	struct rnat_miss *miss;
	u32 reason;

	if (!READ_ONCE(rn->agent_portid))
		return ROAMNAT_A_COUNTER_DROP_NO_AGENT;
	spin_lock_bh(&up->lock);
	miss = lookup(up, key);
	if (miss && miss->refused)
		reason = rnat_clock() < miss->when ?
			 ROAMNAT_A_COUNTER_DROP_REFUSED : 0;
	else
		reason = check_bounds(rn, miss,
				      rnat_table_lookup_priv(&rn->table, key),
				      skb);
	if (!reason && !miss &&
	    up->miss_count >= READ_ONCE(rn->config.max_misses))
		reason = ROAMNAT_A_COUNTER_DROP_MISSES_FULL;
	spin_unlock_bh(&up->lock);
	return reason;
}

/* One packet of the miss, or NULL when there is none left: then the miss is
 * gone and the mapping is open to all.
 */
static struct rnat_held *drain_one(struct rnat_upcall *up,
				   struct rnat_map *map)
{
	struct rnat_held *held = NULL;
	struct rnat_miss *miss;

	spin_lock_bh(&up->lock);
	miss = lookup(up, &map->priv);
	if (miss)
		held = list_first_entry_or_null(&miss->queue, struct rnat_held,
						of_miss);
	if (held)
		take_out(up, held);
	else
		WRITE_ONCE(map->draining, 0);
	if (miss && !held)
		remove_miss(up, miss);
	spin_unlock_bh(&up->lock);
	return held;
}

void rnat_upcall_drain(struct rnat_net *rn, struct rnat_map *map)
{
	u32 max = 4 * max(READ_ONCE(rn->config.hold_packets),
			  READ_ONCE(rn->config.hold_packets_moving));
	struct rnat_held *held;
	unsigned int n = 0;

	lockdep_assert_held(&rn->lock);
	while ((held = drain_one(&rn->upcall, map))) {
		local_bh_disable();
		rcu_read_lock();
		rnat_hook_resume(rn, held);
		rcu_read_unlock();
		local_bh_enable();
		rnat_held_free(held);
		/* When packets come faster than they leave here, let the new
		 * ones overtake rather than stay for ever.
		 */
		if (++n == max)
			WRITE_ONCE(map->draining, 0);
		cond_resched();
	}
}

/* Drops packets that nobody can find any more, outside the lock. */
static void drop_list(struct rnat_net *rn, struct list_head *list, u32 reason)
{
	struct rnat_held *held, *next;

	list_for_each_entry_safe(held, next, list, of_all) {
		list_del(&held->of_all);
		rnat_held_drop(rn, held, reason);
	}
}

static void take_out_all(struct rnat_upcall *up, struct rnat_miss *miss,
			 struct list_head *list)
{
	struct rnat_held *held, *next;

	list_for_each_entry_safe(held, next, &miss->queue, of_miss) {
		take_out(up, held);
		list_add_tail(&held->of_all, list);
	}
}

/* Hold-offs are mostly alike: the place is nearly always at the end. */
static void add_refused(struct rnat_upcall *up, struct rnat_miss *miss)
{
	struct rnat_miss *other;

	list_for_each_entry_reverse(other, &up->refused, list)
		if (other->when <= miss->when)
			break;
	list_add(&miss->list, &other->list);
}

int rnat_upcall_refuse(struct rnat_net *rn, const struct rnat_key *key,
		       u64 hold_off_ms)
{
	struct rnat_upcall *up = &rn->upcall;
	struct rnat_miss *miss;
	LIST_HEAD(list);

	spin_lock_bh(&up->lock);
	miss = lookup(up, key);
	if (miss) {
		take_out_all(up, miss, &list);
		if (hold_off_ms) {
			list_del(&miss->list);
			miss->refused = true;
			miss->when = rnat_clock() +
				     hold_off_ms * NSEC_PER_MSEC;
			add_refused(up, miss);
			arm(up, miss->when);
		} else {
			remove_miss(up, miss);
		}
	}
	spin_unlock_bh(&up->lock);
	if (!miss)
		return -ENOENT;
	drop_list(rn, &list, refusal(key));
	return 0;
}

void rnat_upcall_repeat(struct rnat_net *rn)
{
	struct rnat_upcall *up = &rn->upcall;
	struct rnat_miss *miss;
	u64 now = rnat_clock();

	spin_lock_bh(&up->lock);
	list_for_each_entry(miss, &up->waiting, list)
		miss->when = now;
	arm_next(rn);
	spin_unlock_bh(&up->lock);
}

void rnat_upcall_flush(struct rnat_net *rn, const struct net_device *dev)
{
	struct rnat_upcall *up = &rn->upcall;
	struct rnat_held *held, *next;
	LIST_HEAD(list);

	spin_lock_bh(&up->lock);
	list_for_each_entry_safe(held, next, &up->held, of_all) {
		if (dev && !rnat_held_uses(held, dev))
			continue;
		take_out(up, held);
		list_add_tail(&held->of_all, &list);
		if (!held->miss->packets)
			remove_miss(up, held->miss);
	}
	spin_unlock_bh(&up->lock);
	drop_list(rn, &list, ROAMNAT_A_COUNTER_DROP_FLUSHED);
}

/* The last packet of a miss is over its deadline, but the agent's answer may
 * be under way: it finds the miss for a second more.
 */
static void linger(struct rnat_upcall *up, struct rnat_miss *miss, u64 now)
{
	miss->when = now + REPEAT_NS;
	list_move_tail(&miss->list, &up->waiting);
}

/* Takes out what has waited too long; a bounded number at a time. */
static bool expire(struct rnat_net *rn, u64 now, struct list_head *list)
{
	struct rnat_upcall *up = &rn->upcall;
	struct rnat_held *held, *next;
	struct rnat_miss *miss, *miss_next;
	unsigned int n = 0;

	list_for_each_entry_safe(held, next, &up->held, of_all) {
		if (now < held->since + rnat_held_deadline(rn))
			break;
		if (n++ == 64)
			return true;
		take_out(up, held);
		list_add_tail(&held->of_all, list);
		if (!held->miss->packets)
			linger(up, held->miss, now);
	}
	list_for_each_entry_safe(miss, miss_next, &up->refused, list) {
		if (now < miss->when)
			break;
		if (n++ == 64)
			return true;
		remove_miss(up, miss);
	}
	return false;
}

/* The miss whose question is to be asked again, if there is one. */
static bool next_question(struct rnat_net *rn, u64 now,
			  struct rnat_miss_info *info)
{
	struct rnat_upcall *up = &rn->upcall;
	struct rnat_miss *miss, *next;

	list_for_each_entry_safe(miss, next, &up->waiting, list) {
		if (now < miss->when)
			return false;
		if (!miss->packets && now >= miss->until) {
			remove_miss(up, miss);
			continue;
		}
		miss->when = now + REPEAT_NS;
		list_move_tail(&miss->list, &up->waiting);
		fill_info(rn, miss, info);
		return true;
	}
	return false;
}

static void tick(struct work_struct *work)
{
	struct rnat_upcall *up = container_of(to_delayed_work(work),
					      struct rnat_upcall, work);
	struct rnat_net *rn = container_of(up, struct rnat_net, upcall);
	u64 now = rnat_clock();
	bool more, question;

	do {
		struct rnat_miss_info info;
		LIST_HEAD(list);

		rcu_read_lock();
		spin_lock_bh(&up->lock);
		more = expire(rn, now, &list);
		question = next_question(rn, now, &info);
		up->armed = U64_MAX;
		if (!more && !question)
			arm_next(rn);
		spin_unlock_bh(&up->lock);
		if (question && READ_ONCE(rn->agent_portid))
			ask(rn, &info);
		rcu_read_unlock();
		drop_list(rn, &list, ROAMNAT_A_COUNTER_DROP_DEADLINE);
		cond_resched();
	} while (more || question);
}

void rnat_upcall_stop(struct rnat_net *rn)
{
	spin_lock_bh(&rn->upcall.lock);
	rn->upcall.dead = true;
	spin_unlock_bh(&rn->upcall.lock);
	rnat_upcall_flush(rn, NULL);
}

int rnat_upcall_init(struct rnat_net *rn)
{
	struct rnat_upcall *up = &rn->upcall;

	spin_lock_init(&up->lock);
	INIT_LIST_HEAD(&up->waiting);
	INIT_LIST_HEAD(&up->refused);
	INIT_LIST_HEAD(&up->held);
	up->armed = U64_MAX;
	INIT_DELAYED_WORK(&up->work, tick);
	return rhashtable_init(&up->misses, &miss_params);
}

static void free_miss(void *miss, void *arg)
{
	kfree(miss);
}

void rnat_upcall_uninit(struct rnat_net *rn)
{
	cancel_delayed_work_sync(&rn->upcall.work);
	rhashtable_free_and_destroy(&rn->upcall.misses, free_miss, NULL);
}
