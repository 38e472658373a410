/* SPDX-License-Identifier: GPL-2.0 */
/* One entry of a gateway on the bench: bring it into a state, see what it says. */
#ifndef TEST_GWBENCH_H
#define TEST_GWBENCH_H

#include "own/gateway.h"

enum { SELF = 1, PEER = 2, THIRD = 3, ID = 7, EPOCH = 5, INC = 3, NOW = 100000 };

extern struct own_gw_env env;
extern struct own_gw_entry entry;
extern struct own_acts acts;

/* What the machine was given last, so that a suite can see what it left out. */
extern struct last_given {
	uint8_t event, msg;
	uint32_t from;
} last;

/* The actions of the last step but for notes: messages in small letters,
 * kernel requests in capitals.
 */
const char *told(void);
const struct rn_msg *sent(uint8_t type);	/* fails the test if it was not */
struct rn_private vm(void);
struct rn_msg message(uint8_t type);		/* ID, EPOCH, INC, from SELF to PEER */
void step(uint8_t type, uint32_t from, const struct rn_msg *msg);
void give_adopt(uint8_t kernel_state, const struct rn_msg *msg);
void give(uint32_t from, const struct rn_msg *msg);
void kernel(int err);				/* the result of the request */
void fresh(uint8_t mode);
/* By the machine's own way into a state, so that all fields are as there. */
void reach(enum own_gw_state state);

#endif
