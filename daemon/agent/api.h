/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The agent's control socket: what natctl asks of a gateway. Lists go out in
 * parts as the client reads them; orders are answered when they are done, if
 * the client wants to wait; monitors get what `noted` and `said` bring.
 */
#ifndef RN_AGENT_API_H
#define RN_AGENT_API_H

#include "agent/config.h"
#include "agent/core.h"
#include "agent/kernel.h"
#include "agent/peer.h"
#include "agent/route.h"
#include "agent/session.h"
#include "net/control.h"

struct agent_api;

struct agent_api *agent_api_new(const struct agent_config *config, const char *version,
				struct agent_kernel *kernel, struct agent_core *core,
				struct agent_peers *peers, struct agent_session *session,
				const struct agent_route *route, GError **error);
void agent_api_free(struct agent_api *api);

/* From the core: agent_core_ops.noted and .stepped. */
void agent_api_noted(struct agent_api *api, const struct agent_entry *entry,
		     const struct own_act *note);
void agent_api_stepped(struct agent_api *api, const struct agent_entry *entry);
/* Something that is not about one mapping. */
void agent_api_said(struct agent_api *api, const char *what, const char *text);

#endif
