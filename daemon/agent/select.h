/* SPDX-License-Identifier: GPL-2.0 */
/* Which entries a user of the control socket means, and how he sees them. */
#ifndef RN_AGENT_SELECT_H
#define RN_AGENT_SELECT_H

#include <glib.h>
#include "agent/entry.h"
#include "control.pb-c.h"

#define AGENT_SELECT_ERROR	agent_select_error_quark()
GQuark agent_select_error_quark(void);

struct agent_select {
	bool by_public, by_private, by_proto, by_zone, by_port_of_public, by_port_of_private;
	struct rn_addr public, private;
	uint16_t public_port, private_port;
	uint8_t proto;
	uint32_t zone;
	bool by_block;
	uint32_t block;
	uint64_t id;		/* 0 any */
	const char *state;	/* NULL any */
	const char *gateway;	/* NULL any */
};

/* selector may be NULL. Strings stay the selector's. The error is a sentence. */
gboolean agent_select_parse(const Roamnat__Control__V1__Selector *selector,
			    struct agent_select *select, GError **error);
gboolean agent_select_match(const struct agent_select *select, const struct agent_entry *entry);
/* Selects by nothing: means all. */
gboolean agent_select_all(const struct agent_select *select);

typedef Roamnat__Control__V1__Mapping RnMapping;

/* All strings are its own: free with agent_select_mapping_free. owner and
 * destination are left for the caller, as g_strdup'd strings.
 */
RnMapping *agent_select_mapping_new(const struct agent_entry *entry);
void agent_select_mapping_free(void *mapping);

#endif
