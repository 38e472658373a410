/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one clock: boot time, coarse. It goes on while the machine sleeps, as
 * leases do, and is cheap enough for every packet.
 */
#ifndef _RNAT_CLOCK_H
#define _RNAT_CLOCK_H

#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/timekeeping.h>

static inline u64 rnat_clock(void)
{
	return ktime_get_coarse_boottime_ns();
}

/* What a CPU has read of it, and in which jiffy. */
struct rnat_clock_seen {
	unsigned long jiffy;
	u64 now;
};

DECLARE_PER_CPU(struct rnat_clock_seen, rnat_clock_seen);

/* Reads it anew. Bottom halves off. */
u64 rnat_clock_look(void);

/*
 * Has this CPU read the clock since it last went on? Both change with the tick. They do
 * not agree while a machine that sleeps wakes up, so nothing is remembered then
 * (clock.c); nor where jiffies wrap within weeks. Bottom halves off.
 */
static __always_inline bool rnat_clock_is_seen(void)
{
	return IS_ENABLED(CONFIG_64BIT) &&
	       likely(__this_cpu_read(rnat_clock_seen.jiffy) ==
		      READ_ONCE(jiffies));
}

/* rnat_clock() for every packet: the kernel's function takes 25 instructions. */
static __always_inline u64 rnat_clock_packet(void)
{
	return rnat_clock_is_seen() ? __this_cpu_read(rnat_clock_seen.now) :
				      rnat_clock_look();
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

/* The machine is about to sleep, or is awake again. Process context. */
void rnat_clock_set_asleep(bool is);

int rnat_clock_init(void);
void rnat_clock_uninit(void);

#endif
