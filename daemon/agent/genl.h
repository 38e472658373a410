/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Generic netlink requests with whole answers: errors are GErrors whose code is
 * the kernel's errno and whose text is the kernel's own sentence.
 */
#ifndef RN_AGENT_GENL_H
#define RN_AGENT_GENL_H

#include <glib.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

#define AGENT_KERNEL_ERROR	agent_genl_error_quark()	/* code: a positive errno */
GQuark agent_genl_error_quark(void);

typedef void (*agent_genl_reply)(struct nlmsghdr *hdr, void *data);

/* A connected socket that asks for extended acks; NULL with error. */
struct nl_sock *agent_genl_open(int protocol, GError **error);
/* As large a receive buffer as we may have; notifications come in bursts. */
void agent_genl_grow(struct nl_sock *sock, int bytes);

/* Sends msg, which is freed, and hands each reply to `reply` (may be NULL) until
 * the kernel is done. The kernel answers while we send, so this waits for no
 * one. A reply that `listen` sockets get in between goes to `reply` too.
 * interrupted (may be NULL): a dump met changes and is to be repeated.
 */
gboolean agent_genl_request(struct nl_sock *sock, struct nl_msg *msg, agent_genl_reply reply,
			    void *data, gboolean *interrupted, GError **error);

/* The same for a dump of which not all may be wanted: until each returns FALSE. The
 * socket is only good to be closed then.
 */
gboolean agent_genl_read(struct nl_sock *sock, struct nl_msg *msg,
			 gboolean (*each)(struct nlmsghdr *hdr, void *data), void *data,
			 GError **error);

/* A request with its genetlink header, NULL never. */
struct nl_msg *agent_genl_message(int family, int flags, uint8_t cmd, size_t payload);

/* Reads what has arrived on a non-blocking socket, at most a bounded number of
 * messages. False when the kernel had to drop some (ENOBUFS).
 */
gboolean agent_genl_drain(struct nl_sock *sock, agent_genl_reply reply, void *data);

#endif
