/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A mapping as it is shown, whether the kernel or a daemon told of it.
 */
#ifndef RN_SHOW_H
#define RN_SHOW_H

#include "control.pb-c.h"
#include "kernel.h"
#include "natctl.h"

typedef Roamnat__Control__V1__Mapping RnMapping;
typedef Roamnat__Control__V1__Event RnEvent;
typedef Roamnat__Control__V1__Selector RnSelector;

struct rn_show {
	guint64 id, epoch, incarnation;
	guint32 zone;
	char public[RN_SIDE_TEXT];	/* 203.0.113.7:40001 */
	char private[RN_SIDE_TEXT];
	char protocol[8];		/* "" for an address mapping */
	const char *kind, *state, *owner, *destination, *pool;
	guint32 block;			/* of kind block: which of the VM's */
	gboolean has_timer;
	struct rn_timer timer;
	guint64 quarantine_ms;
	gboolean from_kernel;		/* then these too: */
	gboolean suspended;
	guint64 first_ns, last_ns;
};

void rn_show_from_kernel(struct rn_show *view, const struct rn_kernel_mapping *mapping);
/* Borrows the strings of mapping. */
void rn_show_from_reply(struct rn_show *view, const RnMapping *mapping);
/* "203.0.113.7:40001/tcp" */
char *rn_show_name(const struct rn_show *view, char buf[RN_SIDE_TEXT + 9]);
/* The words of the line, between rn_print_open and rn_print_close. */
void rn_show_words(struct natctl *ctl, const struct rn_show *view);
void rn_show_print(struct natctl *ctl, const struct rn_show *view);

/* The event of a daemon; with_date for the audit, else the time of day. */
void rn_show_event(struct natctl *ctl, const RnEvent *event, gboolean with_date);

/* Borrows the strings of selector; texts must live as long as out. */
struct rn_show_selector {
	RnSelector pb;
	char public[RN_SIDE_TEXT];
	char private[RN_SIDE_TEXT];
	char protocol[8];
};

RnSelector *rn_show_selector_init(struct rn_show_selector *out,
				  const struct rn_selector *selector);

#endif
