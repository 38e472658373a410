/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The session with the controller.
 *
 *  DOWN --kernel up--> CONNECTING --connected--> HELLO --ack, same incarnation--> SYNC
 *   ^                      ^                       |                             ^  |
 *   | kernel gone          | connection ends       | else: suspend, then         |  | inventory
 *   +-- any ---------------+-- any                 v                             |  | done
 *                                             REGISTERING --registered-----------+  v
 *                                                  ^---------- lease lapsed ------- UP
 *
 * Messages about mappings leave and arrive in SYNC and UP. The kernel's
 * incarnation and lease change here and nowhere else.
 */
#ifndef RN_AGENT_SESSION_H
#define RN_AGENT_SESSION_H

#include "agent/config.h"
#include "agent/core.h"
#include "agent/kernel.h"
#include "agent/peer.h"
#include "net/tls.h"

enum agent_session_state {
	AGENT_SESSION_DOWN,
	AGENT_SESSION_CONNECTING,
	AGENT_SESSION_HELLO,
	AGENT_SESSION_REGISTERING,
	AGENT_SESSION_SYNC,
	AGENT_SESSION_UP,
	AGENT_SESSION_STATE_MAX = AGENT_SESSION_UP,
};

struct agent_session;

/* changed: for natctl monitor. */
struct agent_session *agent_session_new(const struct agent_config *config, struct rn_tls *tls,
					struct agent_kernel *kernel, struct agent_core *core,
					struct agent_peers *peers,
					void (*changed)(const char *state, void *data),
					void *data);
void agent_session_free(struct agent_session *session);

/* A kernel is there, and this is what it says. */
void agent_session_start(struct agent_session *session, const struct agent_kmsg_session *kernel);
void agent_session_stop(struct agent_session *session);
/* Closes the connection politely; done follows, at once if there is none. */
void agent_session_goodbye(struct agent_session *session, void (*done)(void *data), void *data);

/* False: not connected, or no room. */
gboolean agent_session_send(struct agent_session *session, const struct rn_msg *msg);

const char *agent_session_state(const struct agent_session *session);
uint32_t agent_session_self(const struct agent_session *session);
uint64_t agent_session_incarnation(const struct agent_session *session);
/* ms until the lease ends, 0 without end. */
uint64_t agent_session_lease_left(const struct agent_session *session);
/* Why it is not up, NULL if there is nothing to say. */
const char *agent_session_problem(const struct agent_session *session);

#endif
