// SPDX-License-Identifier: GPL-2.0
#include "base/log.h"
#include "controller/audit.h"

#define STEP_MS		1000	/* a difference of the clocks that is told */
#define PRUNE_ROWS	500	/* in one transaction: some ms */

/* ---- time ---- */

static int64_t offset_ms(void)
{
	return g_get_real_time() / 1000 - rn_core_now();
}

static void tell_step(struct rn_core *core, int64_t by_ms, const char *when)
{
	const struct rn_store_value value = {
		.key = RN_STORE_CLOCK, .value = core->clock_set,
	};
	struct rn_store_audit event = {
		.rev = ++core->rev, .time_ns = g_get_real_time() * 1000, .what = "clock-set",
		.by = "controller",
	};
	const struct rn_store_unit unit = { .value = &value, .audit = &event, .n_audit = 1 };

	g_snprintf(event.text, sizeof(event.text), "the clock was set %s by %.3f s%s",
		   by_ms < 0 ? "back" : "forward", ABS(by_ms) / 1000.0, when);
	rn_warn("%s: times in the audit log before this one mean the old clock", event.text);
	core->last_ns = event.time_ns;
	core->saved = rn_store_put(core->store, &unit);
	rn_audit_kept(core, event.time_ns);
}

void rn_audit_start(struct rn_core *core)
{
	int64_t back = core->last_ns / 1000000 - g_get_real_time() / 1000;

	core->clock_offset = offset_ms();
	/* Set forward meanwhile, it looks as if time had passed: no matter. */
	core->clock_set = 0;
	if (back > STEP_MS)
		tell_step(core, -back, " while the controller did not run, or more");
	else if (core->state.value[RN_STORE_CLOCK])
		core->saved = rn_store_put(core->store, &(struct rn_store_unit){
			.value = &(struct rn_store_value){ .key = RN_STORE_CLOCK },
		});
	core->oldest_ns = rn_store_oldest(core->store);
}

int64_t rn_audit_time(struct rn_core *core)
{
	int64_t offset = offset_ms(), by = offset - core->clock_offset;

	if (ABS(by) > STEP_MS) {
		core->clock_offset = offset;
		core->clock_set += by;
		tell_step(core, by, "");
	}
	core->last_ns = MAX(core->last_ns, g_get_real_time() * 1000);
	return core->last_ns;
}

void rn_audit_put(struct rn_core *core, const struct rn_store_audit *event)
{
	const struct rn_store_unit unit = { .audit = event, .n_audit = 1 };

	rn_store_put(core->store, &unit);
	rn_audit_kept(core, event->time_ns);
}

/* ---- retention ---- */

void rn_audit_kept(struct rn_core *core, int64_t time_ns)
{
	if (!core->oldest_ns)
		core->oldest_ns = time_ns;
}

/* Not row by row: at most some hundred prunings in the time that rows are kept. */
static int64_t grain(const struct rn_core *core)
{
	return CLAMP((int64_t)core->config->audit_keep / 256, 1000, 3600000);
}

/* The clock that goes on as the controller runs: one that somebody sets a year
 * forward makes no row old.
 */
static int64_t before_ns(const struct rn_core *core)
{
	return (rn_core_wall() - (int64_t)core->config->audit_keep) * 1000000;
}

int64_t rn_audit_wake(const struct rn_core *core)
{
	int64_t age;

	if (!core->config->audit_keep || !core->oldest_ns || core->pruning)
		return OWN_NEVER;
	age = (before_ns(core) - core->oldest_ns) / 1000000;
	/* What the last pruning had no room for is not waited for. */
	return rn_core_now() - age + (core->prune_on ? 0 : grain(core));
}

void rn_audit_prune(struct rn_core *core)
{
	const struct rn_store_prune prune = { .before_ns = before_ns(core), .limit = PRUNE_ROWS };
	struct rn_store_audit event = { .what = "pruned", .by = "controller" };
	const struct rn_store_unit unit = { .prune = &prune, .audit = &event, .n_audit = 1 };

	if (rn_audit_wake(core) > rn_core_now())
		return;
	event.time_ns = rn_audit_time(core);
	event.rev = ++core->rev;
	core->pruned_before = prune.before_ns;
	core->pruning = rn_store_put(core->store, &unit);
	rn_count(&core->counters, prunings);
}

void rn_audit_durable(struct rn_core *core)
{
	if (!core->pruning || core->durable < core->pruning)
		return;
	core->pruning = 0;
	core->oldest_ns = rn_store_oldest(core->store);
	core->prune_on = core->oldest_ns && core->oldest_ns < core->pruned_before;
	if (!core->prune_on)
		rn_info("audit log: rows older than %" G_GUINT64_FORMAT " s are pruned",
			core->config->audit_keep / 1000);
	rn_core_arm(core);
}
