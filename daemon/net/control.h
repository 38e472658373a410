/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemons' unix socket, spoken to by natctl (proto/control.proto). Only
 * root and the daemon's own user are served (SO_PEERCRED).
 */
#ifndef RN_NET_CONTROL_H
#define RN_NET_CONTROL_H

#include <glib.h>
#include <sys/types.h>
#include "control.pb-c.h"

typedef Roamnat__Control__V1__Request RnRequest;
typedef Roamnat__Control__V1__Reply RnReply;

struct rn_control;
struct rn_control_call;

/* A request: answer with rn_control_reply, now or later, until a reply with
 * last = true. `cancelled` is called when the client goes away before that; the
 * call is over on return, as it is after the last reply. request itself is valid
 * only until ops->request returns.
 */
struct rn_control_ops {
	void (*request)(struct rn_control_call *call, const RnRequest *request, void *data);
	void (*cancelled)(struct rn_control_call *call, void *data);
	/* The client read, and a reply that had not been taken may be sent now. */
	void (*drained)(struct rn_control_call *call, void *data);
};

struct rn_control *rn_control_new(const char *path, const struct rn_control_ops *ops,
				  void *data, GError **error);
void rn_control_free(struct rn_control *control);
/* False when the client does not read and its queue is at the bound: the reply
 * was not taken (a monitor is then told how many events it lost; a list goes on
 * at `drained`). A reply may be RN_FRAME_MAX bytes long, so send long lists in
 * parts; a longer one ends the call with a refusal.
 */
gboolean rn_control_reply(struct rn_control_call *call, const RnReply *reply);
/* Reply with nothing but code and sentence, and last = true. */
void rn_control_refuse(struct rn_control_call *call, unsigned int code, const char *format, ...)
	G_GNUC_PRINTF(3, 4);
/* "uid 0 (root) pid 4711", for the audit. */
const char *rn_control_caller(const struct rn_control_call *call);
void rn_control_set_user(struct rn_control_call *call, void *user);
void *rn_control_user(const struct rn_control_call *call);

/* For natctl: blocking, with time-outs in ms (0 none). The reply is freed with
 * roamnat__control__v1__reply__free_unpacked(reply, NULL).
 */
#define RN_CONTROL_ERROR	rn_control_error_quark()
enum rn_control_error {
	RN_CONTROL_ERROR_REACH,		/* nobody answers at the socket */
	RN_CONTROL_ERROR_CLOSED,	/* the daemon went away before its last reply */
	RN_CONTROL_ERROR_TIMEOUT,	/* no reply in time: the outcome is unknown */
	RN_CONTROL_ERROR_FORM,		/* what came is no Reply */
};

GQuark rn_control_error_quark(void);

struct rn_control_client;
struct rn_control_client *rn_control_client_open(const char *path, GError **error);
gboolean rn_control_client_send(struct rn_control_client *client, const RnRequest *request,
				GError **error);
RnReply *rn_control_client_receive(struct rn_control_client *client, unsigned int timeout_ms,
				   GError **error);
int rn_control_client_fd(const struct rn_control_client *client);
void rn_control_client_free(struct rn_control_client *client);

#endif
