/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The other gateways: those that the controller names, and no other. Each is
 * dialed and may dial us; transfers and their acknowledgements take whichever
 * connection is up. What a peer says is judged with the number that the
 * controller gave to its authenticated identity.
 */
#ifndef RN_AGENT_PEER_H
#define RN_AGENT_PEER_H

#include "agent/config.h"
#include "agent/core.h"
#include "net/tls.h"

struct agent_peers;

/* Listens for the others. */
struct agent_peers *agent_peer_new(const struct agent_config *config, struct rn_tls *tls,
				   struct agent_core *core, GError **error);
void agent_peer_free(struct agent_peers *peers);

/* The controller names one (RN_MSG_PEER), or removes it by an empty endpoint. */
void agent_peer_named(struct agent_peers *peers, uint32_t self, const struct rn_msg *msg);
/* A session begins to name them all; is done: drop those that it did not name. */
void agent_peer_begin(struct agent_peers *peers);
void agent_peer_done(struct agent_peers *peers);

/* False: no connection or no room. */
gboolean agent_peer_send(struct agent_peers *peers, uint32_t to, const struct rn_msg *msg,
			 const struct rn_bindings *bindings);

/* NULL, and 0, if there is none. */
const char *agent_peer_name(struct agent_peers *peers, uint32_t number);
uint32_t agent_peer_number(struct agent_peers *peers, const char *name);
guint agent_peer_count(struct agent_peers *peers, guint *connected);

#endif
