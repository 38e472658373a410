// SPDX-License-Identifier: GPL-2.0
/* The pure part of the connection: no I/O, no clock. */
#include "proto/codec.h"

#include <string.h>
#include "proto/arena.h"
#include "proto/binding_priv.h"

typedef Roamnat__V1__Message PbMessage;
typedef Roamnat__V1__Private PbPrivate;
typedef Roamnat__V1__Public PbPublic;
typedef Roamnat__V1__Timer PbTimer;

/* Frame.messages = 1, length-delimited. A Frame is nothing but such fields in
 * a row, so a message is added to it by appending.
 */
#define FRAME_TAG	((1 << 3) | 2)

G_DEFINE_QUARK(rn-codec-error-quark, rn_codec_error)

/* A message and what hangs below it, without any allocation. */
struct packed {
	PbMessage msg;
	PbPrivate vm;
	PbPublic pub;
	PbTimer timer;
};

static gboolean has_vm(const struct rn_private *vm)
{
	return vm->addr.len || vm->zone || vm->kind || vm->proto || vm->port;
}

static gboolean has_pub(const struct rn_public *pub)
{
	return pub->addr.len || pub->proto || pub->port || pub->ports;
}

static gboolean has_timer(const struct rn_timer *timer)
{
	return timer->preset || timer->elapsed || timer->remaining;
}

static ProtobufCBinaryData bytes_of(const struct rn_addr *addr)
{
	return (ProtobufCBinaryData) { addr->len, (uint8_t *)addr->b };
}

static void put_sides(struct packed *to, const struct rn_msg *from)
{
	roamnat__v1__private__init(&to->vm);
	to->vm.zone = from->vm.zone;
	to->vm.kind = from->vm.kind;
	to->vm.protocol = from->vm.proto;
	to->vm.port = from->vm.port;
	to->vm.addr = bytes_of(&from->vm.addr);
	if (has_vm(&from->vm))
		to->msg.vm = &to->vm;

	roamnat__v1__public__init(&to->pub);
	to->pub.protocol = from->pub.proto;
	to->pub.port = from->pub.port;
	to->pub.addr = bytes_of(&from->pub.addr);
	to->pub.ports = from->pub.ports;
	if (has_pub(&from->pub))
		to->msg.pub = &to->pub;

	roamnat__v1__timer__init(&to->timer);
	to->timer.preset_ms = from->timer.preset;
	to->timer.elapsed_ms = from->timer.elapsed;
	to->timer.remaining_ms = from->timer.remaining;
	if (has_timer(&from->timer))
		to->msg.timer = &to->timer;
}

/* to points into from, which must live as long. */
static void put_message(struct packed *to, const struct rn_msg *from)
{
	roamnat__v1__message__init(&to->msg);
	to->msg.type = from->type;
	to->msg.code = from->code;
	to->msg.mode = from->mode;
	to->msg.cause = from->cause;
	to->msg.version = from->version;
	to->msg.gateway = from->gateway;
	to->msg.src = from->src;
	to->msg.dst = from->dst;
	to->msg.id = from->id;
	to->msg.epoch = from->epoch;
	to->msg.incarnation = from->incarnation;
	to->msg.nonce = from->nonce;
	to->msg.lease_ms = from->lease_ms;
	to->msg.name = (char *)from->name;
	to->msg.identity = (char *)from->identity;
	to->msg.text = (char *)from->text;
	put_sides(to, from);
}

static void append_head(GByteArray *frame, gsize len)
{
	guint8 head[11] = { FRAME_TAG };
	guint n = 1;

	for (; len >= 0x80; len >>= 7)
		head[n++] = (guint8)(len | 0x80);
	head[n++] = (guint8)len;
	g_byte_array_append(frame, head, n);
}

gboolean rn_codec_append_with(GByteArray *frame, gsize count, const struct rn_msg *msg,
			      const struct rn_bindings *bindings)
{
	g_autoptr(RnBindingPacked) list = rn_binding_pack(bindings);
	struct packed packed;
	guint before = frame->len;
	gsize len;

	if (count >= RN_FRAME_MESSAGES)
		return FALSE;
	put_message(&packed, msg);
	rn_binding_put(list, &packed.msg);
	len = roamnat__v1__message__get_packed_size(&packed.msg);
	append_head(frame, len);
	if (frame->len + len > RN_FRAME_MAX) {
		g_byte_array_set_size(frame, before);
		return FALSE;
	}
	before = frame->len;
	g_byte_array_set_size(frame, before + (guint)len);
	roamnat__v1__message__pack(&packed.msg, frame->data + before);
	return TRUE;
}

gboolean rn_codec_append(GByteArray *frame, gsize count, const struct rn_msg *msg)
{
	return rn_codec_append_with(frame, count, msg, NULL);
}

gsize rn_codec_encode(const struct rn_msg *msgs, gsize n, GByteArray *frame)
{
	gsize i = 0;

	while (i < n && rn_codec_append(frame, i, &msgs[i]))
		i++;
	return i;
}

static gboolean refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean refuse(GError **error, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error_literal(error, RN_CODEC_ERROR, RN_CODEC_ERROR_FIELD, text);
	return FALSE;
}

static gboolean get_addr(struct rn_addr *to, const ProtobufCBinaryData *from,
			 const char *side, GError **error)
{
	if (from->len != 0 && from->len != 4 && from->len != 16)
		return refuse(error, "%s.addr has %zu bytes, not 4 or 16", side, from->len);
	to->len = (uint8_t)from->len;
	if (from->len)
		memcpy(to->b, from->data, from->len);
	return TRUE;
}

/* A side is an address, or an address with protocol and port (S4). */
static gboolean get_vm(struct rn_private *to, const PbPrivate *from, GError **error)
{
	if (!from)
		return TRUE;
	if (!get_addr(&to->addr, &from->addr, "vm", error))
		return FALSE;
	if (from->kind < RN_KIND_ADDRESS || from->kind > RN_KIND_BLOCK)
		return refuse(error, "vm.kind %u is none of address, port and block", from->kind);
	if (from->protocol > 255)
		return refuse(error, "vm.protocol %u is over 255", from->protocol);
	if (from->port > 65535)
		return refuse(error, "vm.port %u is over 65535", from->port);
	if (from->kind == RN_KIND_ADDRESS && (from->protocol || from->port))
		return refuse(error, "vm has a protocol or port, but its kind is address");
	if (from->kind == RN_KIND_BLOCK && from->protocol)
		return refuse(error, "vm has a protocol, but its kind is block");
	if (from->kind == RN_KIND_PORT && !from->protocol)
		return refuse(error, "vm has no protocol, but its kind is port");
	if (!from->addr.len)
		return refuse(error, "vm has no address");
	to->zone = from->zone;
	to->kind = (uint8_t)from->kind;
	to->proto = (uint8_t)from->protocol;
	to->port = (uint16_t)from->port;
	return TRUE;
}

static gboolean get_pub(struct rn_public *to, const PbPublic *from, GError **error)
{
	if (!from)
		return TRUE;
	if (!get_addr(&to->addr, &from->addr, "pub", error))
		return FALSE;
	if (from->protocol > 255)
		return refuse(error, "pub.protocol %u is over 255", from->protocol);
	if (from->port > 65535)
		return refuse(error, "pub.port %u is over 65535", from->port);
	if (from->ports && (from->protocol || !rn_block_valid(from->port, from->ports)))
		return refuse(error, "pub.ports %u from %u is no block of ports", from->ports,
			      from->port);
	if (from->port && !from->protocol && !from->ports)
		return refuse(error, "pub has a port, but no protocol");
	if (!from->addr.len)
		return refuse(error, "pub has no address");
	to->proto = (uint8_t)from->protocol;
	to->port = (uint16_t)from->port;
	to->ports = (uint16_t)from->ports;
	return TRUE;
}

static gboolean get_string(char *to, gsize size, const char *from, const char *field,
			   GError **error)
{
	if (g_strlcpy(to, from, size) >= size)
		return refuse(error, "%s is longer than %zu bytes", field, size - 1);
	return TRUE;
}

static gboolean get_enums(struct rn_msg *to, const PbMessage *from, GError **error)
{
	if (from->code > RN_CODE_MAX)
		return refuse(error, "code %u is not known", from->code);
	if (from->mode > RN_MODE_DESTINATION)
		return refuse(error, "mode %u is not known", from->mode);
	if (from->cause > RN_CAUSE_OVERLOAD)
		return refuse(error, "cause %u is not known", from->cause);
	to->code = (uint8_t)from->code;
	to->mode = (uint8_t)from->mode;
	to->cause = (uint8_t)from->cause;
	return TRUE;
}

/* What the receiver would put into a kernel without looking has to be there.
 * Sentences of refusals may say nothing about which VM.
 */
static gboolean check_presence(const struct rn_msg *msg, GError **error)
{
	gboolean pub = msg->type == RN_MSG_GRANT || msg->type == RN_MSG_XFER;
	gboolean is_block = msg->vm.kind == RN_KIND_BLOCK;

	if ((pub || msg->type == RN_MSG_NATREQ) && !msg->vm.addr.len)
		return refuse(error, "vm is missing");
	if (pub && !msg->pub.addr.len)
		return refuse(error, "pub is missing");
	if (pub && !msg->pub.ports != !is_block)
		return refuse(error, "vm and pub are not both of a block");
	return TRUE;
}

static gboolean get_fields(struct rn_msg *to, const PbMessage *from, GError **error)
{
	to->version = from->version;
	to->gateway = from->gateway;
	to->src = from->src;
	to->dst = from->dst;
	to->id = from->id;
	to->epoch = from->epoch;
	to->incarnation = from->incarnation;
	to->lease_ms = from->lease_ms;
	if (from->timer) {
		to->timer.preset = from->timer->preset_ms;
		to->timer.elapsed = from->timer->elapsed_ms;
		to->timer.remaining = from->timer->remaining_ms;
	}
	return rn_arena_check_strings(&from->base, error) &&
	       get_enums(to, from, error) &&
	       get_vm(&to->vm, from->vm, error) &&
	       get_pub(&to->pub, from->pub, error) &&
	       get_string(to->name, sizeof(to->name), from->name, "name", error) &&
	       get_string(to->identity, sizeof(to->identity), from->identity, "identity", error) &&
	       get_string(to->text, sizeof(to->text), from->text, "text", error) &&
	       check_presence(to, error);
}

static gboolean get_message(struct rn_msg *to, const PbMessage *from, GError **error)
{
	memset(to, 0, sizeof(*to));
	to->nonce = from->nonce;
	if (from->type < RN_MSG_HELLO || from->type > RN_MSG_TYPE_MAX) {
		g_set_error(error, RN_CODEC_ERROR, RN_CODEC_ERROR_TYPE,
			    "message type %u is not known in version %u", from->type,
			    RN_PROTO_VERSION);
		return FALSE;
	}
	to->type = (uint8_t)from->type;
	if (get_fields(to, from, error))
		return TRUE;
	g_prefix_error(error, "%s: ", rn_msg_type_to_string(to->type));
	memset(to, 0, sizeof(*to));
	to->nonce = from->nonce;
	return FALSE;
}

static gboolean deliver(const PbMessage *from, const struct rn_codec_sink *sink, void *ctx)
{
	g_autoptr(GError) why = NULL;
	g_autoptr(RnBindings) bindings = NULL;
	struct rn_msg msg;

	if (!get_message(&msg, from, &why))
		return sink->refused(&msg, why, ctx);
	if (from->n_bindings || from->part || from->parts) {
		bindings = rn_binding_get(from, &msg, &why);
		if (!bindings) {
			rn_msg_clear(&msg);
			msg.nonce = from->nonce;
			return sink->refused(&msg, why, ctx);
		}
		if (sink->bindings)
			sink->bindings(bindings, ctx);
	}
	return sink->message(&msg, ctx);
}

static gboolean refuse_frame(const struct rn_arena *arena, gsize len, GError **error)
{
	if (arena->exhausted)
		g_set_error(error, RN_CODEC_ERROR, RN_CODEC_ERROR_LIMIT,
			    "a frame of %zu bytes unpacks to more than %zu", len, arena->cap);
	else
		g_set_error(error, RN_CODEC_ERROR, RN_CODEC_ERROR_FRAME,
			    "a frame of %zu bytes is malformed", len);
	return FALSE;
}

gboolean rn_codec_decode(const guint8 *bytes, gsize len, const struct rn_codec_sink *sink,
			 void *ctx, GError **error)
{
	struct rn_arena arena;
	Roamnat__V1__Frame *frame;
	gboolean ok = FALSE;

	if (len > RN_FRAME_MAX) {
		g_set_error(error, RN_CODEC_ERROR, RN_CODEC_ERROR_LIMIT,
			    "a frame of %zu bytes is longer than %u", len, RN_FRAME_MAX);
		return FALSE;
	}
	rn_arena_init(&arena, RN_ARENA_CAP);
	frame = roamnat__v1__frame__unpack(&arena.allocator, len, bytes);
	if (!frame) {
		refuse_frame(&arena, len, error);
		goto out;
	}
	if (frame->n_messages > RN_FRAME_MESSAGES) {
		g_set_error(error, RN_CODEC_ERROR, RN_CODEC_ERROR_LIMIT,
			    "a frame has %zu messages, more than %u", frame->n_messages,
			    RN_FRAME_MESSAGES);
		goto out;
	}
	ok = TRUE;
	for (gsize i = 0; i < frame->n_messages; i++)
		if (!deliver(frame->messages[i], sink, ctx))
			break;
out:
	rn_arena_free(&arena);
	return ok;
}
