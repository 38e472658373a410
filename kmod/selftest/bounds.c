// SPDX-License-Identifier: GPL-2.0
/*
 * Time that goes back, keys that somebody has chosen, strangers who ask too often
 * (R5, R22 and R31 of docs/kernel-rules.md).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": selftest bounds: " fmt
#include <linux/bottom_half.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <uapi/linux/roamnat.h>

#include "../clock.h"
#include "../hash.h"
#include "../idle.h"
#include "../map.h"
#include "../net.h"
#include "../wheel.h"
#include "selftest.h"

#define PRESET	(1000ULL * NSEC_PER_MSEC)

/* R5: used by another CPU, or granted, a little after this one took its clock. */
static int check_clock(s64 ahead)
{
	u64 now = rnat_clock(), tick;
	struct rnat_timer timer;
	struct rnat_map *map;
	bool ok;

	map = kzalloc(sizeof(*map), GFP_KERNEL);
	if (!map)
		return -ENOMEM;
	map->state = ROAMNAT_STATE_ACTIVE;
	map->preset = PRESET;
	map->last_used = now + ahead;
	rnat_map_timer(map, &timer);
	tick = rnat_idle_tick(map, now);
	ok = timer.elapsed_ms <= 1000 && timer.preset_ms == 1000;
	if (ahead > 0)
		ok = ok && !timer.elapsed_ms && tick > rnat_wheel_tick(now);
	else
		ok = ok && timer.elapsed_ms == 1000 && !tick;
	if (!ok)
		pr_err("last used %lld ns from now: elapsed %llu ms, tick %llu of %llu\n",
		       ahead, timer.elapsed_ms, tick, rnat_wheel_tick(now));
	kfree(map);
	return ok ? 0 : -EINVAL;
}

static bool look(void)
{
	bool seen;

	local_bh_disable();
	rnat_clock_look();
	seen = rnat_clock_is_seen();
	local_bh_enable();
	return seen;
}

/* Nothing that was read before the machine slept is used afterwards. */
static int check_sleep(void)
{
	bool before = false, asleep, awake = false;
	unsigned int i;

	/* A tick may come in between. */
	for (i = 0; i < 100 && !before; i++)
		before = look();
	rnat_clock_set_asleep(true);
	local_bh_disable();
	asleep = rnat_clock_is_seen();
	local_bh_enable();
	asleep |= look();
	rnat_clock_set_asleep(false);
	for (i = 0; i < 100 && !awake; i++)
		awake = look();
	if (!asleep && before == IS_ENABLED(CONFIG_64BIT) && awake == before)
		return 0;
	pr_err("the clock was seen before %d, asleep %d, awake %d\n", before,
	       asleep, awake);
	return -EINVAL;
}

/* R22: as many keys as buckets, a random function has chains of about nine. */
#define KEYS	BIT(17)
#define CHAIN_MAX	16

/* Series that a tenant could choose, because each differs in few bits. The keys of
 * the hash are random: of 400 of them none had a chain above 12.
 */
static void choose_key(struct rnat_key *key, unsigned int series, u32 n)
{
	memset(key, 0, sizeof(*key));
	key->family = NFPROTO_IPV4;
	switch (series) {
	case 0:	/* neighbours */
		key->addr.ip = htonl(0x0a000000 + n);
		break;
	case 1:	/* the same, in the bits that a folded hash would lose */
		key->addr.ip = htonl(n << 15);
		key->zone = n >> 1;
		break;
	case 2:	/* two ports and addresses that would cancel each other */
		key->addr.ip = htonl(0x0a000000 + n);
		key->port = htons(n);
		key->proto = IPPROTO_UDP;
		break;
	case 3:
		key->family = NFPROTO_IPV6;
		key->addr.ip6[0] = htonl(0xfd000000);
		key->addr.ip6[1] = (__force __be32)n;
		key->addr.ip6[3] = (__force __be32)n;
		break;
	}
}

static int check_chains(unsigned int series)
{
	u8 *chains = kvzalloc(KEYS, GFP_KERNEL);
	unsigned int longest = 0;
	struct rnat_key key;
	u32 n, hash;

	if (!chains)
		return -ENOMEM;
	for (n = 0; n < KEYS; n++) {
		choose_key(&key, series, n);
		hash = rnat_hash(&key, 0) % KEYS;
		chains[hash] += chains[hash] < U8_MAX;
		longest = max_t(unsigned int, longest, chains[hash]);
	}
	kvfree(chains);
	if (longest <= CHAIN_MAX)
		return 0;
	pr_err("keys of series %u: a chain of %u\n", series, longest);
	return -EINVAL;
}

static bool ask(struct rnat_net *rn, u32 host, u64 now)
{
	struct rnat_key key = {
		.addr.ip = htonl(0x0a000000 + host),
		.family = NFPROTO_IPV4,
		.port = htons(host),	/* it must not matter */
	};

	return rnat_limit_take_source(rn, &key, now);
}

/* R31: who asks too often is refused, and nobody else is. */
static int check_sources(struct rnat_net *rn)
{
	u64 now = 1000 * NSEC_PER_SEC;
	unsigned int i, taken = 0, others = 0;

	rn->config.source_rate = 10;
	rn->config.source_burst = 20;
	for (i = 0; i < 1000; i++)
		taken += ask(rn, 1, now);
	for (i = 2; i < 100; i++)
		others += ask(rn, i, now);
	if (taken != 20 || others != 98) {
		pr_err("%u of 20 questions of one, %u of 98 of others\n", taken,
		       others);
		return -EINVAL;
	}
	/* A second later it has ten again. */
	for (i = 0, taken = 0; i < 1000; i++)
		taken += ask(rn, 1, now + NSEC_PER_SEC);
	if (taken == 10)
		return 0;
	pr_err("%u of 10 questions after a second\n", taken);
	return -EINVAL;
}

/* Of one interface's bucket nobody else takes. */
static int check_interfaces(void)
{
	struct rnat_bucket one = { }, two = { };
	unsigned int i, taken = 0;

	for (i = 0; i < 1000; i++)
		taken += rnat_limit_take(&one, NSEC_PER_SEC, 5, 50);
	if (taken == 50 && rnat_limit_take(&two, NSEC_PER_SEC, 5, 50))
		return 0;
	pr_err("%u of 50 questions of an interface\n", taken);
	return -EINVAL;
}

static int check_limits(void)
{
	struct rnat_net *rn = kvzalloc(sizeof(*rn), GFP_KERNEL);
	int err;

	if (!rn)
		return -ENOMEM;
	mutex_init(&rn->lock);
	mutex_lock(&rn->lock);
	err = rnat_limit_prepare(rn);
	mutex_unlock(&rn->lock);
	if (!err) {
		err = check_sources(rn);
		rnat_limit_uninit(rn);
	}
	mutex_destroy(&rn->lock);
	kvfree(rn);
	return err ?: check_interfaces();
}

int rnat_selftest_bounds(void)
{
	static const s64 ahead[] = {
		1, NSEC_PER_MSEC, 10 * (s64)NSEC_PER_SEC, -2 * (s64)PRESET,
	};
	unsigned int i;
	int err, ret;

	ret = check_limits();
	err = check_sleep();
	ret = ret ?: err;
	for (i = 0; i < ARRAY_SIZE(ahead); i++) {
		err = check_clock(ahead[i]);
		ret = ret ?: err;
	}
	for (i = 0; i < 4; i++) {
		err = check_chains(i);
		ret = ret ?: err;
	}
	return ret;
}
