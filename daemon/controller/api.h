/* SPDX-License-Identifier: GPL-2.0 */
/* The control socket: what natctl asks of the controller (proto/control.proto). */
#ifndef RN_CONTROLLER_API_H
#define RN_CONTROLLER_API_H

#include "controller/core.h"

struct rn_api;

struct rn_api *rn_api_new(struct rn_core *core, GError **error);
void rn_api_free(struct rn_api *api);
/* Tells the monitors. */
void rn_api_event(struct rn_api *api, const struct rn_store_audit *event);

#endif
