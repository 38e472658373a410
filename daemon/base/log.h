/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Structured logs through GLib: to the journal when stderr is the journal,
 * else one line on stderr. And the two words that systemd wants.
 */
#ifndef RN_BASE_LOG_H
#define RN_BASE_LOG_H

#include <glib.h>

void rn_log_init(const char *program, gboolean debug);

#define rn_err(...)	g_log("roamnat", G_LOG_LEVEL_CRITICAL, __VA_ARGS__)
#define rn_warn(...)	g_log("roamnat", G_LOG_LEVEL_WARNING, __VA_ARGS__)
#define rn_notice(...)	g_log("roamnat", G_LOG_LEVEL_MESSAGE, __VA_ARGS__)
#define rn_info(...)	g_log("roamnat", G_LOG_LEVEL_INFO, __VA_ARGS__)
#define rn_debug(...)	g_log("roamnat", G_LOG_LEVEL_DEBUG, __VA_ARGS__)

/* As rn_notice, with fields "NAME", value, ..., NULL beside the message. */
void rn_event(const char *message, ...) G_GNUC_NULL_TERMINATED;

/* sd_notify(3): "READY=1", "STOPPING=1", "STATUS=..."; nothing without a socket. */
void rn_notify(const char *state);
/* Half of the watchdog interval in ms, 0 without one. */
guint rn_notify_watchdog(void);

#endif
