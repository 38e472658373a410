/* SPDX-License-Identifier: GPL-2.0 */
/* What a natctl user means by `public`, `private`, `zone`, ...: see control.proto. */
#ifndef RN_CONTROLLER_SELECTOR_H
#define RN_CONTROLLER_SELECTOR_H

#include "controller/core.h"
#include "control.pb-c.h"

struct rn_selector {
	bool any;		/* selects all */
	bool has_public, has_private, has_zone;
	uint64_t id;		/* 0 any */
	struct rn_addr public, private;
	uint16_t public_port, private_port;	/* 0 any */
	uint8_t proto;		/* 0 any */
	uint32_t zone;
	bool has_block;
	uint32_t block;
	const struct rn_gateway *gateway;	/* owner */
	const char *pool, *state;	/* of the request */
};

/* from may be NULL. On error *code and the sentence in error say what is wrong. */
gboolean rn_selector_parse(const struct rn_core *core,
			   const Roamnat__Control__V1__Selector *from,
			   struct rn_selector *selector, uint8_t *code, char **error);
gboolean rn_selector_match(const struct rn_core *core, const struct rn_selector *selector,
			   const struct rn_record *record);
/* Ids of the owned records that match, by an index where one fits. */
GArray *rn_selector_owned(const struct rn_core *core, const struct rn_selector *selector);

#endif
