// SPDX-License-Identifier: GPL-2.0
/*
 * One queue for each time of each group: who is put in later is due later, so its
 * head is always the next. Nothing here costs more with more addresses.
 */
#include "agent/unasked.h"

struct agent_unasked {
	const GPtrArray *configs;
	GQueue *queues;		/* [group * AGENT_ANNOUNCE_TIMES + step] */
};

static const struct agent_announce_config *config_of(const struct agent_unasked *unasked,
						     guint group)
{
	return unasked->configs->pdata[group];
}

static GQueue *queue_of(const struct agent_unasked *unasked, guint group, guint step)
{
	return &unasked->queues[group * AGENT_ANNOUNCE_TIMES + step];
}

struct agent_unasked *agent_unasked_new(const GPtrArray *configs)
{
	struct agent_unasked *unasked = g_new0(struct agent_unasked, 1);

	unasked->configs = configs;
	unasked->queues = g_new0(GQueue, configs->len * AGENT_ANNOUNCE_TIMES + 1);
	return unasked;
}

void agent_unasked_free(struct agent_unasked *unasked)
{
	if (!unasked)
		return;
	g_free(unasked->queues);
	g_free(unasked);
}

static void enqueue(struct agent_unasked *unasked, struct agent_unasked_item *item)
{
	const struct agent_announce_config *config = config_of(unasked, item->group);

	if (item->step >= config->n_times)
		return;
	item->due = item->begun + config->times[item->step];
	item->link.data = item;
	g_queue_push_tail_link(queue_of(unasked, item->group, item->step), &item->link);
}

void agent_unasked_stop(struct agent_unasked *unasked, struct agent_unasked_item *item)
{
	if (!item->link.data)
		return;
	g_queue_unlink(queue_of(unasked, item->group, item->step), &item->link);
	item->link.data = NULL;
}

void agent_unasked_start(struct agent_unasked *unasked, struct agent_unasked_item *item,
			 int64_t now)
{
	agent_unasked_stop(unasked, item);
	item->begun = now;
	item->step = 0;
	enqueue(unasked, item);
}

static struct agent_unasked_item *first(const struct agent_unasked *unasked)
{
	struct agent_unasked_item *found = NULL;

	for (guint i = 0; i < unasked->configs->len * AGENT_ANNOUNCE_TIMES; i++) {
		struct agent_unasked_item *item = g_queue_peek_head(&unasked->queues[i]);

		if (item && (!found || item->due < found->due))
			found = item;
	}
	return found;
}

int64_t agent_unasked_due(const struct agent_unasked *unasked)
{
	const struct agent_unasked_item *item = first(unasked);

	return item ? item->due : INT64_MAX;
}

const struct agent_unasked_item *agent_unasked_next(struct agent_unasked *unasked, int64_t now)
{
	struct agent_unasked_item *item = first(unasked);

	if (!item || item->due > now)
		return NULL;
	agent_unasked_stop(unasked, item);
	item->step++;
	enqueue(unasked, item);
	return item;
}
