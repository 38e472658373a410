/* SPDX-License-Identifier: GPL-2.0 */
/* What control.c (the socket) and control_call.c (its clients) share. */
#ifndef RN_NET_CONTROL_PRIV_H
#define RN_NET_CONTROL_PRIV_H

#include "net/control.h"

#define RN_CONTROL_CLIENTS_MAX	64
#define RN_CONTROL_QUEUE_MAX	(1024 * 1024)
#define RN_CONTROL_REQUEST_MAX	(64 * 1024)
#define RN_CONTROL_REQUEST_CAP	(256 * 1024)	/* unpacked */

struct rn_control {
	GSource *source;
	gpointer tag;
	int fd;
	char *path;
	dev_t dev;		/* of our socket file, to delete no other's */
	ino_t ino;
	const struct rn_control_ops *ops;
	void *data;
	GHashTable *clients;
};

/* Takes fd; the client is in control->clients until it goes. */
void rn_control_client_add(struct rn_control *control, int fd, uid_t uid, pid_t pid);
/* Cancels what it asked for. */
void rn_control_client_drop(void *client);

#endif
