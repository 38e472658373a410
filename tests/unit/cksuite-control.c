// SPDX-License-Identifier: GPL-2.0
/*
 * The control socket: the daemon's loop runs in the test, natctl's blocking
 * client in a thread.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "net/control.h"
#include "net/frame.h"
#include "proto/msg.h"
#include "suites.h"

#define BOUND_MS	9000
#define VERB(name)	ROAMNAT__CONTROL__V1__REQUEST__VERB__##name

static char *dir, *path;
static struct rn_control *control;
static guint requests, cancels, drains;
static struct rn_control_call *waiting;	/* of MONITOR */
static char *caller;

static GLogWriterOutput silence(GLogLevelFlags level, const GLogField *fields, gsize n, void *data)
{
	return G_LOG_WRITER_HANDLED;
}

/* STATUS: three replies. CONFIG_SHOW: refused. MONITOR: stays open. AUDIT: a
 * reply that fits no frame.
 */
static void on_request(struct rn_control_call *call, const RnRequest *request, void *data)
{
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	g_autofree char *big = NULL;

	ck_assert_ptr_eq(data, &requests);
	requests++;
	g_free(caller);
	caller = g_strdup(rn_control_caller(call));
	if (request->verb == VERB(STATUS)) {
		for (int i = 0; i < 3; i++) {
			reply.text = request->reason;
			reply.last = i == 2;
			ck_assert(rn_control_reply(call, &reply));
		}
	} else if (request->verb == VERB(MONITOR)) {
		waiting = call;
		rn_control_set_user(call, &waiting);
	} else if (request->verb == VERB(AUDIT)) {
		big = g_strnfill(RN_FRAME_MAX, 'x');
		reply.config = big;
		rn_control_reply(call, &reply);
	} else {
		rn_control_refuse(call, RN_CODE_BUSY, "verb %u, later", (guint)request->verb);
	}
}

static void on_cancelled(struct rn_control_call *call, void *data)
{
	ck_assert_ptr_eq(data, &requests);
	ck_assert_ptr_eq(rn_control_user(call), &waiting);
	cancels++;
	waiting = NULL;
}

static void on_drained(struct rn_control_call *call, void *data)
{
	ck_assert_ptr_eq(call, waiting);
	drains++;
}

static const struct rn_control_ops ops = { on_request, on_cancelled, on_drained };

static gboolean on_bound(void *data)
{
	*(gboolean *)data = TRUE;
	return G_SOURCE_REMOVE;
}

#define WAIT(condition) do {						\
	gboolean over = FALSE;						\
	guint bound = g_timeout_add(BOUND_MS, on_bound, &over);		\
									\
	while (!(condition) && !over)					\
		g_main_context_iteration(NULL, TRUE);			\
	ck_assert_msg(!over, "never: %s", #condition);			\
	g_source_remove(bound);						\
} while (0)

static void setup(void)
{
	g_autoptr(GError) error = NULL;

	g_log_set_writer_func(silence, NULL, NULL);
	dir = g_dir_make_tmp("roamnat-control-XXXXXX", NULL);
	path = g_build_filename(dir, "run", "agent.sock", NULL);
	control = rn_control_new(path, &ops, &requests, &error);
	ck_assert_msg(control != NULL, "%s", error ? error->message : "");
}

static void teardown(void)
{
	g_autofree char *run = g_path_get_dirname(path);

	rn_control_free(control);
	ck_assert_int_lt(g_access(path, F_OK), 0);
	ck_assert_int_eq(g_rmdir(run), 0);
	g_rmdir(dir);
	g_free(dir);
	g_free(path);
	g_free(caller);
}

/* ---- one request in a thread ---- */

struct ask {
	gint done;
	guint32 verb;
	char *reason;
	guint replies;
	guint32 code;
	char *text;
	GError *error;
	guint timeout_ms;
};

static void *ask_thread(void *data)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	struct rn_control_client *client;
	struct ask *ask = data;
	gboolean last = FALSE;
	RnReply *reply;

	request.verb = (Roamnat__Control__V1__Request__Verb)ask->verb;
	request.reason = ask->reason ? ask->reason : request.reason;
	client = rn_control_client_open(path, &ask->error);
	if (client && rn_control_client_send(client, &request, &ask->error)) {
		while (!last) {
			reply = rn_control_client_receive(client, ask->timeout_ms, &ask->error);
			if (!reply)
				break;
			last = reply->last;
			ask->replies++;
			ask->code = reply->code;
			g_free(ask->text);
			ask->text = g_strdup(reply->text);
			roamnat__control__v1__reply__free_unpacked(reply, NULL);
		}
	}
	rn_control_client_free(client);
	g_atomic_int_set(&ask->done, 1);
	g_main_context_wakeup(NULL);
	return NULL;
}

static void ask(struct ask *ask)
{
	GThread *thread = g_thread_new("natctl", ask_thread, ask);

	WAIT(g_atomic_int_get(&ask->done));
	g_thread_join(thread);
}

static void ask_free(struct ask *ask)
{
	g_free(ask->text);
	g_clear_error(&ask->error);
}

START_TEST(answered)
{
	struct ask a = { .verb = VERB(STATUS), .reason = (char *)"Grüße", .timeout_ms = BOUND_MS };
	g_autofree char *me = g_strdup_printf("uid %u (", getuid());

	ask(&a);
	ck_assert_ptr_null(a.error);
	ck_assert_uint_eq(a.replies, 3);
	ck_assert_str_eq(a.text, "Grüße");
	ck_assert_msg(g_str_has_prefix(caller, me), "%s", caller);
	ask_free(&a);
}
END_TEST

START_TEST(refused)
{
	struct ask a = { .verb = VERB(CONFIG_SHOW), .timeout_ms = BOUND_MS };
	struct ask b = { .verb = 99, .timeout_ms = BOUND_MS };
	struct ask c = { .verb = VERB(STATUS), .reason = (char *)"\xff", .timeout_ms = BOUND_MS };
	struct ask d = { .verb = VERB(AUDIT), .timeout_ms = BOUND_MS };

	ask(&a);
	ck_assert_uint_eq(a.code, RN_CODE_BUSY);
	ck_assert_str_eq(a.text, "verb 10, later");
	ask(&b);
	ck_assert_uint_eq(b.code, RN_CODE_BAD_MESSAGE);
	ck_assert_ptr_nonnull(strstr(b.text, "verb 99"));
	ask(&c);
	ck_assert_uint_eq(c.code, RN_CODE_BAD_MESSAGE);
	ck_assert_ptr_nonnull(strstr(c.text, "reason is not UTF-8"));
	ck_assert_uint_eq(requests, 1);
	ask(&d);
	ck_assert_uint_eq(d.code, RN_CODE_LIMIT);
	ask_free(&a);
	ask_free(&b);
	ask_free(&c);
	ask_free(&d);
}
END_TEST

/* The client gives up: the daemon hears of it, the client says "unknown". */
START_TEST(cancelled)
{
	struct ask a = { .verb = VERB(MONITOR), .timeout_ms = 100 };

	ask(&a);
	WAIT(cancels == 1);
	ck_assert(g_error_matches(a.error, RN_CONTROL_ERROR, RN_CONTROL_ERROR_TIMEOUT));
	ask_free(&a);
}
END_TEST

START_TEST(stopped_while_asked)
{
	struct ask a = { .verb = VERB(MONITOR), .timeout_ms = BOUND_MS };
	GThread *thread = g_thread_new("natctl", ask_thread, &a);

	WAIT(waiting);
	rn_control_free(control);
	ck_assert_uint_eq(cancels, 1);
	g_thread_join(thread);
	ck_assert(g_error_matches(a.error, RN_CONTROL_ERROR, RN_CONTROL_ERROR_CLOSED));
	ask_free(&a);
	control = rn_control_new(path, &ops, &requests, NULL);
	ck_assert_ptr_nonnull(control);
}
END_TEST

START_TEST(nobody)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(rn_control_client_open("/nonexistent/agent.sock", &error));
	ck_assert(g_error_matches(error, RN_CONTROL_ERROR, RN_CONTROL_ERROR_REACH));
	ck_assert_ptr_nonnull(strstr(error->message, "/nonexistent/agent.sock"));
}
END_TEST

/* ---- the socket file ---- */

START_TEST(mode)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(served_already)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(rn_control_new(path, &ops, &requests, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "serves it already"));
	ck_assert_int_eq(g_access(path, F_OK), 0);
}
END_TEST

static int bound_socket(const char *at)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_strlcpy(to.sun_path, at, sizeof(to.sun_path));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* What a killed daemon leaves is replaced; what is no socket is not. */
START_TEST(stale)
{
	g_autofree char *old = g_build_filename(dir, "old.sock", NULL);
	g_autofree char *file = g_build_filename(dir, "file.sock", NULL);
	g_autoptr(GError) error = NULL;
	struct rn_control *other;

	close(bound_socket(old));
	other = rn_control_new(old, &ops, &requests, &error);
	ck_assert_msg(other != NULL, "%s", error ? error->message : "");
	/* Another daemon took the path meanwhile: its file stays. */
	g_unlink(old);
	close(bound_socket(old));
	rn_control_free(other);
	ck_assert_int_eq(g_unlink(old), 0);

	g_file_set_contents(file, "mine", -1, NULL);
	ck_assert_ptr_null(rn_control_new(file, &ops, &requests, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "no socket"));
	ck_assert_int_eq(g_unlink(file), 0);
}
END_TEST

/* ---- clients that misbehave ---- */

static int raw_open(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	g_strlcpy(to.sun_path, path, sizeof(to.sun_path));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* What comes until the end, or until n bytes are there. */
static gsize raw_read(int fd, guint8 *buf, gsize n)
{
	gint64 until = g_get_monotonic_time() + BOUND_MS * 1000LL;
	gsize got = 0;

	while (got < n && g_get_monotonic_time() < until) {
		ssize_t m = recv(fd, buf + got, n - got, 0);

		if (!m)
			break;
		if (m > 0)
			got += (gsize)m;
		else
			ck_assert_int_eq(errno, EAGAIN);
		g_main_context_iteration(NULL, FALSE);
	}
	return got;
}

/* Whoever gets at the socket in spite of its mode is sent away by his uid. */
START_TEST(stranger)
{
	g_autofree char *run = g_path_get_dirname(path);
	guint8 byte;
	int fd;

	if (geteuid())
		return;		/* only root can become somebody else */
	ck_assert(!g_chmod(dir, 0755) && !g_chmod(run, 0755) && !g_chmod(path, 0666));
	ck_assert_int_eq(seteuid(65534), 0);
	fd = raw_open();
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_uint_eq(raw_read(fd, &byte, 1), 0);
	ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
	close(fd);
	ck_assert_uint_eq(requests, 0);
}
END_TEST

static const struct {
	guint8 bytes[12];
	gsize len;
} garbage[] = {
	{ { 0xff, 0xff, 0xff, 0xff }, 4 },
	{ { 0, 0, 0, 0 }, 4 },
	{ { 0, 1, 0, 1 }, 4 },			/* 64 KiB and one */
	{ { 0, 0, 0, 2, 0x12, 0x7f }, 6 },
};

/* Told why, then closed. */
START_TEST(malformed)
{
	guint8 buf[1024];
	int fd = raw_open();
	RnReply *reply;
	gsize n;

	ck_assert_int_eq(send(fd, garbage[_i].bytes, garbage[_i].len, 0), garbage[_i].len);
	n = raw_read(fd, buf, sizeof(buf));
	ck_assert_uint_gt(n, RN_FRAME_HEAD);
	ck_assert_uint_lt(n, sizeof(buf));
	reply = roamnat__control__v1__reply__unpack(NULL, n - RN_FRAME_HEAD, buf + RN_FRAME_HEAD);
	ck_assert(reply && reply->last && reply->code == RN_CODE_BAD_MESSAGE);
	roamnat__control__v1__reply__free_unpacked(reply, NULL);
	ck_assert_uint_eq(requests, 0);
	close(fd);
}
END_TEST

/* Three requests at once are answered one after the other. */
START_TEST(pipelined)
{
	static const guint8 bytes[] = {
		0, 0, 0, 2, 0x08, 10, 0, 0, 0, 2, 0x08, 10, 0, 0, 0, 2, 0x08, 9,
		0, 0, 0, 2, 0x08, 10,
	};
	int fd = raw_open();

	ck_assert_int_eq(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	WAIT(waiting);
	ck_assert_uint_eq(requests, 3);
	for (int i = 0; i < 10; i++)
		g_main_context_iteration(NULL, FALSE);
	ck_assert_uint_eq(requests, 3);
	rn_control_refuse(g_steal_pointer(&waiting), RN_CODE_LIMIT, "enough");
	WAIT(requests == 4);
	close(fd);
	ck_assert_uint_eq(cancels, 0);
}
END_TEST

/* A monitor that does not read: the bound, then the rest after it did. */
START_TEST(back_pressure)
{
	static const guint8 monitor[] = { 0, 0, 0, 2, 0x08, 9 };
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	g_autofree char *text = g_strnfill(1000, 'x');
	g_autofree guint8 *buf = NULL;
	gsize size, taken = 0;
	int fd = raw_open(), full = 0;

	ck_assert_int_eq(send(fd, monitor, sizeof(monitor), 0), sizeof(monitor));
	WAIT(waiting);
	reply.text = text;
	size = RN_FRAME_HEAD + roamnat__control__v1__reply__get_packed_size(&reply);
	while (full < 3) {
		full = rn_control_reply(waiting, &reply) ? 0 : full + 1;
		taken += !full;
		if (full)
			g_main_context_iteration(NULL, FALSE);
	}
	ck_assert_uint_gt(taken * size, 1024 * 1024);
	ck_assert_uint_lt(taken * size, 8 * 1024 * 1024);
	drains = 0;
	buf = g_malloc(taken * size);
	ck_assert_uint_eq(raw_read(fd, buf, taken * size), taken * size);
	WAIT(drains == 1);
	ck_assert(rn_control_reply(waiting, &reply));
	close(fd);
	WAIT(cancels == 1);
}
END_TEST

START_TEST(too_many_clients)
{
	int fds[70];
	guint8 byte;

	for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
		fds[i] = raw_open();
		g_main_context_iteration(NULL, FALSE);
	}
	for (int i = 0; i < 100; i++)
		g_main_context_iteration(NULL, FALSE);
	ck_assert_int_eq(recv(fds[69], &byte, 1, 0), 0);
	ck_assert_int_lt(recv(fds[0], &byte, 1, 0), 0);
	for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
		close(fds[i]);
}
END_TEST

Suite *suite_control(void)
{
	Suite *suite = suite_create("control");
	TCase *tc = tcase_create("control");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, answered);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, cancelled);
	tcase_add_test(tc, stopped_while_asked);
	tcase_add_test(tc, nobody);
	tcase_add_test(tc, mode);
	tcase_add_test(tc, served_already);
	tcase_add_test(tc, stale);
	tcase_add_test(tc, stranger);
	tcase_add_loop_test(tc, malformed, 0, G_N_ELEMENTS(garbage));
	tcase_add_test(tc, pipelined);
	tcase_add_test(tc, back_pressure);
	tcase_add_test(tc, too_many_clients);
	suite_add_tcase(suite, tc);
	return suite;
}
