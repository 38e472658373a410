// SPDX-License-Identifier: GPL-2.0
/*
 * roamnat: network address translation whose mappings move between gateways.
 *
 * The table of contents. What a packet meets: hook.c, tuple.c, table.c,
 * rewrite.c; when there is no mapping, upcall.c. What a command meets:
 * netlink.c, control.c. One struct rnat_net (net.h) is one gateway.
 */
#include <linux/module.h>
#include <net/genetlink.h>

#include "binding.h"
#include "clock.h"
#include "floor.h"
#include "hash.h"
#include "map.h"
#include "net.h"
#include "netlink.h"
#include "selftest/selftest.h"
#include "table.h"

static int __init roamnat_init(void)
{
	int err;

	rnat_hash_init();
	err = rnat_selftest_run();
	if (err)
		return err;
	err = rnat_clock_init();
	if (err)
		return err;
	err = rnat_map_init();
	if (err)
		goto err_clock;
	err = rnat_binding_init();
	if (err)
		goto err_map;
	err = rnat_floor_init();
	if (err)
		goto err_binding;
	err = rnat_net_init();
	if (err)
		goto err_floor;
	err = rnat_netlink_init();
	if (err)
		goto err_net;
	return 0;

err_net:
	rnat_net_uninit();
err_floor:
	rnat_floor_uninit();
err_binding:
	rnat_binding_uninit();
err_map:
	rnat_map_uninit();
err_clock:
	rnat_clock_uninit();
	return err;
}

/*
 * No command any more; then no hook, no held packet, no timer; then, after the
 * last RCU callback, no memory.
 */
static void __exit roamnat_exit(void)
{
	rnat_netlink_uninit();
	rnat_net_uninit();
	rnat_floor_uninit();
	rnat_binding_uninit();
	rnat_map_uninit();
	rnat_clock_uninit();
}

module_init(roamnat_init);
module_exit(roamnat_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Network address translation whose mappings move between gateways");
MODULE_VERSION(RNAT_VERSION);
MODULE_ALIAS_GENL_FAMILY(ROAMNAT_FAMILY_NAME);
