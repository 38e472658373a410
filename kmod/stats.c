// SPDX-License-Identifier: GPL-2.0
#include "stats.h"

#include "net.h"

/* Not a snapshot: packets go on counting while the CPUs are summed. */
u64 rnat_stats_sum(const struct rnat_net *rn, unsigned int i)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(rn->stats, cpu)->n[i]);
	return sum;
}

int rnat_stats_init(struct rnat_net *rn)
{
	rn->stats = alloc_percpu(struct rnat_stats);
	return rn->stats ? 0 : -ENOMEM;
}

void rnat_stats_uninit(struct rnat_net *rn)
{
	free_percpu(rn->stats);
}
