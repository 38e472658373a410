/* SPDX-License-Identifier: GPL-2.0 */
/* Who gets which endpoint, or why not (S2, S15). */
#ifndef RN_CONTROLLER_ALLOCATE_H
#define RN_CONTROLLER_ALLOCATE_H

#include "controller/core.h"

/* A VM without a mapping, as msg (a NATREQ of gw) says: the endpoint that is always
 * its own, the one it had last (its record), or a free one.
 */
void rn_allocate(struct rn_core *core, struct rn_gateway *gw, const struct rn_msg *msg,
		 struct rn_record *last);
/* gw has what it owned again: the static mappings that are at home there, and that
 * nobody owns, are granted to it, so that the world can reach them first.
 */
void rn_allocate_home(struct rn_core *core, struct rn_gateway *gw);
/* record began or ended to be owned by vm: counts, and tells of thresholds. */
void rn_allocate_owned(struct rn_core *core, const struct rn_record *record,
		       const struct rn_private *vm, int change);

#endif
