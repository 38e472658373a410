/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Announces the public addresses of this gateway, as [announce] says: by routes that
 * a routing daemon redistributes, or by answers to neighbours on the uplink's wire.
 * docs/routing.md has the reasons. announce.c knows what is wanted, rtnl.c asks the
 * kernel, garp.c writes on the wire; this file brings them together.
 *
 * The kernel's objects stay when the agent ends, as the mappings do. The next agent
 * compares them with the mappings it finds, and deletes what is left over.
 */
#ifndef RN_AGENT_ROUTE_H
#define RN_AGENT_ROUTE_H

#include "agent/announce.h"
#include "agent/config.h"
#include "agent/entry.h"

struct agent_route;

struct agent_route *agent_route_new(const struct agent_config *config, GError **error);
/* Withdraws what only lingers, and leaves the rest to the next agent. */
void agent_route_free(struct agent_route *route);

/* The entry's machine has made a step. An answer to neighbours has ended on return if
 * the mapping is no longer active.
 */
void agent_route_entered(struct agent_route *route, struct agent_entry *entry);

/* The entries are those of the kernel's mappings: from now on its routes are made
 * theirs. Only the first call does something.
 */
void agent_route_start(struct agent_route *route);
/* The session with the controller is up (again): neighbours are told again. */
void agent_route_again(struct agent_route *route);

/* Addresses announced now, and requests that the kernel refuses. */
guint agent_route_count(const struct agent_route *route, guint *refused);
/* Each address, as agent_announce_each. */
void agent_route_each(const struct agent_route *route,
		      void (*each)(const struct agent_announce_view *view, void *data),
		      void *data);

#endif
