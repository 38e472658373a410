/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The shell around the ownership machine: gives it events, carries its actions
 * out in their order, and tells it at once what the kernel said. It decides
 * nothing about ownership.
 */
#ifndef RN_AGENT_CORE_H
#define RN_AGENT_CORE_H

#include "agent/entry.h"
#include "agent/kernel.h"

struct agent_core;

struct agent_core_ops {
	/* To RN_CONTROLLER or a gateway, with the bindings of a transfer (NULL for
	 * none); false: not sent, the machine repeats it.
	 */
	gboolean (*send)(uint32_t to, const struct rn_msg *msg,
			 const struct rn_bindings *bindings, void *data);
	/* Number of the way by which late packets of vm reach that gateway, 0 if
	 * there is none: they are dropped then.
	 */
	uint32_t (*way)(uint32_t to, const struct rn_private *vm, void *data);
	/* For natctl monitor. */
	void (*noted)(const struct agent_entry *entry, const struct own_act *note, void *data);
	/* The machine has made a step, and what it orders is still to be done. */
	void (*entered)(struct agent_entry *entry, void *data);
	/* The entry has been through one event and all that followed from it. */
	void (*stepped)(const struct agent_entry *entry, void *data);
};

struct agent_core *agent_core_new(struct agent_kernel *kernel, enum rn_mode mode,
				  const struct agent_core_ops *ops, void *data);
void agent_core_free(struct agent_core *core);
struct agent_table *agent_core_table(struct agent_core *core);
/* Not to be guessed: for nonces. */

/* What the machine is told of the session; up: messages will leave; settling: the
 * grants that come are those that were before.
 */
void agent_core_set_session(struct agent_core *core, uint32_t self, uint64_t incarnation,
			    gboolean up, gboolean settling);
/* The kernel's bounds are ours: mappings and misses. */
void agent_core_set_max(struct agent_core *core, guint max);

/* from the kernel */
void agent_core_miss(struct agent_core *core, const struct agent_kmsg_mapping *miss);
void agent_core_changed(struct agent_core *core, const struct agent_kmsg_mapping *mapping);
/* Reads the kernel's table: adopts what is new to us, and tells the entries whose
 * mapping is not there any more.
 */
gboolean agent_core_reconcile(struct agent_core *core, GError **error);
/* The module is gone: forgets all. */
void agent_core_clear(struct agent_core *core);

/* from the network; the sender is authenticated and may send this type */
void agent_core_message(struct agent_core *core, uint32_t from, const struct rn_msg *msg);
/* A transfer, and the bindings that came with it; NULL for none. */
void agent_core_transfer(struct agent_core *core, uint32_t from, const struct rn_msg *msg,
			 const struct rn_bindings *bindings);

/* from the session: EV_SESSION, EV_SUSPEND, EV_FLUSHED to every entry */
void agent_core_everyone(struct agent_core *core, enum own_gw_event_type type);

/* from natctl; entry may be gone on return, `stepped` has told */
void agent_core_vm_left(struct agent_core *core, struct agent_entry *entry, uint32_t dst);
void agent_core_release(struct agent_core *core, struct agent_entry *entry);

/* What INVENTORY tells: mappings of which the controller has a record. Looks at
 * no more than n entries, from *place down (G_MAXUINT: all are still to come),
 * and says where to go on: 0, that was all. Entries may come and go in between;
 * one that moves may be told twice, none is left out.
 */
void agent_core_inventory(struct agent_core *core, guint *place, guint n,
			  void (*each)(uint64_t id, uint64_t epoch, void *data), void *data);

#endif
