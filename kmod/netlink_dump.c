// SPDX-License-Identifier: GPL-2.0
#include <net/genetlink.h>
#include <net/sock.h>

#include "map.h"
#include "net.h"
#include "netlink.h"
#include "netlink_gen.h"

/* The cursors of dumps: an index, or the next id. Both mean the same after the
 * set has changed, so a dump goes on and says that it was interrupted.
 */
struct dump {
	u64 next;
	bool done;
};

static struct dump *dump_of(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct dump) > sizeof(cb->ctx));
	return (struct dump *)cb->ctx;
}

static void *put_header(struct sk_buff *skb, struct netlink_callback *cb,
			u8 cmd)
{
	void *hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				cb->nlh->nlmsg_seq, &rnat_netlink_family,
				NLM_F_MULTI, cmd);

	if (hdr)
		genl_dump_check_consistent(cb, hdr);
	return hdr;
}

/* Of the prefixes, and then of the exclusions. */
static int put_nth(struct sk_buff *skb, const struct rnat_inside *inside,
		   u64 n)
{
	if (n < inside->count)
		return rnat_netlink_put_prefix(skb, &inside->prefix[n]);
	return rnat_netlink_put_exclude(skb, &inside->exclude[n - inside->count]);
}

int roamnat_nl_inside_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb)
{
	struct rnat_net *rn = rnat_net_get(sock_net(cb->skb->sk));
	struct dump *dump = dump_of(cb);
	struct rnat_inside *inside;
	void *hdr;

	mutex_lock(&rn->lock);
	inside = rcu_dereference_protected(rn->inside,
					   lockdep_is_held(&rn->lock));
	cb->seq = rn->inside_generation + 1;
	while (inside && dump->next < inside->count + inside->n_exclude) {
		hdr = put_header(skb, cb, ROAMNAT_CMD_INSIDE_GET);
		if (!hdr)
			break;
		if (put_nth(skb, inside, dump->next)) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
		dump->next++;
	}
	mutex_unlock(&rn->lock);
	return skb->len;
}

static int zone_of(struct netlink_callback *cb, u32 *zone)
{
	struct nlattr *attrs[ROAMNAT_A_MAPPING_PUBLIC_PORT + 1];
	int err;

	err = genlmsg_parse(cb->nlh, &rnat_netlink_family, attrs,
			    ROAMNAT_A_MAPPING_PUBLIC_PORT,
			    roamnat_mapping_get_nl_policy, cb->extack);
	if (err || !attrs[ROAMNAT_A_MAPPING_ZONE])
		return err;
	*zone = nla_get_u32(attrs[ROAMNAT_A_MAPPING_ZONE]);
	return 1;
}

int roamnat_nl_mapping_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	struct rnat_net *rn = rnat_net_get(sock_net(cb->skb->sk));
	struct dump *dump = dump_of(cb);
	unsigned int steps = 0;
	struct rnat_map *map;
	int filtered;
	u32 zone = 0;
	void *hdr;

	filtered = zone_of(cb, &zone);
	if (filtered < 0)
		return filtered;
	mutex_lock(&rn->lock);
	cb->seq = rn->table.generation + 1;
	while (!dump->done &&
	       (map = rnat_table_lookup_from(&rn->table, dump->next))) {
		if (!filtered || map->priv.zone == zone) {
			hdr = put_header(skb, cb, ROAMNAT_CMD_MAPPING_GET);
			if (!hdr)
				break;
			if (rnat_netlink_put_map(skb, rn, map)) {
				genlmsg_cancel(skb, hdr);
				break;
			}
			genlmsg_end(skb, hdr);
		}
		dump->next = map->id + 1;
		dump->done = !dump->next;
		/* Commands need not wait for a zone that is rare to be found. */
		if (++steps % 64 == 0) {
			mutex_unlock(&rn->lock);
			cond_resched();
			mutex_lock(&rn->lock);
			cb->seq = rn->table.generation + 1;
		}
	}
	mutex_unlock(&rn->lock);
	return skb->len;
}
