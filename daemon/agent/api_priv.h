/* SPDX-License-Identifier: GPL-2.0 */
/* What api.c, pages.c, list.c, list_route.c, order.c and monitor.c share. */
#ifndef RN_AGENT_API_PRIV_H
#define RN_AGENT_API_PRIV_H

#include "agent/api.h"
#include "agent/select.h"

typedef Roamnat__Control__V1__Event RnEvent;

/* What a call that is not yet answered hangs on to; first member of pages, an
 * order or a monitor, and the call's user pointer.
 */
struct agent_call {
	struct rn_control_call *call;
	/* The client reads again. */
	void (*drained)(struct agent_call *call);
	/* The client is gone, or the daemon is going; also after the last reply. */
	void (*free)(struct agent_call *call);
};

struct agent_api {
	const struct agent_config *config;
	const char *version;
	struct agent_kernel *kernel;
	struct agent_core *core;
	struct agent_peers *peers;
	struct agent_session *session;
	const struct agent_route *route;
	struct rn_control *control;
	GPtrArray *orders;	/* struct order, of order.c */
	GPtrArray *monitors;	/* struct monitor, of monitor.c */
	uint64_t rev;		/* of the last event */
};

/* With owner and destination by name. */
RnMapping *agent_api_mapping(struct agent_api *api, const struct agent_entry *entry);

/* list.c */
void agent_list_begin(struct agent_api *api, struct rn_control_call *call,
		      const struct agent_select *select);

/* list_route.c */
void agent_list_routes_begin(struct agent_api *api, struct rn_control_call *call);

/* order.c */
void agent_order_release(struct agent_api *api, struct rn_control_call *call,
			 const RnRequest *request);
void agent_order_migrate(struct agent_api *api, struct rn_control_call *call,
			 const RnRequest *request);
void agent_order_stepped(struct agent_api *api, const struct agent_entry *entry);

/* monitor.c */
void agent_monitor_begin(struct agent_api *api, struct rn_control_call *call);
/* Fills in rev and time. */
void agent_monitor_tell(struct agent_api *api, RnEvent *event);

#endif
