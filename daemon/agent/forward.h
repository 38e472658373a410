/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ways to other gateways: [forward NAME] by device name, and the kernel's by
 * interface index. The number of a way is the place of its group, from 1.
 */
#ifndef RN_AGENT_FORWARD_H
#define RN_AGENT_FORWARD_H

#include "agent/config.h"
#include "agent/kernel.h"

struct agent_forward;

struct agent_forward *agent_forward_new(const struct agent_config *config,
					struct agent_kernel *kernel);
void agent_forward_free(struct agent_forward *forward);
/* Devices may have come, gone, or been made anew; anyway: the kernel may have
 * others than ours.
 */
void agent_forward_apply(struct agent_forward *forward, gboolean anyway);
/* The way of that zone's packets to that gateway, 0 if there is none now. */
uint32_t agent_forward_way(const struct agent_forward *forward, const char *gateway,
			   uint32_t zone);

#endif
