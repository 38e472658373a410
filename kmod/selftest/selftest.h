/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests of the pure files, run when the module is loaded if it was built with
 * RNAT_SELFTEST=1 (make debug). A failure is told and fails the load.
 */
#ifndef _RNAT_SELFTEST_H
#define _RNAT_SELFTEST_H

#ifdef RNAT_SELFTEST
/* Sleeps. 0 or -EINVAL. */
int rnat_selftest_run(void);
#else
static inline int rnat_selftest_run(void)
{
	return 0;
}
#endif

/* One area each, 0 or -errno; what failed has been printed. */
int rnat_selftest_tuple(void);
int rnat_selftest_rewrite(void);
int rnat_selftest_icmp(void);
int rnat_selftest_ipv6(void);
int rnat_selftest_tcp(void);
int rnat_selftest_ports(void);
int rnat_selftest_bounds(void);

#endif
