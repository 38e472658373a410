/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one clock: boot time, coarse. It goes on while the machine sleeps, as
 * leases do, and is cheap enough for every packet.
 */
#ifndef _RNAT_CLOCK_H
#define _RNAT_CLOCK_H

#include <linux/jiffies.h>
#include <linux/timekeeping.h>

static inline u64 rnat_clock(void)
{
	return ktime_get_coarse_boottime_ns();
}

/*
 * For how many jiffies work that is due at @when may be delayed. The kernel's
 * timers are up to an eighth late, so a long way is gone in stages: work must
 * expect to run early.
 */
static inline unsigned long rnat_clock_delay(u64 when)
{
	u64 now = rnat_clock();
	unsigned long delay;

	if (when <= now)
		return 0;
	when = min_t(u64, when - now, 3600ULL * NSEC_PER_SEC);
	delay = nsecs_to_jiffies(when) + 1;
	return delay < 64 ? delay : delay - delay / 8;
}

#endif
