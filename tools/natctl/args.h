/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The words of a command line, and the selector that many commands take:
 * keywords with values, in any order. A line that `mapping show` printed is a
 * selector of that mapping.
 */
#ifndef RN_ARGS_H
#define RN_ARGS_H

#include <glib.h>
#include "base/addr.h"
#include "proto/msg.h"

struct rn_args {
	char **word;
	int n;
	int at;
};

/* A[:PORT][/PROTOCOL] or A:FIRST-LAST; what was not said is 0. */
struct rn_side {
	struct rn_addr addr;	/* len 0: not given */
	guint16 port;
	guint16 ports;		/* of a block */
	guint8 proto;
};

struct rn_selector {
	struct rn_side public;
	struct rn_side private;
	gboolean has_zone;
	guint32 zone;
	const char *gateway;
	const char *pool;
	const char *state;
	guint64 id;
	guint64 epoch;
	guint8 proto;		/* 0: any */
	gboolean has_block;
	guint32 block;		/* which of the VM's */
};

void rn_args_init(struct rn_args *args, int n, char **word);
/* NULL at the end. */
const char *rn_args_peek(const struct rn_args *args);
const char *rn_args_next(struct rn_args *args);
/* Takes the next word if it is this one. */
gboolean rn_args_take(struct rn_args *args, const char *keyword);
/* The value after `keyword`; NULL with an error at the end. */
const char *rn_args_value(struct rn_args *args, const char *keyword, GError **error);
gboolean rn_args_uint(struct rn_args *args, const char *keyword, guint64 max, guint64 *value,
		      GError **error);
/* An error that names the first word left. */
gboolean rn_args_end(struct rn_args *args, GError **error);

gboolean rn_args_side(const char *word, struct rn_side *side, GError **error);
/* "203.0.113.7:40001"; "" when side was not given. */
char *rn_args_side_print(const struct rn_side *side, char buf[RN_SIDE_TEXT]);

/* Takes one keyword and its value; *taken tells whether there was one. */
gboolean rn_args_selector_word(struct rn_args *args, struct rn_selector *selector,
			       gboolean *taken, GError **error);
/* Takes all words that are left. */
gboolean rn_args_selector(struct rn_args *args, struct rn_selector *selector, GError **error);
gboolean rn_args_selector_empty(const struct rn_selector *selector);

#endif
