// SPDX-License-Identifier: GPL-2.0
#include "control.h"

#include <linux/inetdevice.h>
#include <linux/netlink.h>
#include <linux/rcupdate.h>
#include <net/addrconf.h>

#include "block.h"
#include "floor.h"
#include "forward.h"
#include "idle.h"
#include "map.h"
#include "net.h"
#include "netlink.h"
#include "overlap.h"
#include "trace.h"

/* A command that comes too late: harmless, but worth counting. */
#define STALE(rn, extack, sentence) ({			\
	rnat_stats_inc(rn, RNAT_STAT_STALE_REFUSED);	\
	NL_SET_ERR_MSG(extack, sentence);		\
	-ESTALE;					\
})

static bool is_translating(const struct rnat_net *rn,
			   const struct rnat_map *map)
{
	return map->state == ROAMNAT_STATE_ACTIVE &&
	       !rnat_map_is_suspended(rn, map);
}

/*
 * Who stops translating promises something: after this every packet that had
 * found the old state has left the module.
 */
static void wait_for_packets(void)
{
	synchronize_rcu_expedited();
}

/* Of one that nobody was told of. */
static void take_out(struct rnat_net *rn, struct rnat_map *map)
{
	rnat_floor_leave(rn, map);
	rn->forward_count -= rnat_map_is_moved(map);
	/* Pairs with rnat_map_judge() and rnat_map_blocked(). */
	smp_store_release(&map->state, RNAT_STATE_NONE);
	rnat_idle_stop(rn, map);
	if (map->block)
		rnat_block_clear(rn, map);
	rnat_table_remove(&rn->table, map);
	rnat_map_free_rcu(map);
}

static void remove_map(struct rnat_net *rn, struct rnat_map *map)
{
	rnat_netlink_notify(rn, map, ROAMNAT_EVENT_DELETED, GFP_KERNEL);
	trace_rnat_state(map->id, map->epoch, map->state, RNAT_STATE_NONE);
	take_out(rn, map);
}

int rnat_control_session(struct rnat_net *rn, u64 incarnation, u64 lease_end,
			 struct netlink_ext_ack *extack)
{
	u64 current_end = rn->lease_end;

	lockdep_assert_held(&rn->lock);
	if (!incarnation) {
		/* Pairs with blocked_in(); wait_for_packets() sees to the rest. */
		smp_store_release(&rn->incarnation, 0);
	} else if (incarnation == rn->incarnation) {
		if (current_end && rnat_clock() >= current_end)
			return STALE(rn, extack, "The lease has run out and cannot be renewed; set incarnation 0 and register again");
		WRITE_ONCE(rn->lease_end, lease_end);
	} else {
		if (rn->incarnation) {
			NL_SET_ERR_MSG(extack, "Another incarnation is in force; set incarnation 0 first");
			return -EBUSY;
		}
		if (incarnation <= rn->incarnation_max)
			return STALE(rn, extack, "This incarnation is not above every earlier one; register again for a new one");
		rnat_floor_flush(rn);
		rn->incarnation_max = incarnation;
		WRITE_ONCE(rn->lease_end, lease_end);
		/* Pairs with blocked_in(): the lease comes with it. */
		smp_store_release(&rn->incarnation, incarnation);
	}
	wait_for_packets();
	return 0;
}

static bool same_sides(const struct rnat_map *map,
		       const struct rnat_grant *grant)
{
	return rnat_map_kind(map) == grant->kind &&
	       (!map->block || map->block->ports.count == grant->ports) &&
	       !memcmp(&map->priv, &grant->priv, sizeof(map->priv)) &&
	       !memcmp(&map->pub, &grant->pub, sizeof(map->pub));
}

static bool is_in_force(const struct rnat_map *map,
			const struct rnat_grant *grant)
{
	return map->epoch == grant->epoch && map->state == grant->state &&
	       map->incarnation == grant->incarnation &&
	       same_sides(map, grant);
}

/* May it be taken, as far as the id's own history goes? */
static int check_epoch(struct rnat_net *rn, const struct rnat_map *map,
		       const struct rnat_grant *grant,
		       struct netlink_ext_ack *extack)
{
	if (grant->epoch <= rnat_floor_get(rn, grant->id))
		return STALE(rn, extack, "The epoch is at or below the floor of this id; only a newer grant can be taken");
	if (!map)
		return 0;
	if (grant->state == ROAMNAT_STATE_HELD && is_translating(rn, map)) {
		NL_SET_ERR_MSG(extack, "The mapping is active here; freeze it before it can be transferred to this gateway");
		return -EBUSY;
	}
	/* Epochs of transfers are claims of a peer and bind no grant. */
	if (grant->epoch < map->epoch &&
	    (map->state != ROAMNAT_STATE_HELD ||
	     grant->state == ROAMNAT_STATE_HELD))
		return STALE(rn, extack, "The mapping is here at a newer epoch; this message is late and can be forgotten");
	return 0;
}

static bool is_any(const struct rnat_net *rn, const struct rnat_map *map)
{
	return true;
}

/* The mapping of another id that has (some of) one of the sides, or NULL. */
static struct rnat_map *find_rival(struct rnat_net *rn,
				   const struct rnat_grant *grant)
{
	struct rnat_map *map;

	/* The mutex keeps it, RCU is for the hash table. */
	rcu_read_lock();
	map = rnat_table_lookup_priv(&rn->table, &grant->priv);
	if (!map || map->id == grant->id)
		map = rnat_table_lookup_pub(&rn->table, &grant->pub);
	rcu_read_unlock();
	if (map && map->id != grant->id)
		return map;
	return rnat_overlap_find(rn, &grant->pub, grant->ports, grant->id,
				 is_any);
}

/* What is somebody else's by now is in nobody's way. */
static void remove_moved_rivals(struct rnat_net *rn,
				const struct rnat_grant *grant)
{
	struct rnat_map *map;

	while ((map = find_rival(rn, grant)) && rnat_map_is_moved(map))
		remove_map(rn, map);
}

/* Before anything else is changed: may the other mappings give way? */
static int check_rivals(struct rnat_net *rn, const struct rnat_grant *grant,
			struct netlink_ext_ack *extack)
{
	struct rnat_map *priv, *pub;

	rcu_read_lock();
	priv = rnat_table_lookup_priv(&rn->table, &grant->priv);
	pub = rnat_table_lookup_pub(&rn->table, &grant->pub);
	rcu_read_unlock();
	if ((priv && priv->id != grant->id && is_translating(rn, priv)) ||
	    (pub && pub->id != grant->id && is_translating(rn, pub)) ||
	    rnat_overlap_find(rn, &grant->pub, grant->ports, grant->id,
			      is_translating)) {
		NL_SET_ERR_MSG(extack, "Another active mapping has this private or public side; release that one first");
		return -EEXIST;
	}
	remove_moved_rivals(rn, grant);
	if (grant->state == ROAMNAT_STATE_HELD && find_rival(rn, grant)) {
		NL_SET_ERR_MSG(extack, "Another mapping has this private or public side; only a grant makes it give way, or delete it");
		return -EEXIST;
	}
	return 0;
}

/*
 * An address of the gateway itself is not a tenant's: what comes to it, its own
 * connections to the controller too, would go to a VM (port shadowing). One that
 * is given to an interface later is the operator's doing.
 */
static int check_not_own(struct rnat_net *rn, const struct rnat_grant *grant,
			 struct netlink_ext_ack *extack)
{
	bool own;

	rcu_read_lock();
	if (grant->pub.family == NFPROTO_IPV6)
		own = ipv6_chk_addr(rn->net, &grant->pub.addr.in6, NULL, 0);
	else
		own = __ip_dev_find(rn->net, grant->pub.addr.ip, false);
	rcu_read_unlock();
	if (!own)
		return 0;
	NL_SET_ERR_MSG(extack, "The public address is one of this gateway's own; take it out of the pool, or off the interface");
	return -EADDRINUSE;
}

static void remove_rivals(struct rnat_net *rn, const struct rnat_grant *grant)
{
	struct rnat_map *map;

	while ((map = find_rival(rn, grant)))
		remove_map(rn, map);
}

/* @max: how many there may be with it. */
static int insert(struct rnat_net *rn, struct rnat_map *map,
		  const struct rnat_grant *grant, u32 max,
		  struct netlink_ext_ack *extack)
{
	int err;

	map->id = grant->id;
	map->priv = grant->priv;
	map->pub = grant->pub;
	err = rnat_table_insert(&rn->table, map, max);
	if (!err)
		return 0;
	/* Packets may have found it in the first index. */
	rnat_map_free_rcu(map);
	if (err == -ENOSPC)
		NL_SET_ERR_MSG(extack, "max-mappings are in the table; raise it with config-set");
	else
		NL_SET_ERR_MSG(extack, "No memory for the mapping's index; try again");
	return err;
}

/*
 * Puts a new mapping where @map, the entry of that id if there is one, and other
 * mappings with its sides are now. What can fail comes before they are gone.
 */
static int replace(struct rnat_net *rn, struct rnat_map **map,
		   const struct rnat_grant *grant,
		   struct netlink_ext_ack *extack)
{
	u32 max = min_t(u64, U32_MAX, (u64)rn->config.max_mappings +
				      rn->forward_count);
	struct rnat_map *fresh;
	int err;

	fresh = rnat_map_new(GFP_KERNEL_ACCOUNT);
	if (!fresh) {
		NL_SET_ERR_MSG(extack, "No memory for the mapping; try again");
		return -ENOMEM;
	}
	if (grant->kind == ROAMNAT_KIND_BLOCK) {
		fresh->block = rnat_block_new(rn, &grant->pub, grant->ports);
		if (!fresh->block) {
			rnat_map_free(fresh);
			NL_SET_ERR_MSG(extack, "No memory for the ports of the block; try again");
			return -ENOMEM;
		}
		fresh->order = ilog2(grant->ports);
	}
	/* There are no more than before, whatever the bound is now. */
	if (*map || find_rival(rn, grant))
		max = U32_MAX;
	remove_rivals(rn, grant);
	if (*map)
		remove_map(rn, *map);
	err = insert(rn, fresh, grant, max, extack);
	*map = err ? NULL : fresh;
	return err;
}

static void set_timer(struct rnat_map *map, const struct rnat_grant *grant)
{
	u64 last = rnat_clock() - grant->elapsed_ms * NSEC_PER_MSEC;

	if (!grant->has_timer) {
		/* A frozen one stood still. */
		if (map->state != ROAMNAT_STATE_ACTIVE &&
		    map->state != ROAMNAT_STATE_HELD)
			WRITE_ONCE(map->last_used,
				   rnat_clock() - map->frozen_elapsed);
		map->touched = 0;
		return;
	}
	/* A packet that was held since the transfer counts. */
	if (map->touched && (s64)(READ_ONCE(map->last_used) - last) > 0)
		last = map->last_used;
	WRITE_ONCE(map->preset, grant->preset_ms * NSEC_PER_MSEC);
	WRITE_ONCE(map->last_used, last);
	map->touched = 0;
}

/*
 * Everything that belongs to the new epoch is there before the incarnation and
 * the state that let packets use it. Packets that were held before leave
 * before those that come now: that is what draining is for, set first.
 */
static void enter_granted(struct rnat_map *map, const struct rnat_grant *grant)
{
	if (map->epoch != grant->epoch) {
		WRITE_ONCE(map->first_translated, 0);
		WRITE_ONCE(map->last_translated, 0);
	}
	WRITE_ONCE(map->epoch, grant->epoch);
	set_timer(map, grant);
	WRITE_ONCE(map->draining, grant->state == ROAMNAT_STATE_ACTIVE);
	/* Pairs with blocked_in(): the epoch, timer and draining come with it. */
	smp_store_release(&map->incarnation, grant->incarnation);
	trace_rnat_state(map->id, map->epoch, map->state, grant->state);
	/* Pairs with rnat_map_judge() and rnat_map_blocked(): so does all above. */
	smp_store_release(&map->state, grant->state);
}

/*
 * Those that are in the way of one that is here, or above a bound, are left out.
 * With no memory for one the grant fails, so that it is said again with all of
 * them: else a VM would lose connections and nobody would know.
 */
static int install_bindings(struct rnat_net *rn, struct rnat_map *map,
			    struct rnat_grant *grant,
			    struct netlink_ext_ack *extack)
{
	struct rnat_binding_info info;

	while (grant->next_binding && grant->next_binding(grant, &info)) {
		if (rnat_block_install(rn, map, &info) == -ENOMEM) {
			NL_SET_ERR_MSG(extack, "No memory for the bindings of the block; try again");
			return -ENOMEM;
		}
		cond_resched();
	}
	return 0;
}

static int no_room(struct netlink_ext_ack *extack)
{
	NL_SET_ERR_MSG(extack, "max-floors promises are kept; raise it with config-set, or register again");
	return -ENOSPC;
}

static int raise_floor(struct rnat_net *rn, u64 id, u64 epoch,
		       struct netlink_ext_ack *extack)
{
	int err = rnat_floor_raise(rn, id, epoch);

	if (err == -ENOSPC)
		return no_room(extack);
	if (err)
		NL_SET_ERR_MSG(extack, "No memory for the floor of this id; try again");
	return err;
}

/*
 * Sees to an entry for @grant at *@map, with its bindings, that does not translate yet.
 * An active entry that is only suspended must not become held in place: its new
 * incarnation would let it translate before its new state stops it.
 */
static int make_place(struct rnat_net *rn, struct rnat_map **map,
		      struct rnat_grant *grant, struct netlink_ext_ack *extack)
{
	bool fresh = !*map || !same_sides(*map, grant) ||
		     (grant->state != ROAMNAT_STATE_ACTIVE &&
		      (*map)->state == ROAMNAT_STATE_ACTIVE);
	int err = 0;

	if (fresh)
		err = replace(rn, map, grant, extack);
	if (err || !(*map)->block)
		return err;
	err = install_bindings(rn, *map, grant, extack);
	if (err && fresh)
		take_out(rn, *map);
	return err;
}

int rnat_control_new(struct rnat_net *rn, struct rnat_grant *grant,
		     struct netlink_ext_ack *extack)
{
	bool active = grant->state == ROAMNAT_STATE_ACTIVE;
	bool known;
	struct rnat_map *map;
	int err;

	lockdep_assert_held(&rn->lock);
	if (!rn->incarnation || grant->incarnation != rn->incarnation)
		return STALE(rn, extack, "The incarnation is not the session's; register and use the new one");
	map = rnat_table_lookup_id(&rn->table, grant->id);
	if (map && is_in_force(map, grant))
		return install_bindings(rn, map, grant, extack);
	err = check_epoch(rn, map, grant, extack);
	if (err)
		return err;
	err = check_rivals(rn, grant, extack);
	if (!err && (!map || !same_sides(map, grant)))
		err = check_not_own(rn, grant, extack);
	if (err)
		return err;
	if (!grant->has_timer && (!map || !same_sides(map, grant) || !active)) {
		NL_SET_ERR_MSG(extack, "No timer, and no entry whose timer could go on; give preset-ms, elapsed-ms and remaining-ms");
		return -EINVAL;
	}
	if (active && !rnat_floor_has_room(rn, grant->id))
		return no_room(extack);

	known = map;
	err = make_place(rn, &map, grant, extack);
	if (err)
		return err;
	if (active)
		rnat_floor_enter(rn, map);
	else
		rnat_floor_leave(rn, map);
	rnat_idle_stop(rn, map);
	rn->forward_count -= rnat_map_is_moved(map);
	if (map->block)
		rnat_block_thaw(rn, map);
	enter_granted(map, grant);
	rnat_netlink_notify(rn, map, known ? ROAMNAT_EVENT_GRANTED :
			    ROAMNAT_EVENT_INSTALLED, GFP_KERNEL);
	if (active) {
		rnat_upcall_drain(rn, map);
		rnat_idle_start(rn, map);
	}
	return 0;
}

int rnat_control_freeze(struct rnat_net *rn, u64 id, u64 epoch, u32 state,
			bool awaited, struct rnat_map **frozen,
			struct netlink_ext_ack *extack)
{
	struct rnat_map *map;
	bool was_running;
	s64 elapsed;
	int err;

	lockdep_assert_held(&rn->lock);
	map = rnat_table_lookup_id(&rn->table, id);
	if (!map || rnat_map_is_moved(map)) {
		NL_SET_ERR_MSG(extack, "No mapping has this id; there is nothing to freeze");
		return -ENOENT;
	}
	if (map->epoch != epoch)
		return STALE(rn, extack, "The mapping is here at another epoch; read it again with mapping-get");
	if (map->state == ROAMNAT_STATE_HELD) {
		NL_SET_ERR_MSG(extack, "The mapping is only held and never translated; delete it instead");
		return -EBUSY;
	}
	/* One of an earlier incarnation is no floor in this one. */
	err = raise_floor(rn, id, epoch, extack);
	if (err)
		return err;

	*frozen = map;
	was_running = map->state == ROAMNAT_STATE_ACTIVE;
	if (map->state == state)
		return 0;
	trace_rnat_state(map->id, map->epoch, map->state, state);
	if (map->state == ROAMNAT_STATE_ACTIVE) {
		WRITE_ONCE(map->forward, 0);
		WRITE_ONCE(map->awaited, awaited);
	}
	/* Pairs with rnat_map_judge() and rnat_map_blocked(). */
	smp_store_release(&map->state, state);
	rnat_idle_stop(rn, map);
	wait_for_packets();
	if (was_running) {
		elapsed = rnat_map_in_session(map) ? 0 :
			  rnat_clock() - map->last_used;
		WRITE_ONCE(map->frozen_elapsed, max_t(s64, elapsed, 0));
		if (map->block)
			rnat_block_freeze(map);
	}
	rnat_netlink_notify(rn, map, ROAMNAT_EVENT_FROZEN, GFP_KERNEL);
	return 0;
}

static int check_forward(struct rnat_net *rn, const struct rnat_map *map,
			 u64 epoch, u32 state, u32 way,
			 struct netlink_ext_ack *extack)
{
	if (!map) {
		NL_SET_ERR_MSG(extack, "No mapping has this id; its packets are nobody's here");
		return -ENOENT;
	}
	if (map->epoch != epoch)
		return STALE(rn, extack, "The mapping is here at another epoch; read it again with mapping-get");
	if (map->state != ROAMNAT_STATE_MOVING_OUT && !rnat_map_is_moved(map)) {
		NL_SET_ERR_MSG(extack, "The mapping is not on its way to another gateway; freeze it first");
		return -EBUSY;
	}
	if (!rnat_forward_has(rn, way)) {
		NL_SET_ERR_MSG(extack, "No way has this number; name it with forward-set first");
		return -ENODEV;
	}
	if (state == ROAMNAT_STATE_MOVED && !rnat_map_is_moved(map) &&
	    rn->forward_count >= rn->config.max_forwards) {
		NL_SET_ERR_MSG(extack, "max-forwards mappings are forwarded; delete this one, or raise it with config-set");
		return -ENOSPC;
	}
	return 0;
}

/* Packets that wait leave by the way before those that come now, as in
 * enter_granted().
 */
int rnat_control_forward(struct rnat_net *rn, u64 id, u64 epoch, u32 state,
			 u32 way, struct netlink_ext_ack *extack)
{
	struct rnat_map *map;
	int err;

	lockdep_assert_held(&rn->lock);
	map = rnat_table_lookup_id(&rn->table, id);
	err = check_forward(rn, map, epoch, state, way, extack);
	if (err)
		return err;
	if (!map->forward)
		WRITE_ONCE(map->draining, 1);
	/* Pairs with has_way(): draining comes with it. */
	smp_store_release(&map->forward, way);
	if (map->draining)
		rnat_upcall_drain(rn, map);
	if (state != ROAMNAT_STATE_MOVED || rnat_map_is_moved(map))
		return 0;
	trace_rnat_state(map->id, map->epoch, map->state, state);
	rn->forward_count++;
	/* Pairs with rnat_map_judge() and rnat_map_blocked(). */
	smp_store_release(&map->state, ROAMNAT_STATE_MOVED);
	rnat_idle_start_moved(rn, map);
	rnat_netlink_notify(rn, map, ROAMNAT_EVENT_FROZEN, GFP_KERNEL);
	return 0;
}

void rnat_control_forget(struct rnat_net *rn, u64 id)
{
	struct rnat_map *map;

	lockdep_assert_held(&rn->lock);
	map = rnat_table_lookup_id(&rn->table, id);
	if (map && rnat_map_is_moved(map) && rnat_idle_is_over(map))
		remove_map(rn, map);
}

int rnat_control_del(struct rnat_net *rn, u64 id, u64 epoch,
		     struct netlink_ext_ack *extack)
{
	struct rnat_map *map;
	int err;

	lockdep_assert_held(&rn->lock);
	map = rnat_table_lookup_id(&rn->table, id);
	if (!map) {
		NL_SET_ERR_MSG(extack, "No mapping has this id; it is deleted already");
		return -ENOENT;
	}
	if (map->epoch != epoch)
		return STALE(rn, extack, "The mapping is here at another epoch; read it again with mapping-get");
	if (map->state != ROAMNAT_STATE_HELD) {
		err = raise_floor(rn, id, epoch, extack);
		if (err)
			return err;
	}
	remove_map(rn, map);
	wait_for_packets();
	return 0;
}

void rnat_control_flush(struct rnat_net *rn)
{
	struct rnat_map *map;
	u64 id = 1;

	lockdep_assert_held(&rn->lock);
	while ((map = rnat_table_lookup_from(&rn->table, id))) {
		id = map->id + 1;
		if (!rn->incarnation || map->incarnation != rn->incarnation)
			remove_map(rn, map);
		cond_resched();
		if (!id)
			break;
	}
	wait_for_packets();
}

int rnat_control_floor(struct rnat_net *rn, u64 id, u64 epoch,
		       struct netlink_ext_ack *extack)
{
	struct rnat_map *map;

	lockdep_assert_held(&rn->lock);
	map = rnat_table_lookup_id(&rn->table, id);
	if (map && map->state == ROAMNAT_STATE_ACTIVE &&
	    map->epoch <= epoch && !rnat_map_is_suspended(rn, map)) {
		NL_SET_ERR_MSG(extack, "The mapping is active at such an epoch; freeze it first");
		return -EBUSY;
	}
	return raise_floor(rn, id, epoch, extack);
}
