// SPDX-License-Identifier: GPL-2.0
/*
 * Says one message to a controller or an agent, with a valid certificate but
 * not necessarily with the truth: the hostile gateway of the scenarios (S14, I8).
 *
 *   forge --ca F --cert F --key F --to ADDR:PORT --identity URI --name NAME
 *         [--mode source|destination] [--incarnation N] TYPE [FIELD=VALUE ...]
 *
 * TYPE: rel, mig-s, mig-d, resume, natreq, yes, xfer, grant-ack, grant. Fields: id epoch
 * incarnation src dst nonce private zone kind proto port public preset elapsed
 * remaining. Prints each message that comes back; ends soon after the answer,
 * with 0 if the message was answered, 1 if the connection was refused, 3 if
 * nothing was said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <glib.h>
#include "net/conn.h"

static char *ca, *cert, *key, *to, *identity, *name, *mode;
static gint64 incarnation = -1;

static const GOptionEntry options[] = {
	{ "ca", 0, 0, G_OPTION_ARG_FILENAME, &ca, "CA certificate", "FILE" },
	{ "cert", 0, 0, G_OPTION_ARG_FILENAME, &cert, "our certificate", "FILE" },
	{ "key", 0, 0, G_OPTION_ARG_FILENAME, &key, "its key", "FILE" },
	{ "to", 0, 0, G_OPTION_ARG_STRING, &to, "whom to tell", "ADDR:PORT" },
	{ "identity", 0, 0, G_OPTION_ARG_STRING, &identity, "who that is", "URI" },
	{ "name", 0, 0, G_OPTION_ARG_STRING, &name, "name for HELLO", "NAME" },
	{ "mode", 0, 0, G_OPTION_ARG_STRING, &mode, "report-from", "MODE" },
	{ "incarnation", 0, 0, G_OPTION_ARG_INT64, &incarnation,
	  "for HELLO; default the controller's", "N" },
	{ 0 },
};

static const struct {
	const char *word;
	uint8_t type;
} types[] = {
	{ "rel", RN_MSG_REL }, { "mig-s", RN_MSG_MIG_S }, { "mig-d", RN_MSG_MIG_D },
	{ "resume", RN_MSG_RESUME }, { "natreq", RN_MSG_NATREQ }, { "yes", RN_MSG_VERIFY_YES },
	{ "xfer", RN_MSG_XFER }, { "grant-ack", RN_MSG_GRANT_ACK }, { "grant", RN_MSG_GRANT },
};

struct forge {
	GMainLoop *loop;
	struct rn_dialer *dialer;
	struct rn_msg msg;
	gboolean incarnation_given, said, answered, refused;
	guint timer;
};

static gboolean quit(gpointer data)
{
	struct forge *f = data;

	f->timer = 0;
	g_main_loop_quit(f->loop);
	return G_SOURCE_REMOVE;
}

static void rearm(struct forge *f, guint ms)
{
	if (f->timer)
		g_source_remove(f->timer);
	f->timer = g_timeout_add(ms, quit, f);
}

static void on_up(struct rn_conn *conn, void *data)
{
	struct rn_msg hello = { .type = RN_MSG_HELLO, .version = RN_PROTO_VERSION, .nonce = 1 };
	struct forge *f = data;

	g_strlcpy(hello.name, name, sizeof(hello.name));
	hello.mode = mode && !strcmp(mode, "destination") ? RN_MODE_DESTINATION : RN_MODE_SOURCE;
	hello.incarnation = incarnation > 0 ? (uint64_t)incarnation : 0;
	rn_conn_send(conn, &hello);
	rearm(f, 5000);
}

static void print(const struct rn_msg *m)
{
	char vm[RN_SIDE_TEXT] = "-", pub[RN_SIDE_TEXT] = "-";

	if (m->vm.addr.len)
		rn_private_print(&m->vm, vm);
	if (m->pub.addr.len)
		rn_public_print(&m->pub, pub);
	printf("%s code %s id %" G_GUINT64_FORMAT " epoch %" G_GUINT64_FORMAT
	       " incarnation %" G_GUINT64_FORMAT " vm %s public %s text %s\n",
	       rn_msg_type_to_string(m->type), rn_code_to_string(m->code),
	       (guint64)m->id, (guint64)m->epoch, (guint64)m->incarnation, vm, pub, m->text);
	fflush(stdout);
}

static void say(struct rn_conn *conn, struct forge *f, uint64_t current)
{
	if (f->said)
		return;
	if (!f->incarnation_given)
		f->msg.incarnation = current;
	f->said = TRUE;
	rn_conn_send(conn, &f->msg);
	rearm(f, 2000);
}

static void on_message(struct rn_conn *conn, const struct rn_msg *m, void *data)
{
	struct forge *f = data;

	if (m->type == RN_MSG_PING) {
		struct rn_msg pong = { .type = RN_MSG_PONG, .nonce = m->nonce };

		rn_conn_send(conn, &pong);
		return;
	}
	print(m);
	if (m->type == RN_MSG_HELLO_ACK) {
		if (m->code) {
			f->refused = TRUE;
			g_main_loop_quit(f->loop);
			return;
		}
		say(conn, f, m->incarnation);
	} else if (f->said && m->type != RN_MSG_PEER) {
		f->answered = TRUE;
		rearm(f, 300);
	}
}

static void on_down(struct rn_conn *conn, const GError *reason, void *data)
{
	struct forge *f = data;

	(void)conn;
	printf("DOWN %s\n", reason ? reason->message : "closed");
	if (!f->said)
		f->refused = TRUE;
	g_main_loop_quit(f->loop);
}

static const struct rn_conn_ops ops = { .up = on_up, .message = on_message, .down = on_down };

static void set_proto(struct rn_msg *m, uint8_t proto)
{
	m->vm.proto = proto;
	m->pub.proto = proto;
}

static gboolean set_field(struct rn_msg *m, gboolean *given, const char *field)
{
	const char *v = strchr(field, '=');
	g_autofree char *k = NULL;
	guint64 n;

	if (!v)
		return FALSE;
	k = g_strndup(field, (gsize)(v++ - field));
	n = g_ascii_strtoull(v, NULL, 0);
	if (!strcmp(k, "private"))
		return rn_addr_parse(v, &m->vm.addr);
	if (!strcmp(k, "public"))
		return rn_addr_parse(v, &m->pub.addr);
	if (!strcmp(k, "incarnation"))
		*given = TRUE, m->incarnation = n;
	else if (!strcmp(k, "id"))
		m->id = n;
	else if (!strcmp(k, "epoch"))
		m->epoch = n;
	else if (!strcmp(k, "src"))
		m->src = (uint32_t)n;
	else if (!strcmp(k, "dst"))
		m->dst = (uint32_t)n;
	else if (!strcmp(k, "nonce"))
		m->nonce = n;
	else if (!strcmp(k, "zone"))
		m->vm.zone = (uint32_t)n;
	else if (!strcmp(k, "kind"))
		m->vm.kind = (uint8_t)n;
	else if (!strcmp(k, "proto"))
		set_proto(m, (uint8_t)n);
	else if (!strcmp(k, "port"))
		m->vm.port = (uint16_t)n;
	else if (!strcmp(k, "preset"))
		m->timer.preset = n;
	else if (!strcmp(k, "elapsed"))
		m->timer.elapsed = n;
	else if (!strcmp(k, "remaining"))
		m->timer.remaining = n;
	else
		return FALSE;
	return TRUE;
}

int main(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new("TYPE [FIELD=VALUE ...]");
	g_autoptr(GError) error = NULL;
	struct forge f = { .msg = { .nonce = 4711, .vm = { .kind = RN_KIND_ADDRESS } } };
	struct rn_tls *tls;
	gsize i;
	int a;

	g_option_context_add_main_entries(context, options, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error) || argc < 2 || !ca || !cert ||
	    !key || !to || !identity || !name) {
		fprintf(stderr, "forge: %s\n", error ? error->message : "see the top of forge.c");
		return 1;
	}
	for (i = 0; i < G_N_ELEMENTS(types); i++)
		if (!strcmp(types[i].word, argv[1]))
			f.msg.type = types[i].type;
	for (a = 2; a < argc; a++) {
		if (!set_field(&f.msg, &f.incarnation_given, argv[a])) {
			fprintf(stderr, "forge: no field in '%s'\n", argv[a]);
			return 1;
		}
	}
	tls = rn_tls_new(ca, cert, key, NULL, &error);
	if (!f.msg.type || !tls) {
		fprintf(stderr, "forge: %s\n", error ? error->message : "unknown message type");
		return 1;
	}
	f.loop = g_main_loop_new(NULL, FALSE);
	f.dialer = rn_dialer_new(tls, to, identity, &ops, &f);
	rearm(&f, 8000);
	g_main_loop_run(f.loop);
	return f.refused ? 1 : f.answered ? 0 : 3;
}
