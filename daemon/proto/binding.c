// SPDX-License-Identifier: GPL-2.0
#include "proto/binding_priv.h"

#include <netinet/in.h>
#include <string.h>
#include "proto/codec.h"

#define STATE_MAX	5		/* ROAMNAT_BINDING_STATE_RESTING */
#define TIME_MAX	604800000	/* ms; as the kernel's timeouts */

struct rn_binding_packed {
	guint n;
	guint part, parts;
	Roamnat__V1__Binding *list;
	Roamnat__V1__Binding **pointers;
	ProtobufCBinaryData *remotes;
};

struct rn_bindings *rn_bindings_new(void)
{
	struct rn_bindings *bindings = g_new0(struct rn_bindings, 1);

	bindings->list = g_array_new(FALSE, TRUE, sizeof(struct rn_binding));
	bindings->remotes = g_array_new(FALSE, TRUE, sizeof(struct rn_addr));
	return bindings;
}

void rn_bindings_free(struct rn_bindings *bindings)
{
	if (!bindings)
		return;
	g_array_unref(bindings->list);
	g_array_unref(bindings->remotes);
	g_free(bindings);
}

struct rn_bindings *rn_bindings_copy(const struct rn_bindings *bindings)
{
	struct rn_bindings *copy = rn_bindings_new();

	g_array_append_vals(copy->list, bindings->list->data, bindings->list->len);
	g_array_append_vals(copy->remotes, bindings->remotes->data, bindings->remotes->len);
	return copy;
}

guint rn_bindings_count(const struct rn_bindings *bindings)
{
	return bindings ? bindings->list->len : 0;
}

guint rn_bindings_parts(const struct rn_bindings *bindings)
{
	return (rn_bindings_count(bindings) + RN_BINDINGS_MAX - 1) / RN_BINDINGS_MAX;
}

static void append(struct rn_bindings *to, const struct rn_bindings *from, guint first, guint n)
{
	for (guint i = first; i < first + n; i++) {
		struct rn_binding b = g_array_index(from->list, struct rn_binding, i);
		guint remote = b.remote;

		b.remote = to->remotes->len;
		if (b.n_remotes)
			g_array_append_vals(to->remotes,
					    &g_array_index(from->remotes, struct rn_addr, remote),
					    b.n_remotes);
		g_array_append_val(to->list, b);
	}
}

struct rn_bindings *rn_bindings_part(const struct rn_bindings *bindings, guint part)
{
	struct rn_bindings *one = rn_bindings_new();
	guint first = part * RN_BINDINGS_MAX;

	append(one, bindings, first, MIN(bindings->list->len - first, (guint)RN_BINDINGS_MAX));
	one->part = part;
	one->parts = rn_bindings_parts(bindings);
	return one;
}

void rn_bindings_append(struct rn_bindings *bindings, const struct rn_bindings *part)
{
	append(bindings, part, 0, part->list->len);
}

/* ---- packing ---- */

struct rn_binding_packed *rn_binding_pack(const struct rn_bindings *bindings)
{
	struct rn_binding_packed *packed;

	if (!rn_bindings_count(bindings))
		return NULL;
	packed = g_new0(struct rn_binding_packed, 1);
	packed->n = bindings->list->len;
	packed->part = bindings->part;
	packed->parts = bindings->parts;
	packed->list = g_new(Roamnat__V1__Binding, packed->n);
	packed->pointers = g_new(Roamnat__V1__Binding *, packed->n);
	packed->remotes = g_new(ProtobufCBinaryData, bindings->remotes->len);
	for (guint i = 0; i < bindings->remotes->len; i++) {
		struct rn_addr *addr = &g_array_index(bindings->remotes, struct rn_addr, i);

		packed->remotes[i] = (ProtobufCBinaryData) { addr->len, addr->b };
	}
	for (guint i = 0; i < packed->n; i++) {
		const struct rn_binding *from = &g_array_index(bindings->list, struct rn_binding,
							       i);
		Roamnat__V1__Binding *to = &packed->list[i];

		roamnat__v1__binding__init(to);
		to->protocol = from->proto;
		to->private_port = from->private_port;
		to->public_port = from->public_port;
		to->state = from->state;
		to->elapsed_ms = from->elapsed;
		to->remaining_ms = from->remaining;
		to->n_remotes = from->n_remotes;
		to->remotes = packed->remotes + from->remote;
		to->many_remotes = from->many_remotes;
		to->remote_hash = from->remote_hash;
		packed->pointers[i] = to;
	}
	return packed;
}

void rn_binding_packed_free(struct rn_binding_packed *packed)
{
	g_free(packed->list);
	g_free(packed->pointers);
	g_free(packed->remotes);
	g_free(packed);
}

void rn_binding_put(const struct rn_binding_packed *packed, Roamnat__V1__Message *msg)
{
	if (!packed)
		return;
	msg->n_bindings = packed->n;
	msg->bindings = packed->pointers;
	msg->part = packed->part;
	msg->parts = packed->parts;
}

/* ---- unpacking: a stranger's ---- */

static const char *wrong_ports(const Roamnat__V1__Binding *from, const struct rn_public *pub)
{
	gboolean icmp = from->protocol == IPPROTO_ICMP;

	if (!icmp && from->protocol != IPPROTO_TCP && from->protocol != IPPROTO_UDP)
		return "protocol";
	if (from->private_port > 65535 || (!from->private_port && !icmp))
		return "private_port";
	if (from->public_port < pub->port || from->public_port >= pub->port + (uint32_t)pub->ports)
		return "public_port";
	return NULL;
}

static const char *wrong(const Roamnat__V1__Binding *from, const struct rn_public *pub)
{
	const char *field = wrong_ports(from, pub);

	if (field)
		return field;
	if (!from->state || from->state > STATE_MAX)
		return "state";
	if (from->elapsed_ms > TIME_MAX)
		return "elapsed_ms";
	if (from->remaining_ms > TIME_MAX)
		return "remaining_ms";
	if (from->n_remotes > RN_BINDING_REMOTES_MAX)
		return "remotes";
	for (gsize i = 0; i < from->n_remotes; i++)
		if (from->remotes[i].len != 4)
			return "remotes";
	return NULL;
}

/* Every part but the last is full, so that who says many parts has to send much. */
static gboolean is_part(const Roamnat__V1__Message *from, const struct rn_public *pub)
{
	guint64 before;

	if (!from->part && !from->parts)
		return TRUE;
	if (from->part >= from->parts || !from->n_bindings)
		return FALSE;
	before = (guint64)from->part * RN_BINDINGS_MAX;
	if (before + from->n_bindings > RN_BINDINGS_OF((guint64)pub->ports) ||
	    (guint64)from->parts * RN_BINDINGS_MAX >=
		    RN_BINDINGS_OF((guint64)pub->ports) + RN_BINDINGS_MAX)
		return FALSE;
	return from->part + 1 == from->parts || from->n_bindings == RN_BINDINGS_MAX;
}

static void take(struct rn_bindings *bindings, const Roamnat__V1__Binding *from)
{
	struct rn_binding to = {
		.proto = (uint8_t)from->protocol,
		.state = (uint8_t)from->state,
		.many_remotes = from->many_remotes,
		.private_port = (uint16_t)from->private_port,
		.public_port = (uint16_t)from->public_port,
		.remote_hash = from->remote_hash,
		.elapsed = from->elapsed_ms,
		.remaining = from->remaining_ms,
		.remote = bindings->remotes->len,
		.n_remotes = (guint)from->n_remotes,
	};

	for (gsize i = 0; i < from->n_remotes; i++) {
		struct rn_addr addr = { .len = 4 };

		memcpy(addr.b, from->remotes[i].data, 4);
		g_array_append_val(bindings->remotes, addr);
	}
	g_array_append_val(bindings->list, to);
}

struct rn_bindings *rn_binding_get(const Roamnat__V1__Message *from, const struct rn_msg *msg,
				   GError **error)
{
	g_autoptr(RnBindings) bindings = NULL;

	if (msg->type != RN_MSG_XFER || msg->vm.kind != RN_KIND_BLOCK) {
		g_set_error(error, RN_CODEC_ERROR, RN_CODEC_ERROR_FIELD,
			    "%s: bindings come with the transfer of a block only",
			    rn_msg_type_to_string(msg->type));
		return NULL;
	}
	if (from->n_bindings > RN_BINDINGS_MAX) {
		g_set_error(error, RN_CODEC_ERROR, RN_CODEC_ERROR_FIELD,
			    "XFER: %zu bindings are more than %d", from->n_bindings,
			    RN_BINDINGS_MAX);
		return NULL;
	}
	if (!is_part(from, &msg->pub)) {
		g_set_error(error, RN_CODEC_ERROR, RN_CODEC_ERROR_FIELD,
			    "XFER: %zu bindings are no part %u of %u of a block of %u ports",
			    from->n_bindings, from->part, from->parts, msg->pub.ports);
		return NULL;
	}
	bindings = rn_bindings_new();
	bindings->part = from->part;
	bindings->parts = from->parts;
	for (gsize i = 0; i < from->n_bindings; i++) {
		const char *field = wrong(from->bindings[i], &msg->pub);

		if (field) {
			g_set_error(error, RN_CODEC_ERROR, RN_CODEC_ERROR_FIELD,
				    "XFER: bindings[%zu].%s is out of its range", i, field);
			return NULL;
		}
		take(bindings, from->bindings[i]);
	}
	return g_steal_pointer(&bindings);
}
