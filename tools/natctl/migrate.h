/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What migrate and takeover share.
 */
#ifndef RN_MIGRATE_H
#define RN_MIGRATE_H

#include "client.h"

/* Sends it to the controller and prints the outcome; errors begin with name. */
gboolean rn_migrate_call(struct natctl *ctl, RnRequest *request, const char *name,
			 GError **error);
gboolean rn_migrate_check_wait(const struct natctl *ctl, GError **error);
/* "reason TEXT", which must follow keyword. */
gboolean rn_migrate_take_reason(struct rn_args *args, const char *keyword, char **reason,
				GError **error);

#endif
