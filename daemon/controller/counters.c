// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include "controller/counters.h"

static const struct {
	const char *name, *sentence;
} table[RN_COUNTER_N] = {
#define X(name, sentence) { #name, sentence },
	RN_COUNTERS(X)
#undef X
};

void rn_counters_refused(struct rn_counters *counters, uint8_t code)
{
	counters->value[RN_COUNTER_refused]++;
	counters->refused[code <= RN_CODE_MAX ? code : RN_CODE_BAD_MESSAGE]++;
}

void rn_counters_foreach(const struct rn_counters *counters,
			 void (*each)(const char *name, uint64_t value, const char *sentence,
				      void *data), void *data)
{
	for (int i = 0; i < RN_COUNTER_N; i++)
		each(table[i].name, counters->value[i], table[i].sentence, data);
	for (int code = 1; code <= RN_CODE_MAX; code++) {
		char name[64];

		snprintf(name, sizeof(name), "refused_%s", rn_code_to_string(code));
		for (char *c = name; *c; c++)
			if (*c == '-')
				*c = '_';
		each(name, counters->refused[code], rn_code_to_sentence(code), data);
	}
}
