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

/* Of one transfer; so many fit into a frame, and the kernel is done with them in
 * some ms. Who has more leaves the others out, and says how many.
 */
#define RN_BINDINGS_MAX		4096
#define RN_BINDING_REMOTES_MAX	64	/* of one binding */
#define RN_BINDINGS_BYTES	(192 * 1024)	/* of all, packed */

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
} RnBindings;

struct rn_bindings *rn_bindings_new(void);
void rn_bindings_free(struct rn_bindings *bindings);
struct rn_bindings *rn_bindings_copy(const struct rn_bindings *bindings);
/* NULL counts as none. */
guint rn_bindings_count(const struct rn_bindings *bindings);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(RnBindings, rn_bindings_free)

#endif
