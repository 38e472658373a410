/* SPDX-License-Identifier: GPL-2.0 */
/* Packets made from samples: spoiled, aimed at mappings, straightened again. */
#ifndef _FUZZ_MUTATE_H
#define _FUZZ_MUTATE_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUTATE_MAX 2000		/* bytes of a packet; oracle.h knows no longer ones */
#define MUTATE_HOSTS 12		/* of each kind of mapping: 1 to 12 */

/* What is packet number N for one seed is the same each time. */
struct mutate {
	uint64_t random;
	struct sample {
		uint8_t *data;
		size_t len;
		bool six;
	} *samples;
	size_t count;
	/* The packet that was made last. */
	struct virtio_net_hdr vnet;
	uint8_t packet[MUTATE_MAX];
	size_t len;
	bool inside;		/* it is for the inside interface */
};

/* Inputs of packet/fuzz.c, all files of a directory in the order of their names. */
int mutate_load(struct mutate *m, const char *dir);
void mutate_free(struct mutate *m);
void mutate_next(struct mutate *m);
uint64_t mutate_below(struct mutate *m, uint64_t n);

#endif
