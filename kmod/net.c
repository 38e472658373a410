// SPDX-License-Identifier: GPL-2.0
#include "net.h"

#include <linux/netdevice.h>
#include <net/netfilter/ipv4/nf_defrag_ipv4.h>
#include <net/netns/generic.h>

#include "block.h"
#include "fast.h"
#include "floor.h"
#include "forward.h"
#include "hook.h"
#include "idle.h"

static unsigned int net_id __read_mostly;

static const struct rnat_config default_config = {
	.max_mappings = 2097152,
	.max_floors = 4194304,
	.max_misses = 16384,
	.hold_packets = 32,
	.hold_packets_total = 16384,
	.hold_bytes_total = 33554432,
	.hold_ms = 5000,
	.upcall_rate = 5000,
	.upcall_burst = 5000,
	.source_rate = 100,
	.source_burst = 200,
	.icmp_rate = 100,
	.max_bindings = 8388608,
	.udp_ms = 300000,
	.tcp_established_ms = 7440000,
	.tcp_opening_ms = 240000,
	.tcp_closing_ms = 240000,
	.icmp_ms = 60000,
	.port_hold_off_ms = 120000,
	.filtering = ROAMNAT_FILTERING_ENDPOINT_INDEPENDENT,
	.inbound_refresh = 1,
	.port_parity = 1,
	.block_threshold = 75,
	.hold_packets_moving = 4096,
	.max_forwards = 262144,
	.forward_ms = 30000,
};

struct rnat_net *rnat_net_get(const struct net *net)
{
	return net_generic(net, net_id);
}

/* Fragments have no ports: where mappings do, packets come whole. */
static int set_defrag(struct rnat_net *rn, bool on)
{
	int err = 0;

	if (on && !rn->defrag)
		err = nf_defrag_ipv4_enable(rn->net);
	else if (!on && rn->defrag)
		nf_defrag_ipv4_disable(rn->net);
	if (!err)
		rn->defrag = on;
	return err;
}

static int set_ops(struct rnat_net *rn, struct nf_hook_ops *ops, bool *hooked,
		   bool on)
{
	int err = 0;

	if (on && !*hooked)
		err = nf_register_net_hooks(rn->net, ops, RNAT_HOOK_COUNT);
	else if (!on && *hooked)
		nf_unregister_net_hooks(rn->net, ops, RNAT_HOOK_COUNT);
	if (!err)
		*hooked = on;
	return err;
}

static int set_hooks(struct rnat_net *rn, bool on)
{
	return set_ops(rn, rn->ops, &rn->hooked, on);
}

/* IPv6 costs nothing where nothing of it is translated. */
static int set_hooks6(struct rnat_net *rn, bool on)
{
	return set_ops(rn, rn->ops + RNAT_HOOK_COUNT, &rn->hooked6, on);
}

int rnat_net_configure(struct rnat_net *rn, struct rnat_inside *inside)
{
	struct rnat_inside *old;
	bool defrag = rn->defrag, hooked = rn->hooked;
	bool has_6 = inside && inside->count > inside->count4;
	int err;

	lockdep_assert_held(&rn->lock);
	if (inside) {
		err = rnat_limit_prepare(rn);
		if (err)
			goto err_free;
		err = set_defrag(rn, defrag || inside->has_ports);
		if (err)
			goto err_free;
		err = set_hooks(rn, true);
		if (err)
			goto err_defrag;
		err = set_hooks6(rn, has_6 || rn->hooked6);
		if (err)
			goto err_hooks;
	} else {
		set_hooks(rn, false);
	}
	if (!has_6)
		set_hooks6(rn, false);
	old = rcu_replace_pointer(rn->inside, inside,
				  lockdep_is_held(&rn->lock));
	rnat_inside_free_rcu(old);
	rn->inside_generation++;
	set_defrag(rn, inside && inside->has_ports);
	/* Without hooks there is no way for them to go on. */
	if (!inside)
		rnat_upcall_flush(rn, NULL);
	return 0;

err_hooks:
	set_hooks(rn, hooked);
err_defrag:
	set_defrag(rn, defrag);
err_free:
	rnat_inside_free_rcu(inside);
	return err;
}

static int __net_init net_init(struct net *net)
{
	struct rnat_net *rn = rnat_net_get(net);
	int err;

	rn->net = net;
	rn->config = default_config;
	rnat_floor_start(rn);
	mutex_init(&rn->lock);
	rnat_hook_init(rn);
	rnat_idle_init(rn);
	err = rnat_stats_init(rn);
	if (err)
		return err;
	err = rnat_table_init(&rn->table);
	if (err)
		goto err_stats;
	err = rnat_bindings_init(rn);
	if (err)
		goto err_table;
	err = rnat_upcall_init(rn);
	if (err)
		goto err_bindings;
	return 0;

err_bindings:
	rnat_bindings_uninit(rn);
err_table:
	rnat_table_uninit(&rn->table);
err_stats:
	rnat_stats_uninit(rn);
	return err;
}

/* Before any namespace loses its devices and its conntrack: held packets refer
 * to both. A grace period follows.
 */
static void __net_exit net_pre_exit(struct net *net)
{
	struct rnat_net *rn = rnat_net_get(net);

	mutex_lock(&rn->lock);
	rnat_fast_set(rn, NULL, 0, NULL);
	rnat_net_configure(rn, NULL);
	rnat_forward_set(rn, NULL);
	mutex_unlock(&rn->lock);
	rnat_upcall_stop(rn);
}

static void __net_exit net_exit(struct net *net)
{
	struct rnat_net *rn = rnat_net_get(net);

	rnat_idle_uninit(rn);
	rnat_upcall_uninit(rn);
	rnat_blocks_uninit(rn);
	rnat_table_uninit(&rn->table);
	rnat_floor_stop(rn);
	rnat_limit_uninit(rn);
	rnat_stats_uninit(rn);
}

static struct pernet_operations net_ops = {
	.init = net_init,
	.pre_exit = net_pre_exit,
	.exit = net_exit,
	.id = &net_id,
	.size = sizeof(struct rnat_net),
};

/* A held packet keeps its devices, and hooks of a device go with it: let go of those
 * that go away, also to another namespace.
 */
static int device_event(struct notifier_block *nb, unsigned long event,
			void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);

	if (event == NETDEV_DOWN || event == NETDEV_UNREGISTER)
		rnat_upcall_flush(rnat_net_get(dev_net(dev)), dev);
	if (event == NETDEV_UNREGISTER)
		rnat_fast_forget(rnat_net_get(dev_net(dev)), dev);
	return NOTIFY_DONE;
}

static struct notifier_block device_notifier = {
	.notifier_call = device_event,
};

int rnat_net_init(void)
{
	int err;

	err = register_pernet_subsys(&net_ops);
	if (err)
		return err;
	err = register_netdevice_notifier(&device_notifier);
	if (err)
		unregister_pernet_subsys(&net_ops);
	return err;
}

void rnat_net_uninit(void)
{
	unregister_netdevice_notifier(&device_notifier);
	unregister_pernet_subsys(&net_ops);
}
