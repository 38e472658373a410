/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One generic netlink request and its answer, with the kernel's extended ack.
 * For kernel.c alone.
 */
#ifndef RN_GENL_H
#define RN_GENL_H

#include <glib.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

struct rn_genl;

/* For each message of the answer; attrs are the top level ones. */
typedef void (*rn_genl_reply_fn)(struct nlattr *first, int len, guint8 cmd, void *data);

struct rn_genl *rn_genl_open(const char *family, GError **error);
void rn_genl_free(struct rn_genl *genl);
struct nl_msg *rn_genl_request(struct rn_genl *genl, guint8 cmd, gboolean dump);
/* Sends and frees msg, and waits for the end of the answer. *interrupted may
 * be NULL. The error's message is the kernel's sentence.
 */
gboolean rn_genl_call(struct rn_genl *genl, struct nl_msg *msg, rn_genl_reply_fn reply,
		      void *data, gboolean *interrupted, GError **error);
gboolean rn_genl_join(struct rn_genl *genl, const char *group, GError **error);
int rn_genl_fd(const struct rn_genl *genl);
/* Reads what is there without waiting, after rn_genl_join. */
gboolean rn_genl_receive(struct rn_genl *genl, rn_genl_reply_fn reply, void *data,
			 gboolean *lost, GError **error);

#endif
