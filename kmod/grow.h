/* SPDX-License-Identifier: GPL-2.0 */
/*
 * When a hash table doubles. rhashtable does it at three quarters of an element a
 * bucket, which leaves a million in 2^21 buckets: 17 bytes each, and each mapping and
 * each binding is in two tables. Nearly one a bucket are 2^20. A look-up then compares
 * at most an eighth of a key more than it did, one that finds nothing a quarter.
 */
#ifndef _RNAT_GROW_H
#define _RNAT_GROW_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/log2.h>
#include <linux/rhashtable-types.h>

/*
 * Before each insertion: @ht does not grow beyond the power of two that has room for
 * what is in it and a little more. rhashtable reads max_size whenever it considers
 * growth, so it may be moved at any time; max_elems, what a table may have at all, was
 * taken from it at init, when it was 0, and is not touched.
 *
 * The little more is for the worker that doubles: at one a bucket an insertion would
 * have to do it itself, with memory that it cannot wait for, and a big table would be
 * made twice. 4096 let small ones, of which none costs anything, grow as ever.
 *
 * Bindings are inserted by several CPUs at once. It only rises, and all CPUs want the
 * same power of two, unless one has slept for 4096 insertions between its two lines;
 * what it then takes back the next insertion raises. A table that has shrunk grows up
 * to its old size at three quarters: it has had the memory before.
 */
static inline void rnat_grow_late(struct rhashtable *ht)
{
	u32 n = atomic_read(&ht->nelems);
	u32 room = n + n / 32 + 4096;

	if (READ_ONCE(ht->p.max_size) < room)
		WRITE_ONCE(ht->p.max_size, roundup_pow_of_two(room));
}

#endif
