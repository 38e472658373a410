// SPDX-License-Identifier: GPL-2.0
#include "agent/block.h"

#include "agent/counters.h"
#include "base/log.h"

/* Of one transfer. */
struct coming {
	uint32_t from;
	uint64_t id, epoch;
	struct rn_bindings *bindings;	/* NULL: not in use */
};

struct agent_block {
	struct rn_bindings *leaving;
	struct coming coming[OWN_GW_SLOTS];	/* no slot, nothing to wait for */
};

static guint waiting;

static void drop(struct coming *coming)
{
	waiting -= rn_bindings_count(coming->bindings);
	g_clear_pointer(&coming->bindings, rn_bindings_free);
}

static void left_out(const struct rn_private *vm, guint n, const char *why)
{
	char text[RN_SIDE_TEXT];

	if (!n)
		return;
	agent_counters_add(AGENT_BINDINGS_LEFT_OUT, n);
	rn_notice("%s: %u bindings do not move with their block: %s", rn_private_print(vm, text),
		  n, why);
}

const struct rn_bindings *agent_block_leaving(struct agent_kernel *kernel,
					      struct agent_entry *entry, const struct rn_msg *msg)
{
	g_autoptr(GError) error = NULL;
	struct agent_block *block;
	guint more = 0;

	if (msg->type != RN_MSG_XFER || msg->vm.kind != RN_KIND_BLOCK)
		return NULL;
	if (!entry->block)
		entry->block = g_new0(struct agent_block, 1);
	block = entry->block;
	if (block->leaving)
		return block->leaving;
	block->leaving = agent_kernel_bindings(kernel, msg->id, &more, &error);
	if (!block->leaving) {
		rn_warn("bindings of mapping %" G_GUINT64_FORMAT " were not read, it moves without: %s",
			msg->id, error->message);
		/* Not again with each repetition. */
		block->leaving = rn_bindings_new();
	}
	left_out(&msg->vm, more, "they ended while they were read");
	return block->leaving;
}

static struct coming *place_for(struct agent_block *block, uint32_t from)
{
	struct coming *best = NULL;

	for (int i = 0; i < OWN_GW_SLOTS; i++) {
		struct coming *coming = &block->coming[i];

		if (coming->bindings && coming->from == from)
			return coming;
		if (!best && !coming->bindings)
			best = coming;
	}
	return best;
}

void agent_block_arrived(struct agent_entry *entry, uint32_t from, const struct rn_msg *msg,
			 const struct rn_bindings *bindings)
{
	guint n = rn_bindings_count(bindings);
	struct coming *coming;

	if (!n)
		return;
	if (!entry->block)
		entry->block = g_new0(struct agent_block, 1);
	coming = place_for(entry->block, from);
	if (!coming || waiting + n > AGENT_BLOCK_WAITING_MAX) {
		left_out(&msg->vm, n, "too many transfers wait");
		return;
	}
	drop(coming);
	*coming = (struct coming) {
		.from = from, .id = msg->id, .epoch = msg->epoch,
		.bindings = rn_bindings_copy(bindings),
	};
	waiting += n;
}

const struct rn_bindings *agent_block_waiting(const struct agent_entry *entry,
					      const struct rn_msg *msg, bool exact)
{
	for (int i = 0; entry->block && i < OWN_GW_SLOTS; i++) {
		const struct coming *coming = &entry->block->coming[i];

		if (coming->bindings && coming->from == msg->src && coming->id == msg->id &&
		    (exact ? coming->epoch == msg->epoch : coming->epoch < msg->epoch))
			return coming->bindings;
	}
	return NULL;
}

static bool has_slot(const struct own_gw_entry *own, const struct coming *coming)
{
	for (int i = 0; i < OWN_GW_SLOTS; i++)
		if (own->slot[i].sender == coming->from && own->slot[i].id == coming->id &&
		    own->slot[i].epoch == coming->epoch)
			return true;
	return false;
}

void agent_block_settle(struct agent_entry *entry)
{
	struct agent_block *block = entry->block;
	bool used;

	if (!block)
		return;
	if (entry->own.state != OWN_GW_MOVING_OUT)
		g_clear_pointer(&block->leaving, rn_bindings_free);
	used = block->leaving;
	for (int i = 0; i < OWN_GW_SLOTS; i++) {
		struct coming *coming = &block->coming[i];

		if (coming->bindings && !has_slot(&entry->own, coming))
			drop(coming);
		used |= coming->bindings != NULL;
	}
	if (!used)
		g_clear_pointer(&entry->block, g_free);
}

void agent_block_free(struct agent_entry *entry)
{
	if (!entry->block)
		return;
	g_clear_pointer(&entry->block->leaving, rn_bindings_free);
	for (int i = 0; i < OWN_GW_SLOTS; i++)
		drop(&entry->block->coming[i]);
	g_clear_pointer(&entry->block, g_free);
}
