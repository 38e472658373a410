/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whether the kernel knows a generic netlink family now: told by the kernel
 * (nlctrl's notifications), not asked for again and again.
 */
#ifndef RN_AGENT_FAMILY_H
#define RN_AGENT_FAMILY_H

#include <glib.h>

struct agent_family;

/* changed: from the main loop; family is its number, 0 when it is gone. Called
 * for each appearance and disappearance, also when they follow on each other.
 */
struct agent_family *agent_family_new(const char *name,
				      void (*changed)(int family, void *data), void *data,
				      GError **error);
/* Its number now, 0 if there is none; lets the kernel load its module. */
int agent_family_resolve(struct agent_family *family);
/* The number of a multicast group of it, negative if there is none. */
int agent_family_group(struct agent_family *family, const char *group);
void agent_family_free(struct agent_family *family);

#endif
