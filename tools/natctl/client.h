/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests to the daemons over their unix sockets.
 */
#ifndef RN_CLIENT_H
#define RN_CLIENT_H

#include "net/control.h"
#include "show.h"

enum rn_daemon {
	RN_DAEMON_AGENT,
	RN_DAEMON_CONTROLLER,
	RN_DAEMON_ANY,		/* the agent's if its socket is there */
};

#define RN_CLIENT_TIMEOUT	10000	/* ms for a question */
#define RN_CLIENT_TIMEOUT_WAIT	60000	/* ms for something that takes its time */

/* For each reply that is no refusal. */
typedef void (*rn_client_reply_fn)(struct natctl *ctl, const RnReply *reply, void *data);

/* -S, else the environment, else the place where packages put it. */
const char *rn_client_path(const struct natctl *ctl, enum rn_daemon daemon);
gboolean rn_client_socket_exists(const struct natctl *ctl, enum rn_daemon daemon);

struct rn_control_client *rn_client_open(struct natctl *ctl, enum rn_daemon daemon,
					 GError **error);
/* A refusal becomes the error, with its sentence. changes: when no answer came
 * the outcome is unknown (exit code 5), else the daemon is out of reach (3).
 */
gboolean rn_client_call(struct natctl *ctl, enum rn_daemon daemon, const RnRequest *request,
			gboolean changes, rn_client_reply_fn fn, void *data, GError **error);
/* Reply of a refusal to error. */
void rn_client_refused(const RnReply *reply, GError **error);
/* A daemon's answer when it has no sentence of its own: prints text if any. */
void rn_client_print_result(struct natctl *ctl, const char *what, const char *text);

#endif
