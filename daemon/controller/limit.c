// SPDX-License-Identifier: GPL-2.0
#include "controller/limit.h"

#include "controller/plan.h"

struct vm_key {
	uint32_t zone;
	struct rn_addr addr;
};

struct usage {
	struct vm_key vm;	/* addr.len 0: of a whole zone */
	uint32_t n;
	bool own_limit;		/* not that of all zones */
	struct rn_plan plan;
};

struct rn_limits {
	GHashTable *usages;	/* struct usage, its own key: VMs if there is a limit */
	GHashTable *pools;	/* struct rn_plan by pool */
	uint32_t per_vm, per_zone;
	unsigned int threshold;
	char text[160];
};

static guint key_hash(gconstpointer key)
{
	const struct vm_key *vm = key;

	return rn_addr_hash(&vm->addr) * 31 + vm->zone;
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	const struct vm_key *x = a, *y = b;

	return x->zone == y->zone && rn_addr_equal(&x->addr, &y->addr);
}

struct rn_limits *rn_limits_new(void)
{
	struct rn_limits *limits = g_new0(struct rn_limits, 1);

	limits->usages = g_hash_table_new_full(key_hash, key_equal, NULL, g_free);
	limits->pools = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	return limits;
}

void rn_limits_free(struct rn_limits *limits)
{
	if (!limits)
		return;
	g_hash_table_unref(limits->usages);
	g_hash_table_unref(limits->pools);
	g_free(limits);
}

void rn_limits_configure(struct rn_limits *limits, uint32_t per_vm, uint32_t per_zone,
			 unsigned int threshold)
{
	limits->per_vm = per_vm;
	limits->per_zone = per_zone;
	limits->threshold = threshold;
}

static struct rn_plan plan_of(const struct rn_limits *limits, uint64_t max)
{
	uint64_t overload = (max * limits->threshold + 99) / 100;

	max = MIN(max, UINT32_MAX);
	return (struct rn_plan){ .planned = max, .overload = MIN(overload, max) };
}

/* NULL: nobody has to be counted. */
static struct usage *usage_of(struct rn_limits *limits, const struct vm_key *key, uint32_t max)
{
	struct usage *usage = g_hash_table_lookup(limits->usages, key);

	if (usage || !max)
		return usage;
	usage = g_new0(struct usage, 1);
	usage->vm = *key;
	usage->plan = plan_of(limits, max);
	g_hash_table_insert(limits->usages, &usage->vm, usage);
	return usage;
}

static struct usage *zone_of(struct rn_limits *limits, const struct rn_private *vm)
{
	const struct vm_key key = { .zone = vm->zone };

	return usage_of(limits, &key, limits->per_zone);
}

static struct usage *vm_of(struct rn_limits *limits, const struct rn_private *vm)
{
	const struct vm_key key = { .zone = vm->zone, .addr = vm->addr };

	return limits->per_vm ? usage_of(limits, &key, limits->per_vm) : NULL;
}

void rn_limits_zone(struct rn_limits *limits, uint32_t zone, uint32_t mappings)
{
	const struct vm_key key = { .zone = zone };
	struct usage *usage = usage_of(limits, &key, UINT32_MAX);

	usage->plan = plan_of(limits, mappings);
	usage->own_limit = true;
}

void rn_limits_count(struct rn_limits *limits, const struct rn_private *vm, int change)
{
	struct usage *zone = zone_of(limits, vm), *one = vm_of(limits, vm);

	if (zone)
		zone->n += change;
	if (!one)
		return;
	one->n += change;
	/* As many as there are VMs with a mapping, no more. */
	if (!one->n)
		g_hash_table_remove(limits->usages, &one->vm);
}

const char *rn_limits_refuse(struct rn_limits *limits, const struct rn_private *vm)
{
	const struct usage *zone = zone_of(limits, vm), *one = vm_of(limits, vm);
	const char *text = NULL;

	if (zone && !rn_plan_allows(&zone->plan, zone->n, 0)) {
		g_snprintf(limits->text, sizeof(limits->text),
			   "zone %u has all the %u mappings that it may have (%s in controller.conf)",
			   vm->zone, zone->plan.planned, zone->own_limit ?
			   "[zone] mappings" : "[limits] mappings-per-zone");
		text = limits->text;
	} else if (one && !rn_plan_allows(&one->plan, one->n, 0)) {
		g_snprintf(limits->text, sizeof(limits->text),
			   "the VM has all the %u mappings that one may have ([limits] mappings-per-vm in controller.conf)",
			   one->plan.planned);
		text = limits->text;
	}
	/* It was made for the question only. */
	if (one && !one->n)
		g_hash_table_remove(limits->usages, &one->vm);
	return text;
}

static void check_usage(struct usage *usage, void (*tell)(const char *text, void *data),
			void *data)
{
	char addr[RN_ADDR_TEXT], text[160];

	if (!usage || !rn_plan_crossed(&usage->plan, usage->n))
		return;
	if (usage->vm.addr.len)
		g_snprintf(text, sizeof(text), "%s zone %u has %u of its %u mappings",
			   rn_addr_print(&usage->vm.addr, addr), usage->vm.zone, usage->n,
			   usage->plan.planned);
	else
		g_snprintf(text, sizeof(text), "zone %u has %u of its %u mappings",
			   usage->vm.zone, usage->n, usage->plan.planned);
	tell(text, data);
}

static void check_pool(struct rn_limits *limits, const struct rn_pool *pool,
		       void (*tell)(const char *text, void *data), void *data)
{
	struct rn_pool_counts counts = rn_pool_counts(pool);
	struct rn_plan *plan = g_hash_table_lookup(limits->pools, pool);
	uint64_t used = counts.granted + counts.quarantined;
	char text[160];

	if (!plan) {
		plan = g_new(struct rn_plan, 1);
		*plan = plan_of(limits, counts.total);
		g_hash_table_insert(limits->pools, (void *)pool, plan);
	}
	/* A pool that is larger than that is IPv6's. */
	if (counts.total > UINT32_MAX || !rn_plan_crossed(plan, (uint32_t)used))
		return;
	g_snprintf(text, sizeof(text),
		   "pool %s: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " are in use or in quarantine: enlarge it",
		   rn_pool_spec(pool)->name, used, counts.total);
	tell(text, data);
}

void rn_limits_crossed(struct rn_limits *limits, const struct rn_private *vm,
		       const struct rn_pool *pool,
		       void (*tell)(const char *text, void *data), void *data)
{
	struct usage *one;

	if (!limits->threshold)
		return;
	if (pool)
		check_pool(limits, pool, tell, data);
	check_usage(zone_of(limits, vm), tell, data);
	one = vm_of(limits, vm);
	if (one && !one->n)
		g_hash_table_remove(limits->usages, &one->vm);
	else
		check_usage(one, tell, data);
}
