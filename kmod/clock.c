// SPDX-License-Identifier: GPL-2.0
#include "clock.h"

#include <linux/smp.h>
#include <linux/suspend.h>

DEFINE_PER_CPU(struct rnat_clock_seen, rnat_clock_seen);

/* From before the machine sleeps until it is awake again. */
static bool asleep __read_mostly;

static void forget(void *unused)
{
	/* No jiffy that this CPU will see for half of all. */
	__this_cpu_write(rnat_clock_seen.jiffy, READ_ONCE(jiffies) - 1);
}

u64 rnat_clock_look(void)
{
	/* First: if a tick comes in between, it is read again. */
	unsigned long jiffy = READ_ONCE(jiffies);
	u64 now = rnat_clock();

	__this_cpu_write(rnat_clock_seen.now, now);
	__this_cpu_write(rnat_clock_seen.jiffy, jiffy);
	/* Behind it, for forget() may have come in between. */
	barrier();
	if (unlikely(READ_ONCE(asleep)))
		forget(NULL);
	return now;
}

/*
 * Boot time leaps when a machine wakes up, and jiffies do not: a lease that ended
 * meanwhile would go on for the rest of one.
 */
void rnat_clock_set_asleep(bool is)
{
	WRITE_ONCE(asleep, is);
	if (is)
		on_each_cpu(forget, NULL, 1);
}

static int notify(struct notifier_block *block, unsigned long action, void *data)
{
	switch (action) {
	case PM_HIBERNATION_PREPARE:
	case PM_SUSPEND_PREPARE:
	case PM_RESTORE_PREPARE:
		rnat_clock_set_asleep(true);
		break;
	case PM_POST_HIBERNATION:
	case PM_POST_SUSPEND:
	case PM_POST_RESTORE:
		rnat_clock_set_asleep(false);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block notifier = { .notifier_call = notify };

int rnat_clock_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		per_cpu(rnat_clock_seen, cpu).jiffy = jiffies - 1;
	return register_pm_notifier(&notifier);
}

void rnat_clock_uninit(void)
{
	unregister_pm_notifier(&notifier);
}
