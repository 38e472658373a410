/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bindings of a block of ports, on their way between two kernels. They are no
 * part of struct rn_msg, which is copied by value: who sends or receives a
 * transfer has them beside it.
 */
#ifndef RN_PROTO_BINDING_H
#define RN_PROTO_BINDING_H

#include <glib.h>
#include "base/addr.h"

/* Of one message: so many fit into a frame. The transfer of a block that has more
 * takes several (rn_conn_send_with).
 */
#define RN_BINDINGS_MAX		4096
#define RN_BINDING_REMOTES_MAX	64	/* of one binding */
#define RN_BINDINGS_BYTES	(192 * 1024)	/* of one message, packed */
/* Of a block: one for each port of TCP, UDP and ICMP echo; and of the largest. */
#define RN_BINDINGS_OF(ports)	(3u * (ports))
#define RN_BINDINGS_ALL		RN_BINDINGS_OF(32768)

struct rn_binding {
	uint8_t proto;
	uint8_t state;			/* enum roamnat_binding_state */
	bool many_remotes;
	uint16_t private_port;
	uint16_t public_port;
	uint32_t remote_hash;
	uint64_t elapsed, remaining;	/* ms */
	guint remote;			/* its first one in `remotes` */
	guint n_remotes;
};

typedef struct rn_bindings {
	GArray *list;			/* struct rn_binding */
	GArray *remotes;		/* struct rn_addr */
	guint part, parts;		/* which message of how many, from 0; 0, 0: all */
} RnBindings;

struct rn_bindings *rn_bindings_new(void);
void rn_bindings_free(struct rn_bindings *bindings);
struct rn_bindings *rn_bindings_copy(const struct rn_bindings *bindings);
/* NULL counts as none. */
guint rn_bindings_count(const struct rn_bindings *bindings);
/* In how many messages they go. */
guint rn_bindings_parts(const struct rn_bindings *bindings);
/* Those of one of them. */
struct rn_bindings *rn_bindings_part(const struct rn_bindings *bindings, guint part);
/* Adds those of the next part. */
void rn_bindings_append(struct rn_bindings *bindings, const struct rn_bindings *part);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(RnBindings, rn_bindings_free)

#endif
