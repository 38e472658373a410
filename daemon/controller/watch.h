/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who waits for what becomes of records: orders and evacuations. A watch is a
 * member of whatever waits.
 */
#ifndef RN_CONTROLLER_WATCH_H
#define RN_CONTROLLER_WATCH_H

#include "controller/records.h"

struct rn_watch {
	/* A step is done on a record that it watches. It may end this watch, and free
	 * what it is in.
	 */
	void (*changed)(struct rn_watch *watch, struct rn_record *record);
};

void rn_watch_begin(struct rn_watch *watch, struct rn_record *record);
void rn_watch_end(struct rn_watch *watch, struct rn_record *record);
bool rn_watch_watches(const struct rn_watch *watch, const struct rn_record *record);
/* For rn_core_hooks.changed. */
void rn_watch_changed(struct rn_record *record);

#endif
