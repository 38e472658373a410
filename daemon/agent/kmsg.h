/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Netlink attributes of the family roamnat <-> plain structs. Pure: no socket,
 * no clock. The contract is include/uapi/linux/roamnat.yaml.
 *
 * build_* append to a message that has its genetlink header and return 0 or
 * -EMSGSIZE; parse_* take a whole message and name the attribute that is wrong.
 */
#ifndef RN_AGENT_KMSG_H
#define RN_AGENT_KMSG_H

#include <glib.h>
#include <netlink/msg.h>
#include "own/gateway.h"
#include "proto/binding.h"

#define AGENT_KMSG_ERROR	agent_kmsg_error_quark()
GQuark agent_kmsg_error_quark(void);

struct agent_kmsg_mapping {
	uint64_t id, epoch, incarnation;
	struct rn_private vm;
	struct rn_public pub;
	struct rn_timer timer;
	uint32_t ifindex;	/* miss */
	uint32_t lost;		/* miss */
	uint32_t bindings;	/* in a block */
	uint8_t state;		/* enum roamnat_state, 0 absent */
	uint8_t event;		/* enum roamnat_event, 0 absent */
	bool suspended;
};

struct agent_kmsg_session {
	uint64_t incarnation;
	uint64_t lease_end_ns;	/* boot-time clock, 0 without end */
	char version[64];
};

struct agent_kmsg_prefix {
	uint32_t ifindex;
	struct rn_prefix prefix;
	uint32_t zone;
	uint8_t kind;		/* enum rn_kind */
	uint64_t idle_ms;
	uint32_t mark, mark_mask;
	bool exclude;		/* a destination; kind, idle time and mark are none */
};

/* How late packets reach another gateway. */
struct agent_kmsg_way {
	uint32_t number;
	uint32_t ifindex;
	struct rn_addr hop, hop6;	/* len 0: the device has one other end */
	uint32_t zone;
	bool any_zone;
};

struct agent_kmsg_bound {
	uint16_t attr;		/* ROAMNAT_A_CONFIG_* */
	uint32_t value;
};

/* GRANT or XFER as a mapping; state is ROAMNAT_STATE_ACTIVE or _HELD. */
/* keep_timer: the timer of the entry that is in the kernel goes on. */
int agent_kmsg_build_mapping(struct nl_msg *nl, const struct rn_msg *msg, uint32_t state,
			     gboolean keep_timer);
/* With mapping-new; the message must have room for it. */
int agent_kmsg_build_binding(struct nl_msg *nl, const struct rn_bindings *bindings, guint i);
/* Room that they take. */
size_t agent_kmsg_bindings_size(const struct rn_bindings *bindings);
/* state 0 leaves the attribute out. */
int agent_kmsg_build_id(struct nl_msg *nl, uint64_t id, uint64_t epoch, uint32_t state);
/* way 0 leaves the attribute out. */
int agent_kmsg_build_leaving(struct nl_msg *nl, uint64_t id, uint64_t epoch, uint32_t state,
			     uint32_t way);
int agent_kmsg_build_way(struct nl_msg *nl, const struct agent_kmsg_way *way);
/* Interfaces that have the fast path. */
int agent_kmsg_build_fast(struct nl_msg *nl, const uint32_t *ifindex, size_t n);
int agent_kmsg_build_floor(struct nl_msg *nl, uint64_t id, uint64_t epoch);
int agent_kmsg_build_flush(struct nl_msg *nl, uint64_t incarnation);
int agent_kmsg_build_refuse(struct nl_msg *nl, const struct rn_private *vm, uint64_t hold_off_ms);
int agent_kmsg_build_session(struct nl_msg *nl, uint64_t incarnation, uint64_t lease_end_ns);
int agent_kmsg_build_register(struct nl_msg *nl, const char *version);
int agent_kmsg_build_prefix(struct nl_msg *nl, const struct agent_kmsg_prefix *prefix);
int agent_kmsg_build_bounds(struct nl_msg *nl, const struct agent_kmsg_bound *bounds, size_t n);

gboolean agent_kmsg_parse_mapping(struct nlmsghdr *hdr, struct agent_kmsg_mapping *mapping,
				  GError **error);
/* Appends those of one message of a binding-get. */
gboolean agent_kmsg_parse_bindings(struct nlmsghdr *hdr, struct rn_bindings *bindings,
				   GError **error);
gboolean agent_kmsg_parse_session(struct nlmsghdr *hdr, struct agent_kmsg_session *session,
				  GError **error);
/* values[ROAMNAT_A_CONFIG_MAX + 1], by attribute; absent ones are 0. */
gboolean agent_kmsg_parse_config(struct nlmsghdr *hdr, uint32_t *values, GError **error);

/* The event that msg and event together are; both live as long as the caller. */
void agent_kmsg_to_event(const struct agent_kmsg_mapping *mapping, uint8_t type,
			 struct own_gw_event *event, struct rn_msg *msg);

#endif
