/* SPDX-License-Identifier: GPL-2.0 */
/* Records, gateways, pools and events as control.proto shows them. */
#ifndef RN_CONTROLLER_VIEW_H
#define RN_CONTROLLER_VIEW_H

#include "controller/core.h"
#include "control.pb-c.h"

#define RN_VIEW_SIDE	RN_SIDE_TEXT

/* The texts that pb points to are beside it, or the core's: use it at once. */
struct rn_view_mapping {
	Roamnat__Control__V1__Mapping pb;
	char public[RN_VIEW_SIDE], private[RN_VIEW_SIDE], proto[8];
};

struct rn_view_event {
	Roamnat__Control__V1__Event pb;
	struct rn_view_mapping mapping;
	struct rn_store_audit row;
};

struct rn_view_pool {
	Roamnat__Control__V1__Pool pb;
	char *prefix, *ports;		/* rn_view_pool_clear */
};

void rn_view_mapping(const struct rn_core *core, const struct rn_record *record,
		     struct rn_view_mapping *view);
void rn_view_gateway(const struct rn_gateway *gw, Roamnat__Control__V1__Gateway *pb);
void rn_view_pool(const struct rn_pool *pool, struct rn_view_pool *view);
void rn_view_pool_clear(struct rn_view_pool *view);
void rn_view_event(const struct rn_core *core, const struct rn_store_audit *row,
		   struct rn_view_event *view);

#endif
