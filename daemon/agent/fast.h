/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interfaces that have the kernel's fast path: [fast] by name, and the kernel's by
 * index.
 */
#ifndef RN_AGENT_FAST_H
#define RN_AGENT_FAST_H

#include "agent/config.h"
#include "agent/kernel.h"

struct agent_fast;

struct agent_fast *agent_fast_new(const struct agent_config *config,
				  struct agent_kernel *kernel);
void agent_fast_free(struct agent_fast *fast);
/* Interfaces may have come or been made anew; anyway: the kernel may have others
 * than ours.
 */
void agent_fast_apply(struct agent_fast *fast, gboolean anyway);
/* An interface is gone, and the kernel has taken it off. */
void agent_fast_forget(struct agent_fast *fast, guint ifindex);

#endif
