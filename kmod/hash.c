// SPDX-License-Identifier: GPL-2.0
#include "hash.h"

#include <linux/cache.h>
#include <linux/random.h>

u64 rnat_hash_keys[RNAT_HASH_WORDS + 2] __read_mostly;

void rnat_hash_init(void)
{
	get_random_bytes(rnat_hash_keys, sizeof(rnat_hash_keys));
	rnat_hash_keys[RNAT_HASH_WORDS + 1] |= 1;
}
