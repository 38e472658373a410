/* SPDX-License-Identifier: GPL-2.0 */
/* A deadline of a GSource that moves with nearly everything that happens. */
#ifndef RN_BASE_WAKE_H
#define RN_BASE_WAKE_H

#include <glib.h>

/**
 * rn_wake_at() - have a source of this thread's loop dispatched by a time
 * @us: of g_get_monotonic_time(); -1: never
 *
 * Each change of a ready time wakes the loop by a write to itself, a system call, though
 * it is the loop that is calling. A deadline that only moves away, as they do with each
 * message, therefore stays: the source is dispatched too early, once, and sets the right
 * one then. So its dispatch must look at the clock, and must call this at its end.
 */
void rn_wake_at(GSource *source, gint64 us);

#endif
