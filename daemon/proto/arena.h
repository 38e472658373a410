/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A capped allocator for protobuf-c. The cap on a frame is not enough: 256 KiB
 * of empty submessages unpack to 26 MiB. Memory is freed all at once.
 */
#ifndef RN_PROTO_ARENA_H
#define RN_PROTO_ARENA_H

#include <glib.h>
#include <protobuf-c/protobuf-c.h>

#define RN_ARENA_CAP	(4 * 1024 * 1024)

struct rn_arena {
	ProtobufCAllocator allocator;	/* hand this to *__unpack */
	struct rn_arena_block *blocks;
	gsize cap;
	gsize used;			/* of cap, whole blocks */
	gboolean exhausted;		/* an allocation was refused */
};

void rn_arena_init(struct rn_arena *arena, gsize cap);
/* All memory that the allocator gave is gone after this. */
void rn_arena_free(struct rn_arena *arena);

/* Checks what unpacking does not: every string in msg and below it is UTF-8
 * without NUL. msg must have been unpacked from arena.
 */
gboolean rn_arena_check_strings(const ProtobufCMessage *msg, GError **error);

#endif
