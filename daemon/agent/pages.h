/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A long answer: a page in a turn of the loop, the next one when the client has room.
 */
#ifndef RN_AGENT_PAGES_H
#define RN_AGENT_PAGES_H

#include "agent/api_priv.h"

#define AGENT_PAGE	256	/* items; far below RN_FRAME_MAX */

struct agent_pages {
	struct agent_call base;
	struct agent_api *api;
	GArray *items;		/* what was there when the call began */
	guint next;
	guint source;		/* the next page */
	/* Replies with the items from next to end, the last page if `last`. FALSE: the
	 * client has no room, nothing was sent.
	 */
	gboolean (*send)(const struct agent_pages *pages, guint end, gboolean last);
};

/* Fill items, then begin: an answer without items has one page, too. */
struct agent_pages *agent_pages_new(struct agent_api *api, struct rn_control_call *call,
				    guint item_size,
				    gboolean (*send)(const struct agent_pages *pages, guint end,
						     gboolean last));
void agent_pages_begin(struct agent_pages *pages);

#endif
