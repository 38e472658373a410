/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bindings of blocks of ports on their way from kernel to kernel. The machine of
 * own/ decides about mappings and knows nothing of bindings: they are read from the
 * frozen mapping when its transfer is sent, and wait here, at the destination, as
 * long as the slot of their transfer does.
 */
#ifndef RN_AGENT_BLOCK_H
#define RN_AGENT_BLOCK_H

#include "agent/entry.h"
#include "agent/kernel.h"

/* Bindings that wait in all entries together; more are left out and counted. */
#define AGENT_BLOCK_WAITING_MAX	(256 * RN_BINDINGS_MAX)

/* What goes with msg, which is sent for entry: the bindings of a block that is
 * transferred, read from the kernel the first time. NULL for none.
 */
const struct rn_bindings *agent_block_leaving(struct agent_kernel *kernel,
					      struct agent_entry *entry,
					      const struct rn_msg *msg);
/* They came with the transfer msg of gateway `from`. */
void agent_block_arrived(struct agent_entry *entry, uint32_t from, const struct rn_msg *msg,
			 const struct rn_bindings *bindings);
/* Those of the transfer that msg holds (epoch exact) or that msg, a grant, rests on. */
const struct rn_bindings *agent_block_waiting(const struct agent_entry *entry,
					      const struct rn_msg *msg, bool exact);
/* After a step: frees what nobody will ask for any more. */
void agent_block_settle(struct agent_entry *entry);
void agent_block_free(struct agent_entry *entry);

#endif
