/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel module, as the agent sees it. The only owner of its netlink
 * sockets: one for requests, answered at once, and one that is registered as
 * this namespace's agent and gets misses and notifications.
 *
 * The module may come and go: `up` starts everything over, `down` says that
 * whatever the table held is gone.
 */
#ifndef RN_AGENT_KERNEL_H
#define RN_AGENT_KERNEL_H

#include <glib.h>
#include "agent/genl.h"
#include "agent/kmsg.h"

struct agent_kernel;

struct agent_kernel_ops {
	/* Registered with a module; its table may hold mappings. */
	void (*up)(const struct agent_kmsg_session *session, void *data);
	/* The module is gone, and its table with it. */
	void (*down)(void *data);
	void (*miss)(const struct agent_kmsg_mapping *miss, void *data);
	void (*changed)(const struct agent_kmsg_mapping *mapping, void *data);
	/* Notifications were lost: read the table again (R30). */
	void (*overrun)(void *data);
};

struct agent_kernel *agent_kernel_new(const char *version, const struct agent_kernel_ops *ops,
				      void *data, GError **error);
/* Registers, or says in the log what it waits for. */
void agent_kernel_start(struct agent_kernel *kernel);
/* NULL when registered; else a sentence that says what is missing. */
const char *agent_kernel_missing(const struct agent_kernel *kernel);
/* No module is loaded, as far as is known. */
gboolean agent_kernel_absent(const struct agent_kernel *kernel);
/* Leaves the kernel's table as it is. */
void agent_kernel_free(struct agent_kernel *kernel);

/* Requests. All fail with ENODEV while there is no module. */
gboolean agent_kernel_session_set(struct agent_kernel *kernel, uint64_t incarnation,
				  uint64_t lease_end_ns, GError **error);
gboolean agent_kernel_config_set(struct agent_kernel *kernel,
				 const struct agent_kmsg_bound *bounds, size_t n, GError **error);
/* values[ROAMNAT_A_CONFIG_MAX + 1], by attribute. */
gboolean agent_kernel_config_get(struct agent_kernel *kernel, uint32_t *values, GError **error);
gboolean agent_kernel_inside_set(struct agent_kernel *kernel,
				 const struct agent_kmsg_prefix *prefixes, size_t n,
				 GError **error);
gboolean agent_kernel_mapping_new(struct agent_kernel *kernel, const struct rn_msg *msg,
				  uint32_t state, gboolean keep_timer,
				  const struct rn_bindings *bindings, GError **error);
/* timer: as read after the stop. way: not 0, packets wait for mapping_forward. */
gboolean agent_kernel_mapping_freeze(struct agent_kernel *kernel, uint64_t id, uint64_t epoch,
				     uint32_t state, uint32_t way, struct rn_timer *timer,
				     GError **error);
/* ROAMNAT_STATE_MOVING_OUT or _MOVED: its packets go by that way. */
gboolean agent_kernel_mapping_forward(struct agent_kernel *kernel, uint64_t id, uint64_t epoch,
				      uint32_t state, uint32_t way, GError **error);
gboolean agent_kernel_fast_set(struct agent_kernel *kernel, const uint32_t *ifindex, size_t n,
			       GError **error);
gboolean agent_kernel_forward_set(struct agent_kernel *kernel, const struct agent_kmsg_way *ways,
				  size_t n, GError **error);
gboolean agent_kernel_mapping_del(struct agent_kernel *kernel, uint64_t id, uint64_t epoch,
				  GError **error);
gboolean agent_kernel_mapping_flush(struct agent_kernel *kernel, uint64_t incarnation,
				    GError **error);
gboolean agent_kernel_mapping_get(struct agent_kernel *kernel, uint64_t id,
				  struct agent_kmsg_mapping *mapping, GError **error);
/* Each mapping in turn, some of them again when the dump had to be repeated;
 * `each` may make requests.
 */
gboolean agent_kernel_mapping_dump(struct agent_kernel *kernel,
				   void (*each)(const struct agent_kmsg_mapping *mapping,
						void *data),
				   void *data, GError **error);
/* The bindings of a block that is frozen, as many as one transfer takes; *more: how
 * many are left out. Reads no further than it takes, so it is done in some ms.
 */
struct rn_bindings *agent_kernel_bindings(struct agent_kernel *kernel, uint64_t id, guint *more,
					  GError **error);
gboolean agent_kernel_floor_set(struct agent_kernel *kernel, uint64_t id, uint64_t epoch,
				GError **error);
gboolean agent_kernel_miss_refuse(struct agent_kernel *kernel, const struct rn_private *vm,
				  uint64_t hold_off_ms, GError **error);

#endif
