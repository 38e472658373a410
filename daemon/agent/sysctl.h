/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What kind=neighbour needs of the kernel and the agent may not set itself: its unit
 * cannot write to /proc/sys. docs/routing.md has the table.
 */
#ifndef RN_AGENT_SYSCTL_H
#define RN_AGENT_SYSCTL_H

#include <glib.h>

#define AGENT_SYSCTLS	"/proc/sys/net"

/* configs: struct agent_announce_config. A sentence, or several, about what is not as it
 * has to be, and what to do; NULL: nothing. An interface that is not there says nothing.
 */
char *agent_sysctl_trouble(const GPtrArray *configs, const char *root);

#endif
