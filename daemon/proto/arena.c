// SPDX-License-Identifier: GPL-2.0
/* Bump allocation in blocks that grow up to the cap. */
#include "proto/arena.h"

#include <stdlib.h>
#include <string.h>
#include "proto/codec.h"

#define BLOCK_MIN	(16 * 1024)
#define ALIGN		16

struct rn_arena_block {
	struct rn_arena_block *next;
	gsize size;
	gsize used;
	_Alignas(ALIGN) guint8 data[];
};

/* Before each piece, so that the length of a string that contains a NUL can
 * still be told after it was unpacked.
 */
struct piece {
	_Alignas(ALIGN) gsize size;
};

static gboolean add_block(struct rn_arena *arena, gsize need)
{
	gsize size = MAX(BLOCK_MIN, arena->used);
	struct rn_arena_block *block;

	size = MAX(MIN(size, arena->cap - arena->used), need);
	if (size > arena->cap - arena->used)
		return FALSE;
	block = malloc(sizeof(*block) + size);
	if (!block)
		return FALSE;
	block->next = arena->blocks;
	block->size = size;
	block->used = 0;
	arena->blocks = block;
	arena->used += size;
	return TRUE;
}

static void *arena_alloc(void *data, size_t size)
{
	struct rn_arena *arena = data;
	struct rn_arena_block *block = arena->blocks;
	struct piece *piece;
	gsize need;

	if (size > arena->cap)
		goto refuse;
	need = sizeof(*piece) + (size + ALIGN - 1) / ALIGN * ALIGN;
	if (!block || block->size - block->used < need) {
		if (!add_block(arena, need))
			goto refuse;
		block = arena->blocks;
	}
	piece = (struct piece *)(block->data + block->used);
	block->used += need;
	piece->size = size;
	return piece + 1;
refuse:
	arena->exhausted = TRUE;
	return NULL;
}

static void arena_release(void *data, void *piece)
{
}

void rn_arena_init(struct rn_arena *arena, gsize cap)
{
	*arena = (struct rn_arena) {
		.allocator = { arena_alloc, arena_release, arena },
		.cap = cap,
	};
}

void rn_arena_free(struct rn_arena *arena)
{
	while (arena->blocks) {
		struct rn_arena_block *block = arena->blocks;

		arena->blocks = block->next;
		free(block);
	}
	arena->used = 0;
}

/* protobuf-c allocates a string's bytes and one more. */
static gboolean check_string(const char *text, const char *field, GError **error)
{
	const struct piece *piece = (const struct piece *)(const void *)text - 1;

	if (!text || text == protobuf_c_empty_string)
		return TRUE;
	if (g_utf8_validate(text, (gssize)piece->size - 1, NULL))
		return TRUE;
	g_set_error(error, RN_CODEC_ERROR, RN_CODEC_ERROR_FIELD,
		    "%s is not UTF-8 without NUL", field);
	return FALSE;
}

static gboolean check_value(const ProtobufCFieldDescriptor *field, const void *value,
			    GError **error)
{
	const void *pointer = *(const void *const *)value;

	if (field->type == PROTOBUF_C_TYPE_STRING)
		return check_string(pointer, field->name, error);
	return !pointer || rn_arena_check_strings(pointer, error);
}

gboolean rn_arena_check_strings(const ProtobufCMessage *msg, GError **error)
{
	const ProtobufCMessageDescriptor *desc = msg->descriptor;

	for (unsigned int i = 0; i < desc->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &desc->fields[i];
		const guint8 *member = (const guint8 *)msg + field->offset;
		gsize n = 1;

		if (field->type != PROTOBUF_C_TYPE_STRING &&
		    field->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			memcpy(&n, (const guint8 *)msg + field->quantifier_offset, sizeof(n));
			member = *(const guint8 *const *)(const void *)member;
		}
		for (gsize j = 0; j < n; j++)
			if (!check_value(field, member + j * sizeof(void *), error))
				return FALSE;
	}
	return TRUE;
}
