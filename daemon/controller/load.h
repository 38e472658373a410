/* SPDX-License-Identifier: GPL-2.0 */
/* What the store knows becomes records, at start. */
#ifndef RN_CONTROLLER_LOAD_H
#define RN_CONTROLLER_LOAD_H

#include "controller/core.h"

/* Fails with a sentence also when the configuration contradicts what is in use. */
gboolean rn_load(struct rn_core *core, GError **error);
/* Once the store runs: the quarantines that begin again. */
void rn_load_save(struct rn_core *core);

#endif
