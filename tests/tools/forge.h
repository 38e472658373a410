/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fields that forge can set and change, and the cases that it makes of a
 * message: every field, in every way that a liar could try.
 */
#ifndef RN_FORGE_H
#define RN_FORGE_H

#include <glib.h>
#include "proto/msg.h"

struct forge_case {
	char name[32];		/* "epoch+1" */
	struct rn_msg msg;
};

/* FIELD=VALUE into m; *field is then its word. False if there is none such. */
gboolean forge_set(struct rn_msg *m, const char *text, const char **field);
/* Of base, one field changed in each; struct forge_case. only: words of fields
 * or names of cases, with commas; NULL for all.
 */
GArray *forge_cases(const struct rn_msg *base, const char *only);

/* What the controller counts and records, asked at its control socket. */
struct forge_look {
	guint64 refused, alarms, ignored, bad, unaudited;
	GString *records;	/* all mappings: id, owner, epoch and so on */
};

/* False, with a line on stderr, if the controller does not answer. */
gboolean forge_look(const char *socket, gboolean states, struct forge_look *look);
void forge_look_clear(struct forge_look *look);

#endif
