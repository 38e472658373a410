/* SPDX-License-Identifier: GPL-2.0 */
/*
 * natctl: what every noun is given. A noun is a file with a table of commands;
 * a command reads its words, and prints objects or sets an error whose code is
 * the exit code.
 */
#ifndef RN_NATCTL_H
#define RN_NATCTL_H

#include <glib.h>
#include "args.h"
#include "print.h"

/* Exit codes; append only, scripts know them. */
enum rn_exit {
	RN_EXIT_DONE = 0,
	RN_EXIT_USAGE = 1,
	RN_EXIT_REFUSED = 2,
	RN_EXIT_UNREACHABLE = 3,	/* daemon or module is not there */
	RN_EXIT_CONFLICT = 4,		/* epoch or owner changed meanwhile */
	RN_EXIT_UNKNOWN = 5,		/* time-out: look with `show` */
	RN_EXIT_NOT_RECORDED = 6,	/* the audit log does not reach back so far */
};

/* Errors of this domain have an enum rn_exit as code. */
#define RN_NATCTL_ERROR (rn_natctl_error_quark())
GQuark rn_natctl_error_quark(void);

/* Options that belong to some commands only. */
enum rn_natctl_flag {
	RN_FLAG_EXPLAIN = 1 << 0,
	RN_FLAG_WAIT = 1 << 1,
	RN_FLAG_NO_WAIT = 1 << 2,
	RN_FLAG_IF_EXISTS = 1 << 3,
	RN_FLAG_DRY_RUN = 1 << 4,
};

struct natctl {
	struct rn_print *print;
	FILE *err;
	gboolean stats;			/* -s */
	gboolean details;		/* -d */
	gboolean json;			/* -j */
	unsigned int flags;		/* enum rn_natctl_flag, as given */
	const char *server;		/* path of -S, NULL without */
	guint timeout_ms;		/* -t, 0 without */
	gboolean until_ready;		/* --wait ready */
};

struct rn_command {
	const char *name;
	gboolean (*run)(struct natctl *ctl, struct rn_args *args, GError **error);
	unsigned int flags;		/* enum rn_natctl_flag that it takes */
};

/* commands ends with a NULL name. `bare`: the words after the object are not a
 * command's name (natctl migrate 10.0.0.5 ...), and commands has one entry.
 */
struct rn_object {
	const char *name;
	const struct rn_command *commands;
	gboolean bare;
	const char *usage;
};

extern const struct rn_object rn_object_binding;
extern const struct rn_object rn_object_mapping;
extern const struct rn_object rn_object_migrate;
extern const struct rn_object rn_object_takeover;
extern const struct rn_object rn_object_evacuate;
extern const struct rn_object rn_object_drain;
extern const struct rn_object rn_object_undrain;
extern const struct rn_object rn_object_gateway;
extern const struct rn_object rn_object_pool;
extern const struct rn_object rn_object_route;
extern const struct rn_object rn_object_stats;
extern const struct rn_object rn_object_why;
extern const struct rn_object rn_object_monitor;
extern const struct rn_object rn_object_config;
extern const struct rn_object rn_object_store;
extern const struct rn_object rn_object_audit;
extern const struct rn_object rn_object_status;
extern const struct rn_object rn_object_pki;

/* The whole program; returns the exit code. */
int rn_natctl_run(int argc, char **argv, FILE *out, FILE *err);
/* A line on stderr that is no error ("Note: ..."). */
void rn_natctl_note(struct natctl *ctl, const char *format, ...) G_GNUC_PRINTF(2, 3);

#endif
