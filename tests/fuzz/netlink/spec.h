/* SPDX-License-Identifier: GPL-2.0 */
/* roamnat.yaml as tables, which tests/tools/nlspec.py writes. */
#ifndef _FUZZ_SPEC_H
#define _FUZZ_SPEC_H

#include <stdbool.h>
#include <stdint.h>

enum spec_kind {
	SPEC_U16, SPEC_U32, SPEC_U64, SPEC_BINARY, SPEC_STRING, SPEC_FLAG, SPEC_NEST, SPEC_PAD,
};

struct spec_attr {
	const char *name;
	unsigned short type;
	enum spec_kind kind;
	uint64_t low, high;		/* of a string: .high is its longest */
	const struct spec_set *nested;
};

struct spec_set {
	const char *name;
	const struct spec_attr *attrs;
	unsigned int count;
};

struct spec_op {
	const char *name;
	unsigned char cmd;
	const struct spec_set *set;
	const unsigned short *request;	/* attributes that it takes */
	unsigned int request_count;
	bool admin;			/* needs CAP_NET_ADMIN in the namespace */
	bool dump;
};

extern const struct spec_set spec_sets[];
extern const struct spec_op spec_ops[];
extern const unsigned int spec_op_count;

static inline const struct spec_attr *spec_attr(const struct spec_set *set, unsigned int type)
{
	unsigned int i;

	for (i = 0; i < set->count; i++)
		if (set->attrs[i].type == type)
			return &set->attrs[i];
	return (const struct spec_attr *)0;
}

#endif
