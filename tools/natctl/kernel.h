/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel module of this network namespace, over generic netlink
 * (include/uapi/linux/roamnat.yaml). Blocking; the kernel answers at once.
 * Errors carry the kernel's own sentence (extended ack).
 */
#ifndef RN_KERNEL_H
#define RN_KERNEL_H

#include <glib.h>
#include "args.h"

struct rn_kernel;

struct rn_kernel_mapping {
	guint64 id;
	guint64 epoch;
	guint64 incarnation;
	guint64 first_ns, last_ns;	/* CLOCK_BOOTTIME, 0 never */
	struct rn_timer timer;
	struct rn_private private;
	struct rn_public public;
	guint8 state;			/* enum roamnat_state */
	guint8 event;			/* enum roamnat_event, 0 in a dump */
	gboolean has_timer;
	gboolean suspended;
};

struct rn_kernel_session {
	guint64 incarnation;
	guint64 lease_end_ns;
	guint32 agent_portid;
	char version[65];
};

/* One number of stats-get: an attribute of the set `counter` or `stats`, or of
 * `config` in config-get.
 */
struct rn_kernel_value {
	guint32 attr;
	guint64 value;
};

/* Is the generic netlink family there? Tells nobody why not. */
gboolean rn_kernel_present(void);
struct rn_kernel *rn_kernel_open(GError **error);
void rn_kernel_free(struct rn_kernel *kernel);

/* Appends struct rn_kernel_mapping, sorted by public side. A dump that met
 * changes is begun anew, a few times; *torn tells that it never went through
 * and may lack or repeat some that came or went meanwhile.
 */
gboolean rn_kernel_mappings(struct rn_kernel *kernel, const struct rn_selector *selector,
			    GArray *mappings, gboolean *torn, GError **error);
gboolean rn_kernel_mapping_del(struct rn_kernel *kernel, guint64 id, guint64 epoch,
			       GError **error);
gboolean rn_kernel_session(struct rn_kernel *kernel, struct rn_kernel_session *session,
			   GError **error);
/* Append struct rn_kernel_value. */
gboolean rn_kernel_stats(struct rn_kernel *kernel, GArray *counters, GArray *stats,
			 GError **error);
gboolean rn_kernel_config(struct rn_kernel *kernel, GArray *values, GError **error);

/* A packet that is asked about, and as what it would leave. ICMP echo has its
 * identifier in sport.
 */
struct rn_kernel_packet {
	guint32 ifindex;	/* 0: not said, or not known */
	guint8 proto;
	guint16 sport, dport;
	struct rn_addr src, dst;
};

struct rn_kernel_why {
	struct rn_kernel_packet packet;	/* ifindex: where it leaves */
	guint32 counter;		/* attribute of the set counter; 0: it would be held */
	guint8 hook;			/* enum nf_inet_hooks */
	guint64 id;			/* of the mapping that decides, 0 without */
};

/* What would become of the packet now; nothing is changed by asking. */
gboolean rn_kernel_why(struct rn_kernel *kernel, const struct rn_kernel_packet *packet,
		       struct rn_kernel_why *why, GError **error);

struct rn_kernel_binding {
	guint64 id;			/* of its mapping */
	guint8 proto, state;		/* enum roamnat_binding_state */
	guint16 private_port, public_port;
	guint64 elapsed, remaining;	/* ms */
	gboolean many_remotes;
	guint remotes;			/* addresses that may send to it */
};

/* Each binding of a block, or of all blocks (id 0), as it comes. */
gboolean rn_kernel_bindings(struct rn_kernel *kernel, guint64 id,
			    void (*each)(const struct rn_kernel_binding *binding, void *data),
			    void *data, GError **error);
/* Joins the multicast group of mapping-ntf. After that the socket is for
 * rn_kernel_receive alone, to be called when rn_kernel_fd is readable.
 */
gboolean rn_kernel_subscribe(struct rn_kernel *kernel, GError **error);
int rn_kernel_fd(const struct rn_kernel *kernel);
/* Appends struct rn_kernel_mapping; *lost: the socket's buffer was too small. */
gboolean rn_kernel_receive(struct rn_kernel *kernel, GArray *mappings, gboolean *lost,
			   GError **error);

/* "active", NULL for one that this version does not know. */
const char *rn_kernel_state_to_string(guint8 state);
const char *rn_kernel_event_to_string(guint8 event);
const char *rn_kernel_binding_state_to_string(guint8 state);

#endif
