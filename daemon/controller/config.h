/* SPDX-License-Identifier: GPL-2.0 */
/* controller.conf, checked. */
#ifndef RN_CONTROLLER_CONFIG_H
#define RN_CONTROLLER_CONFIG_H

#include "base/config.h"
#include "controller/limit.h"
#include "controller/pool.h"

struct rn_gateway_config {	/* texts are of the configuration */
	const char *name;
	const char *identity;	/* URI SAN of its certificate */
	const char *endpoint;	/* where its agent listens for other gateways */
	uint64_t planned, planned_blocks, reserve, overload;
	uint64_t lease_ms;	/* 0 without end */
	gboolean enabled;
};

struct rn_ctl_config {
	struct rn_config *file;
	const char *name, *listen, *control_socket, *store;
	const char *ca, *cert, *key, *crl;
	uint8_t mode;		/* enum rn_mode */
	uint64_t quarantine;	/* ms */
	uint64_t reclaim;	/* ms after the end of a lease, 0 never */
	uint64_t audit_keep;	/* ms, 0 for ever */
	GArray *gateways;	/* struct rn_gateway_config */
	char **gateway_names;	/* what their names point to */
	struct rn_pools *pools;	/* empty: nothing granted yet */
	struct rn_limits *limits;
};

struct rn_ctl_config *rn_ctl_config_load(const char *path, GError **error);
void rn_ctl_config_free(struct rn_ctl_config *config);

#endif
