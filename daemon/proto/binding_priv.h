/* SPDX-License-Identifier: GPL-2.0 */
/* Between codec.c and binding.c: struct rn_bindings <-> protobuf. */
#ifndef RN_PROTO_BINDING_PRIV_H
#define RN_PROTO_BINDING_PRIV_H

#include "proto/binding.h"
#include "proto/msg.h"
#include "roamnat.pb-c.h"

typedef struct rn_binding_packed RnBindingPacked;

/* NULL for none. Points into bindings. */
struct rn_binding_packed *rn_binding_pack(const struct rn_bindings *bindings);
void rn_binding_packed_free(struct rn_binding_packed *packed);
/* msg points into packed then. */
void rn_binding_put(const struct rn_binding_packed *packed, Roamnat__V1__Message *msg);
/* Those of `from`, which is msg; NULL with an error when one is not good. */
struct rn_bindings *rn_binding_get(const Roamnat__V1__Message *from, const struct rn_msg *msg,
				   GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(RnBindingPacked, rn_binding_packed_free)

#endif
