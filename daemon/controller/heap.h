/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A binary heap of things that are due at a time. The node is embedded in the
 * thing; insert, move and remove cost O(log n), the first one O(1).
 */
#ifndef RN_CONTROLLER_HEAP_H
#define RN_CONTROLLER_HEAP_H

#include <glib.h>

struct rn_heap_node {
	gint64 due;
	guint index;		/* 1-based place in the heap, 0 not in it */
};

struct rn_heap {
	GPtrArray *nodes;
};

void rn_heap_init(struct rn_heap *heap);
void rn_heap_uninit(struct rn_heap *heap);
/* Inserts the node, or moves it when it is in the heap already. */
void rn_heap_set(struct rn_heap *heap, struct rn_heap_node *node, gint64 due);
void rn_heap_remove(struct rn_heap *heap, struct rn_heap_node *node);
/* The one that is due first, NULL when the heap is empty. */
struct rn_heap_node *rn_heap_first(const struct rn_heap *heap);

#endif
