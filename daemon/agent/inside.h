/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Keeps the kernel's inside prefixes as the configuration says: by interface
 * name, so that an interface that appears, is renamed or is made anew is
 * translated for without anybody's doing.
 */
#ifndef RN_AGENT_INSIDE_H
#define RN_AGENT_INSIDE_H

#include "agent/config.h"
#include "agent/forward.h"
#include "agent/kernel.h"

struct agent_inside;

struct agent_inside *agent_inside_new(const struct agent_config *config,
				      struct agent_kernel *kernel,
				      struct agent_forward *forward, GError **error);
/* The kernel module is there, and may have others than ours. */
void agent_inside_apply(struct agent_inside *inside);
void agent_inside_free(struct agent_inside *inside);

#endif
