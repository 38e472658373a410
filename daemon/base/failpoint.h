/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Points at which a test ends or stops the process, each named once. Only in
 * `make daemon-debug`; nothing is left of them elsewhere.
 *
 *  RN_FAILPOINT=list                       prints all names, one a line, and exits
 *  RN_FAILPOINT=NAME[:COUNT][=kill|stop]   at the COUNTth time (1), by SIGKILL (or
 *                                          SIGSTOP) to ourselves
 *  RN_FAILPOINT_FILE=PATH                  shared with the test, which arms it while
 *                                          we run: struct rn_failpoint_armed
 */
#ifndef RN_BASE_FAILPOINT_H
#define RN_BASE_FAILPOINT_H

#ifdef RN_FAILPOINTS
#include <stdint.h>

enum rn_failpoint_state {
	RN_FAILPOINT_OFF,
	RN_FAILPOINT_ARMED,
	RN_FAILPOINT_HIT,
};

struct rn_failpoint_armed {
	uint32_t state;		/* enum rn_failpoint_state; the test writes it last */
	uint32_t left;		/* times until it acts */
	uint32_t signal;
	uint32_t pad;
	char name[48];
};

void rn_failpoint_reach(const char *name);

/* The names are a section of the program, so that none can be forgotten in a list. */
#define RN_FAILPOINT(text)						\
	do {								\
		static const char rn_failpoint_name[]			\
			__attribute__((section("rn_failpoints"), used)) = text; \
		rn_failpoint_reach(rn_failpoint_name);			\
	} while (0)
#else
#define RN_FAILPOINT(text)	do { } while (0)
#endif

#endif
