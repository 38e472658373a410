/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The connections of gateways: HELLO, registration, inventory, lease, PING.
 * Each message is judged by the identity that the handshake proved, never by a
 * number in it; what is about a mapping goes on to rn_core_message.
 */
#ifndef RN_CONTROLLER_SESSION_H
#define RN_CONTROLLER_SESSION_H

#include "controller/core.h"
#include "net/conn.h"

struct rn_sessions;

struct rn_sessions *rn_sessions_new(struct rn_core *core, struct rn_tls *tls, GError **error);
/* Where it listens, for an endpoint with port 0. */
unsigned int rn_sessions_port(const struct rn_sessions *sessions);
/* Closes the listener and every session. */
void rn_sessions_free(struct rn_sessions *sessions);
/* For rn_core_hooks.send: false when the gateway is not connected. */
gboolean rn_session_send(struct rn_gateway *gw, const struct rn_msg *msg);
/* So much waits for it that what can wait should. */
gboolean rn_session_full(struct rn_gateway *gw);
/* For rn_core_hooks.relieved. */
void rn_sessions_relieved(struct rn_sessions *sessions);
/* Closes the gateway's connection, if there is one; reason is for the log. */
void rn_session_cut(struct rn_gateway *gw, const char *reason);

#endif
