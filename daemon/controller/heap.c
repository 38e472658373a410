// SPDX-License-Identifier: GPL-2.0
#include "controller/heap.h"

void rn_heap_init(struct rn_heap *heap)
{
	heap->nodes = g_ptr_array_new();
}

void rn_heap_uninit(struct rn_heap *heap)
{
	g_clear_pointer(&heap->nodes, g_ptr_array_unref);
}

static struct rn_heap_node *at(const struct rn_heap *heap, guint index)
{
	return heap->nodes->pdata[index - 1];
}

static void place(struct rn_heap *heap, guint index, struct rn_heap_node *node)
{
	heap->nodes->pdata[index - 1] = node;
	node->index = index;
}

static void sift_up(struct rn_heap *heap, struct rn_heap_node *node, guint index)
{
	while (index > 1 && at(heap, index / 2)->due > node->due) {
		place(heap, index, at(heap, index / 2));
		index /= 2;
	}
	place(heap, index, node);
}

static void sift_down(struct rn_heap *heap, struct rn_heap_node *node, guint index)
{
	guint n = heap->nodes->len;

	while (index * 2 <= n) {
		guint child = index * 2;

		if (child < n && at(heap, child + 1)->due < at(heap, child)->due)
			child++;
		if (at(heap, child)->due >= node->due)
			break;
		place(heap, index, at(heap, child));
		index = child;
	}
	place(heap, index, node);
}

void rn_heap_set(struct rn_heap *heap, struct rn_heap_node *node, gint64 due)
{
	gint64 before = node->due;

	node->due = due;
	if (!node->index) {
		g_ptr_array_add(heap->nodes, node);
		sift_up(heap, node, heap->nodes->len);
	} else if (due < before) {
		sift_up(heap, node, node->index);
	} else if (due > before) {
		sift_down(heap, node, node->index);
	}
}

void rn_heap_remove(struct rn_heap *heap, struct rn_heap_node *node)
{
	guint index = node->index;
	struct rn_heap_node *last;

	if (!index)
		return;
	node->index = 0;
	last = at(heap, heap->nodes->len);
	g_ptr_array_set_size(heap->nodes, heap->nodes->len - 1);
	if (last == node)
		return;
	if (index > 1 && at(heap, index / 2)->due > last->due)
		sift_up(heap, last, index);
	else
		sift_down(heap, last, index);
}

struct rn_heap_node *rn_heap_first(const struct rn_heap *heap)
{
	return heap->nodes->len ? at(heap, 1) : NULL;
}
