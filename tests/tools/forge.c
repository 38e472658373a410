// SPDX-License-Identifier: GPL-2.0
/*
 * Says messages to a controller or an agent, with a valid certificate but not
 * necessarily with the truth: the hostile gateway of the scenarios (S14, I8).
 *
 *   forge --ca F --cert F --key F --to ADDR:PORT --identity URI --name NAME
 *         [--mode source|destination] [--incarnation N] TYPE [FIELD=VALUE ...]
 *
 * TYPE: rel, mig-s, mig-d, resume, natreq, yes, no, xfer, grant-ack, grant, register. The
 * fields are those of forge-cases.c. Prints each message that comes back; ends
 * soon after the answer, with 0 if the message was answered, 1 if the connection
 * was refused, 3 if nothing was said. With --count N it is said N times, each
 * for the next address or port of a VM, and it ends when N answers have come.
 *
 * With --control SOCKET it says the message again and again, each time with one
 * field changed (--only: some fields), and asks the controller there, before and
 * after each, what it has counted and recorded. Each must be refused, be
 * counted, and change nothing: a line for each, a sum, and code 4 if one was
 * not. --first adds the message as it is. --question: TYPE is yes or no, the
 * message answers the question that comes within 30 s, with its fields.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "forge.h"
#include "net/conn.h"

#define TICK_MS		20
#define CASE_MS		8000	/* longer than a verification takes */
#define QUIET_TICKS	3	/* after the first answer, for a second */

static char *ca, *cert, *key, *to, *identity, *name, *mode, *control, *only;
static gint64 incarnation = -1;
static int count = 1;
static gboolean first, question;

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
	{ "count", 0, 0, G_OPTION_ARG_INT, &count, "for so many VMs", "N" },
	{ "control", 0, 0, G_OPTION_ARG_FILENAME, &control,
	  "change every field; watch the controller", "SOCKET" },
	{ "only", 0, 0, G_OPTION_ARG_STRING, &only, "fields or cases", "WORDS" },
	{ "first", 0, 0, G_OPTION_ARG_NONE, &first, "and unchanged, at first", NULL },
	{ "question", 0, 0, G_OPTION_ARG_NONE, &question, "answer a question", NULL },
	{ 0 },
};

static const struct {
	const char *word;
	uint8_t type;
} types[] = {
	{ "rel", RN_MSG_REL }, { "mig-s", RN_MSG_MIG_S }, { "mig-d", RN_MSG_MIG_D },
	{ "resume", RN_MSG_RESUME }, { "natreq", RN_MSG_NATREQ }, { "yes", RN_MSG_VERIFY_YES },
	{ "no", RN_MSG_VERIFY_NO }, { "xfer", RN_MSG_XFER }, { "grant-ack", RN_MSG_GRANT_ACK },
	{ "grant", RN_MSG_GRANT }, { "register", RN_MSG_REGISTER },
};

struct forge {
	GMainLoop *loop;
	struct rn_dialer *dialer;
	struct rn_conn *conn;
	struct rn_msg msg;
	gboolean incarnation_given, said, answered, refused;
	guint timer;
	int answers;

	GArray *cases;		/* struct forge_case, NULL for one message */
	guint next;
	struct forge_look before, begin;
	char *answer;		/* to this case */
	gboolean granted;	/* ... and it was what it asked for */
	guint ticks, quiet;
	guint bad;		/* cases */
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

static char *to_text(const struct rn_msg *m)
{
	char vm[RN_SIDE_TEXT] = "-", pub[RN_SIDE_TEXT] = "-";

	if (m->vm.addr.len)
		rn_private_print(&m->vm, vm);
	if (m->pub.addr.len)
		rn_public_print(&m->pub, pub);
	return g_strdup_printf("%s code %s id %" G_GUINT64_FORMAT " epoch %" G_GUINT64_FORMAT
			       " incarnation %" G_GUINT64_FORMAT " vm %s public %s text %s",
			       rn_msg_type_to_string(m->type), rn_code_to_string(m->code),
			       (guint64)m->id, (guint64)m->epoch, (guint64)m->incarnation, vm, pub,
			       m->text);
}

/* ---- cases ---- */

static void look(struct forge *f, struct forge_look *at)
{
	/* While a question is open, its state ends by itself. */
	if (!forge_look(control, !question, at))
		exit(1);
}

static void begin_case(struct forge *f)
{
	const struct forge_case *c = &g_array_index(f->cases, struct forge_case, f->next);

	g_clear_pointer(&f->answer, g_free);
	f->granted = FALSE;
	f->ticks = 0;
	f->quiet = 0;
	rn_conn_send(f->conn, &c->msg);
}

static gboolean expects_answer(const struct forge *f)
{
	return f->msg.type != RN_MSG_VERIFY_YES && f->msg.type != RN_MSG_VERIFY_NO;
}

/* What is wrong with the case that was said, or NULL. */
static const char *judge(struct forge *f, const struct forge_look *now, gboolean late)
{
	if (f->granted)
		return "it was granted";
	if (strcmp(f->before.records->str, now->records->str))
		return "a record changed";
	if (now->refused + now->ignored + now->bad ==
	    f->before.refused + f->before.ignored + f->before.bad)
		return "nothing was counted";
	return late ? "there was no answer" : NULL;
}

static void end_cases(struct forge *f)
{
	const struct forge_look *a = &f->begin, *b = &f->before;

	printf("sum: cases=%u bad=%u refused=%" G_GUINT64_FORMAT " alarms=%" G_GUINT64_FORMAT
	       " ignored=%" G_GUINT64_FORMAT " malformed=%" G_GUINT64_FORMAT
	       " unaudited=%" G_GUINT64_FORMAT "\n", f->cases->len, f->bad,
	       b->refused - a->refused, b->alarms - a->alarms, b->ignored - a->ignored,
	       b->bad - a->bad, b->unaudited - a->unaudited);
	g_main_loop_quit(f->loop);
}

static gboolean on_tick(gpointer data)
{
	struct forge *f = data;
	gboolean late = ++f->ticks > CASE_MS / TICK_MS;
	const struct forge_case *c = &g_array_index(f->cases, struct forge_case, f->next);
	struct forge_look now;
	const char *wrong;

	if (f->answer && ++f->quiet < QUIET_TICKS)
		return G_SOURCE_CONTINUE;
	if (!f->answer && expects_answer(f) && !late)
		return G_SOURCE_CONTINUE;
	look(f, &now);
	wrong = judge(f, &now, late && expects_answer(f));
	if (wrong && !late && !f->answer) {
		forge_look_clear(&now);
		return G_SOURCE_CONTINUE;
	}
	printf("%s %s: %s; refused+%" G_GUINT64_FORMAT " alarms+%" G_GUINT64_FORMAT
	       " ignored+%" G_GUINT64_FORMAT " malformed+%" G_GUINT64_FORMAT "%s%s\n",
	       wrong ? "BAD" : "ok", c->name, f->answer ? f->answer : "no answer",
	       now.refused - f->before.refused, now.alarms - f->before.alarms,
	       now.ignored - f->before.ignored, now.bad - f->before.bad,
	       wrong ? ": " : "", wrong ? wrong : "");
	f->bad += !!wrong;
	forge_look_clear(&f->before);
	f->before = now;
	if (++f->next == f->cases->len) {
		end_cases(f);
		return G_SOURCE_REMOVE;
	}
	begin_case(f);
	return G_SOURCE_CONTINUE;
}

static void begin_cases(struct forge *f)
{
	f->cases = forge_cases(&f->msg, only);
	if (first) {
		struct forge_case c = { .name = "as it is", .msg = f->msg };

		g_array_prepend_val(f->cases, c);
	}
	if (!f->cases->len) {
		fprintf(stderr, "forge: --only leaves no case\n");
		exit(1);
	}
	g_source_remove(f->timer);
	f->timer = 0;
	f->answered = TRUE;
	look(f, &f->begin);
	look(f, &f->before);
	begin_case(f);
	g_timeout_add(TICK_MS, on_tick, f);
}

static void on_question(struct forge *f, const struct rn_msg *m)
{
	f->msg.id = m->id;
	f->msg.vm = m->vm;
	f->msg.epoch = m->epoch;
	f->msg.src = m->src;
	f->msg.dst = m->dst;
	f->msg.nonce = m->nonce;
	begin_cases(f);
}

static void case_answered(struct forge *f, const struct rn_msg *m)
{
	switch (m->type) {
	case RN_MSG_MOVE:
	case RN_MSG_VERIFY_SRC:
	case RN_MSG_VERIFY_DST:
		return;			/* nobody asked for these */
	case RN_MSG_DENY:
	case RN_MSG_STALE:
	case RN_MSG_NEVER:
		break;
	default:
		f->granted = TRUE;
		break;
	}
	g_free(f->answer);
	f->answer = to_text(m);
}

/* ---- the connection ---- */

static void on_up(struct rn_conn *conn, void *data)
{
	struct rn_msg hello = { .type = RN_MSG_HELLO, .version = RN_PROTO_VERSION, .nonce = 1 };
	struct forge *f = data;

	f->conn = conn;
	g_strlcpy(hello.name, name, sizeof(hello.name));
	hello.mode = mode && !strcmp(mode, "destination") ? RN_MODE_DESTINATION : RN_MODE_SOURCE;
	hello.incarnation = incarnation > 0 ? (uint64_t)incarnation : 0;
	rn_conn_send(conn, &hello);
	rearm(f, 5000);
}

static void say_next(struct forge *f)
{
	while (f->next < (guint)count && rn_conn_send(f->conn, &f->msg)) {
		f->next++;
		f->msg.nonce++;
		if (f->msg.vm.kind == RN_KIND_PORT)
			f->msg.vm.port++;
		else if (!++f->msg.vm.addr.b[3])
			f->msg.vm.addr.b[2]++;
	}
}

/* Else it would be said again. */
static void acknowledge(struct rn_conn *conn, const struct rn_msg *grant)
{
	struct rn_msg ack = *grant;

	ack.type = RN_MSG_GRANT_ACK;
	rn_conn_send(conn, &ack);
}

static void say(struct forge *f, uint64_t current)
{
	if (f->said)
		return;
	if (!f->incarnation_given)
		f->msg.incarnation = current;
	f->said = TRUE;
	if (control && question) {
		rearm(f, 30000);
	} else if (control) {
		begin_cases(f);
	} else {
		say_next(f);
		rearm(f, count > 1 ? 120000 : 2000);
	}
}

static void on_message(struct rn_conn *conn, const struct rn_msg *m, void *data)
{
	struct forge *f = data;
	g_autofree char *text = NULL;

	if (m->type == RN_MSG_PING) {
		struct rn_msg pong = { .type = RN_MSG_PONG, .nonce = m->nonce };

		rn_conn_send(conn, &pong);
		return;
	}
	if (f->cases) {
		if (m->type != RN_MSG_PEER)
			case_answered(f, m);
		return;
	}
	text = to_text(m);
	printf("%s\n", text);
	if (count == 1 || m->type == RN_MSG_HELLO_ACK)
		fflush(stdout);
	if (m->type == RN_MSG_HELLO_ACK) {
		if (m->code) {
			f->refused = TRUE;
			g_main_loop_quit(f->loop);
			return;
		}
		say(f, m->incarnation);
	} else if (question && (m->type == RN_MSG_VERIFY_SRC || m->type == RN_MSG_VERIFY_DST)) {
		on_question(f, m);
	} else if (f->said && !question && m->type != RN_MSG_PEER) {
		f->answered = TRUE;
		if (count > 1 && m->type == RN_MSG_GRANT)
			acknowledge(conn, m);
		if (++f->answers >= count)
			rearm(f, 300);
	}
}

static void on_drained(struct rn_conn *conn, void *data)
{
	struct forge *f = data;

	(void)conn;
	if (f->said && !f->cases)
		say_next(f);
}

static void on_down(struct rn_conn *conn, const GError *reason, void *data)
{
	struct forge *f = data;

	(void)conn;
	printf("DOWN %s\n", reason ? reason->message : "closed");
	if (!f->said)
		f->refused = TRUE;
	if (f->cases)
		f->bad++;
	g_main_loop_quit(f->loop);
}

static const struct rn_conn_ops ops = {
	.up = on_up, .message = on_message, .drained = on_drained, .down = on_down,
};

static gboolean take_words(struct forge *f, int argc, char **argv)
{
	const char *word;

	for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
		if (!strcmp(types[i].word, argv[1]))
			f->msg.type = types[i].type;
	if (!f->msg.type) {
		fprintf(stderr, "forge: no message is called '%s'\n", argv[1]);
		return FALSE;
	}
	for (int a = 2; a < argc; a++) {
		if (!forge_set(&f->msg, argv[a], &word)) {
			fprintf(stderr, "forge: no field in '%s'\n", argv[a]);
			return FALSE;
		}
		f->incarnation_given |= !strcmp(word, "incarnation");
	}
	return TRUE;
}

int main(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new("TYPE [FIELD=VALUE ...]");
	g_autoptr(GError) error = NULL;
	struct forge f = { .msg = { .nonce = 4711, .vm = { .kind = RN_KIND_ADDRESS } } };
	struct rn_tls *tls;

	g_option_context_add_main_entries(context, options, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error) || argc < 2 || !ca || !cert ||
	    !key || !to || !identity || !name) {
		fprintf(stderr, "forge: %s\n", error ? error->message : "see the top of forge.c");
		return 1;
	}
	if (!take_words(&f, argc, argv))
		return 1;
	tls = rn_tls_new(ca, cert, key, NULL, &error);
	if (!tls) {
		fprintf(stderr, "forge: %s\n", error->message);
		return 1;
	}
	f.loop = g_main_loop_new(NULL, FALSE);
	f.dialer = rn_dialer_new(tls, to, identity, &ops, &f);
	rearm(&f, 8000);
	g_main_loop_run(f.loop);
	if (f.bad)
		return 4;
	return f.refused ? 1 : f.answered ? 0 : 3;
}
