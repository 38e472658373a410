// SPDX-License-Identifier: GPL-2.0
/*
 * Connections over 127.0.0.1 with real certificates: who gets in, who does not
 * and is told why, and what the bounds do.
 *
 *   server: rn_listener of `controller'     client: rn_dialer, or a raw GnuTLS
 *   or plain TCP client, which may misbehave as it likes
 */
#include <arpa/inet.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "net/frame.h"
#include "netbench.h"
#include "pki.h"
#include "proto/codec.h"
#include "suites.h"

/* ---- good connections ---- */

START_TEST(good_pair)
{
	struct rn_msg msg = { .type = RN_MSG_HELLO, .version = 1, .name = "gw1", .nonce = 9 };

	dial("gw1", CONTROLLER);
	ck_assert_ptr_null(rn_dialer_conn(dialer));
	WAIT(server.ups && client.ups);
	ck_assert_str_eq(server.identity, "spiffe://test/gw1");
	ck_assert_str_eq(client.identity, CONTROLLER);
	ck_assert(rn_conn_send(rn_dialer_conn(dialer), &msg));
	WAIT(server.messages == 1);
	ck_assert_str_eq(server.last.name, "gw1");
	ck_assert_uint_eq(server.last.nonce, 9);
	ck_assert(rn_conn_send(server.conn, &msg));
	WAIT(client.messages == 1);
}
END_TEST

START_TEST(many_messages)
{
	dial("gw1", CONTROLLER);
	WAIT(server.ups && client.ups);
	for (guint i = 1; i <= 50000; i++) {
		struct rn_msg msg = { .type = RN_MSG_PING, .nonce = i };

		ck_assert(rn_conn_send(server.conn, &msg));
	}
	WAIT(client.messages == 50000);
}
END_TEST

/* What was queued before rn_conn_close arrives. */
START_TEST(close_sends)
{
	server.burst = 5000;
	dial("gw1", CONTROLLER);
	WAIT(client.downs == 1);
	ck_assert_uint_eq(client.messages, 5000);
	assert_reason(&client, RN_CONN_ERROR_CLOSED, "closed");
	WAIT(server.downs == 1);
	ck_assert_ptr_null(server.reason);
}
END_TEST

START_TEST(dials_again)
{
	gint64 begin = g_get_monotonic_time();

	dial("gw1", CONTROLLER);
	for (guint i = 1; i <= 3; i++) {
		WAIT(server.ups == i && client.ups == i);
		rn_dialer_established(dialer);
		rn_conn_close(server.conn);
		WAIT(client.downs == i && server.downs == i);
	}
	/* Established each time: 0.2 s to 0.25 s, never longer. */
	ck_assert_int_lt(g_get_monotonic_time() - begin, 3 * G_USEC_PER_SEC);
	/* Not established: 0.2, 0.4, 0.8 s at least, 1.4 s together. */
	begin = g_get_monotonic_time();
	for (guint i = 4; i <= 6; i++) {
		WAIT(server.ups == i && client.ups == i);
		rn_conn_close(server.conn);
		WAIT(client.downs == i && server.downs == i);
	}
	ck_assert_int_gt(g_get_monotonic_time() - begin, 13 * G_USEC_PER_SEC / 10);
}
END_TEST

START_TEST(nobody_listens)
{
	rn_listener_free(listener);
	listener = NULL;
	client_tls = pki_tls("gw1", NULL);
	dialer = rn_dialer_new(client_tls, "127.0.0.1:1", CONTROLLER, &net_ops, &client);
	WAIT(client.downs == 2);
	assert_reason(&client, RN_CONN_ERROR_CONNECT, "refused");
	ck_assert_uint_eq(client.ups, 0);
	rn_dialer_free(dialer);
	dialer = rn_dialer_new(client_tls, "gw1:7414", CONTROLLER, &net_ops, &client);
	WAIT(client.downs == 3);
	assert_reason(&client, RN_CONN_ERROR_CONNECT, "in numbers");
}
END_TEST

START_TEST(idle)
{
	dial("gw1", CONTROLLER);
	WAIT(server.ups && client.ups);
	rn_conn_set_idle_timeout(server.conn, 300);
	WAIT(server.downs);
	assert_reason(&server, RN_CONN_ERROR_TIMEOUT, "silent for 300 ms");
}
END_TEST

START_TEST(freed_in_callbacks)
{
	dial("gw1", CONTROLLER);
	WAIT(server.ups && client.ups);
	rn_dialer_free(dialer);
	dialer = NULL;
	WAIT(server.downs);
	ck_assert_uint_eq(client.downs, 0);
}
END_TEST

/* ---- certificates ---- */

static const struct {
	const char *name, *why;
} bad_clients[] = {
	{ "other", "NOT trusted" },
	{ "self", "NOT trusted" },
	{ "expired", "expired" },
	{ "server-only", "purpose" },
	{ "revoked", "revoked" },
};

/* The server refuses; the client is told by an alert, though its own handshake
 * had succeeded.
 */
START_TEST(bad_client)
{
	dial(bad_clients[_i].name, CONTROLLER);
	WAIT(server.downs && client.downs);
	ck_assert_uint_eq(server.ups, 0);
	assert_reason(&server, RN_CONN_ERROR_REFUSED, bad_clients[_i].why);
	assert_reason(&client, RN_CONN_ERROR_REFUSED, "it refused us: ");
}
END_TEST

static const struct {
	const char *name, *why;
} bad_servers[] = {
	{ "other", "NOT trusted" },
	{ "self", "NOT trusted" },
	{ "expired", "expired" },
	{ "client-only", "purpose" },
	{ "gw2", "it is of spiffe://test/gw2, not of spiffe://test/controller" },
};

START_TEST(bad_server)
{
	rn_listener_free(listener);
	rn_tls_free(server_tls);
	server_tls = pki_tls(bad_servers[_i].name, NULL);
	listener = rn_listener_new(server_tls, "127.0.0.1:0", 4, net_accepted, &server, NULL);
	dial("gw1", CONTROLLER);
	WAIT(server.downs && client.downs);
	ck_assert_uint_eq(client.ups, 0);
	assert_reason(&client, RN_CONN_ERROR_REFUSED, bad_servers[_i].why);
	assert_reason(&server, RN_CONN_ERROR_REFUSED, "it refused us: ");
}
END_TEST

START_TEST(bad_files)
{
	static const struct {
		const char *ca, *cert, *key, *crl, *why;
	} sets[] = {
		{ "none.crt", "gw1.crt", "gw1.key", NULL, "none.crt" },
		{ "gw1.key", "gw1.crt", "gw1.key", NULL, "gw1.key: has no CA certificate" },
		{ "ca.crt", "none.crt", "gw1.key", NULL, "none.crt" },
		{ "ca.crt", "gw1.crt", "none.key", NULL, "none.key" },
		{ "ca.crt", "gw1.crt", "gw2.key", NULL, "gw1.crt: with the key" },
		{ "ca.crt", "no-uri.crt", "no-uri.key", NULL, "it has no URI name" },
		{ "ca.crt", "two-uris.crt", "two-uris.key", NULL, "more than one URI" },
		{ "ca.crt", "gw1.crt", "gw1.key", "none.pem", "none.pem" },
		{ "ca.crt", "gw1.crt", "gw1.key", "gw1.crt", "has no CRL" },
		{ "ca.crt", "gw1.crt", "gw1.key", "other-crl.pem", "not a valid CRL of a CA" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(sets); i++) {
		const char *crl = sets[i].crl ? pki_path(sets[i].crl) : NULL;
		g_autoptr(GError) error = NULL;

		ck_assert_ptr_null(rn_tls_new(pki_path(sets[i].ca), pki_path(sets[i].cert),
					      pki_path(sets[i].key), crl, &error));
		ck_assert_msg(strstr(error->message, sets[i].why) != NULL, "`%s' lacks `%s'",
			      error->message, sets[i].why);
	}
}
END_TEST

static void copy_file(const char *from, const char *to)
{
	g_autofree char *text = NULL;
	gsize len;

	ck_assert(g_file_get_contents(pki_path(from), &text, &len, NULL));
	ck_assert(g_file_set_contents(pki_path(to), text, (gssize)len, NULL));
}

/* New connections show the new certificate, the old one goes on; what cannot
 * be read changes nothing.
 */
START_TEST(reload)
{
	g_autofree char *endpoint = g_strdup_printf("127.0.0.1:%u", rn_listener_port(listener));
	struct rn_msg msg = { .type = RN_MSG_HELLO };
	struct rn_conn *first;

	copy_file("gw1.crt", "moving.crt");
	copy_file("gw1.key", "moving.key");
	client_tls = pki_tls("moving", NULL);
	dialer = rn_dialer_new(client_tls, endpoint, CONTROLLER, &net_ops, &client);
	WAIT(server.ups && client.ups);
	ck_assert_str_eq(server.identity, "spiffe://test/gw1");
	first = server.conn;

	copy_file("gw2.crt", "moving.crt");
	ck_assert(!rn_tls_reload(client_tls, NULL));	/* the key is the old one's */
	ck_assert_str_eq(rn_tls_identity(client_tls), "spiffe://test/gw1");
	copy_file("gw2.key", "moving.key");
	ck_assert(rn_tls_reload(client_tls, NULL));
	ck_assert_str_eq(rn_tls_identity(client_tls), "spiffe://test/gw2");
	ck_assert(rn_conn_send(first, &msg));
	WAIT(client.messages == 1);
	rn_conn_close(first);
	WAIT(server.ups == 2);
	ck_assert_str_eq(server.identity, "spiffe://test/gw2");
}
END_TEST

/* ---- clients that are not ours ---- */

struct raw {
	int fd;
	gnutls_session_t tls;
	gnutls_certificate_credentials_t cred;
};

static int raw_connect(void)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)rn_listener_port(listener)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	ck_assert(!connect(fd, (struct sockaddr *)&to, sizeof(to)) || errno == EINPROGRESS);
	return fd;
}

/* name NULL: without certificate. */
static void raw_open(struct raw *raw, const char *name, const char *priority, const char *alpn)
{
	gnutls_datum_t protocol = { (unsigned char *)alpn, alpn ? (unsigned int)strlen(alpn) : 0 };
	g_autofree char *cert = g_strconcat(name ? name : "", ".crt", NULL);
	g_autofree char *key = g_strconcat(name ? name : "", ".key", NULL);

	raw->fd = raw_connect();
	ck_assert(!gnutls_certificate_allocate_credentials(&raw->cred));
	if (name)
		ck_assert(!gnutls_certificate_set_x509_key_file(raw->cred, pki_path(cert),
								pki_path(key),
								GNUTLS_X509_FMT_PEM));
	gnutls_init(&raw->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
	ck_assert(!gnutls_priority_set_direct(raw->tls, priority, NULL));
	gnutls_credentials_set(raw->tls, GNUTLS_CRD_CERTIFICATE, raw->cred);
	if (alpn)
		gnutls_alpn_set_protocols(raw->tls, &protocol, 1, 0);
	gnutls_transport_set_int(raw->tls, raw->fd);
}

static void raw_close(struct raw *raw)
{
	gnutls_deinit(raw->tls);
	gnutls_certificate_free_credentials(raw->cred);
	close(raw->fd);
}

/* Our loop and the raw client take turns; the value of its last step. */
static int raw_handshake(struct raw *raw)
{
	gint64 bound = g_get_monotonic_time() + BOUND_MS * 1000LL;
	int rc;

	do {
		g_main_context_iteration(context, FALSE);
		rc = gnutls_handshake(raw->tls);
	} while (rc && !gnutls_error_is_fatal(rc) && g_get_monotonic_time() < bound);
	return rc;
}

static ssize_t raw_receive(struct raw *raw, guint8 *buf, gsize size)
{
	gint64 bound = g_get_monotonic_time() + BOUND_MS * 1000LL;
	ssize_t n;

	do {
		g_main_context_iteration(context, FALSE);
		n = gnutls_record_recv(raw->tls, buf, size);
	} while (n < 0 && !gnutls_error_is_fatal((int)n) && g_get_monotonic_time() < bound);
	return n;
}

#define PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3"

static void raw_good(struct raw *raw)
{
	raw_open(raw, "gw1", PRIORITY, "roamnat/1");
	ck_assert_int_eq(raw_handshake(raw), 0);
	WAIT(server.ups == 1);
}

START_TEST(no_certificate)
{
	struct raw raw;
	guint8 buf[64];

	raw_open(&raw, NULL, PRIORITY, "roamnat/1");
	ck_assert_int_eq(raw_handshake(&raw), 0);
	ck_assert_int_eq(raw_receive(&raw, buf, sizeof(buf)), GNUTLS_E_FATAL_ALERT_RECEIVED);
	ck_assert_int_eq(gnutls_alert_get(raw.tls), GNUTLS_A_CERTIFICATE_REQUIRED);
	raw_close(&raw);
	WAIT(server.downs);
	ck_assert_uint_eq(server.ups, 0);
	ck_assert_int_eq(server.code, RN_CONN_ERROR_REFUSED);
}
END_TEST

static const struct {
	const char *name, *priority, *alpn;
} bad_sessions[] = {
	{ "TLS 1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2", "roamnat/1" },
	{ "other ALPN", PRIORITY, "h2" },
	{ "no ALPN", PRIORITY, NULL },
	{ "two names", PRIORITY, "roamnat/1" },
};

START_TEST(bad_session)
{
	gboolean names = !strcmp(bad_sessions[_i].name, "two names");
	struct raw raw;
	guint8 buf[64];

	raw_open(&raw, names ? "two-uris" : "gw1", bad_sessions[_i].priority,
		 bad_sessions[_i].alpn);
	if (!raw_handshake(&raw))
		ck_assert_int_lt(raw_receive(&raw, buf, sizeof(buf)), 0);
	ck_assert_msg(gnutls_alert_get(raw.tls) != GNUTLS_A_CLOSE_NOTIFY, "%s",
		      bad_sessions[_i].name);
	raw_close(&raw);
	WAIT(server.downs);
	ck_assert_msg(server.ups == 0, "%s", bad_sessions[_i].name);
	ck_assert_int_eq(server.code, RN_CONN_ERROR_REFUSED);
}
END_TEST

START_TEST(plaintext)
{
	static const char text[] = "GET / HTTP/1.0\r\n\r\n";
	int fd = raw_connect();

	WAIT(send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL) > 0);
	shutdown(fd, SHUT_WR);
	WAIT(server.downs);
	ck_assert_uint_eq(server.ups, 0);
	ck_assert_int_eq(server.code, RN_CONN_ERROR_REFUSED);
	close(fd);
}
END_TEST

/* A peer that says nothing costs a slot for five seconds. */
START_TEST(slow_handshake)
{
	gint64 begin = g_get_monotonic_time();
	int fd = raw_connect();

	WAIT(server.downs);
	ck_assert_int_ge(g_get_monotonic_time() - begin, 4900 * 1000);
	ck_assert_int_lt(g_get_monotonic_time() - begin, 8000 * 1000);
	assert_reason(&server, RN_CONN_ERROR_TIMEOUT, "longer than 5 s");
	close(fd);
}
END_TEST

START_TEST(max_pending)
{
	int fds[6];

	for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
		fds[i] = raw_connect();
	WAIT(rn_listener_refused(listener) == 2);
	for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
		close(fds[i]);
	WAIT(server.downs == 4);
	dial("gw1", CONTROLLER);
	WAIT(server.ups && client.ups);
}
END_TEST

static const struct {
	const char *name;
	guint8 bytes[16];
	gsize len;
} bad_frames[] = {
	{ "4 GiB", { 0xff, 0xff, 0xff, 0xff }, 4 },
	{ "one over the cap", { 0, 4, 0, 1 }, 4 },
	{ "of nothing", { 0, 0, 0, 0 }, 4 },
	{ "is malformed", { 0, 0, 0, 2, 0x0a, 0x7f }, 6 },
};

START_TEST(bad_frame)
{
	struct raw raw;

	raw_good(&raw);
	gnutls_record_send(raw.tls, bad_frames[_i].bytes, bad_frames[_i].len);
	WAIT(server.downs);
	assert_reason(&server, RN_CONN_ERROR_FRAME, "frame of ");
	raw_close(&raw);
}
END_TEST

static gboolean keep_message(const struct rn_msg *msg, void *ctx)
{
	*(struct rn_msg *)ctx = *msg;
	return TRUE;
}

/* Byte by byte, an unknown type between two messages: both are delivered, the
 * sender is told, the connection stays.
 */
START_TEST(unknown_type)
{
	static const guint8 bytes[] = {
		0, 0, 0, 21, 0x0a, 2, 0x08, RN_MSG_HELLO,
		0x0a, 11, 0x08, 99, 0x61, 7, 0, 0, 0, 0, 0, 0, 0,
		0x0a, 2, 0x08, RN_MSG_HELLO,
	};
	static const struct rn_codec_sink sink = { keep_message, NULL, NULL };
	struct rn_msg deny = { 0 };
	guint8 buf[512];
	struct raw raw;
	ssize_t n;

	raw_good(&raw);
	for (guint i = 0; i < sizeof(bytes); i++)
		gnutls_record_send(raw.tls, &bytes[i], 1);
	WAIT(server.messages == 2);
	n = raw_receive(&raw, buf, sizeof(buf));
	ck_assert_int_gt(n, RN_FRAME_HEAD);
	ck_assert(rn_codec_decode(buf + RN_FRAME_HEAD, (gsize)n - RN_FRAME_HEAD, &sink, &deny,
				  NULL));
	ck_assert_uint_eq(deny.type, RN_MSG_DENY);
	ck_assert_uint_eq(deny.code, RN_CODE_BAD_MESSAGE);
	ck_assert_uint_eq(deny.nonce, 7);
	ck_assert_ptr_nonnull(strstr(deny.text, "type 99"));
	ck_assert_uint_eq(server.downs, 0);
	raw_close(&raw);
	WAIT(server.downs);
}
END_TEST

static gboolean count_message(const struct rn_msg *msg, void *ctx)
{
	++*(gsize *)ctx;
	return TRUE;
}

static gboolean count_frame(const guint8 *bytes, gsize len, void *ctx)
{
	static const struct rn_codec_sink sink = { count_message, NULL, NULL };

	ck_assert(rn_codec_decode(bytes, len, &sink, ctx, NULL));
	return TRUE;
}

/* A peer that does not read fills the queue to its bound and no further; when
 * it reads again, nothing that was taken is missing.
 */
START_TEST(back_pressure)
{
	gint64 until = g_get_monotonic_time() + 3 * BOUND_MS * 1000LL;
	struct rn_msg msg = { .type = RN_MSG_HELLO };
	struct rn_frame_reader reader;
	gsize sent = 0, received = 0;
	static guint8 buf[16384];
	guint full = 0, drained;
	struct raw raw;

	memset(msg.text, 'x', sizeof(msg.text) - 1);
	raw_good(&raw);
	/* The kernel's buffers take some first, and that drains ours. */
	while (full < 3) {
		if (rn_conn_send(server.conn, &msg)) {
			sent++;
			full = 0;
		} else {
			g_main_context_iteration(context, FALSE);
			full++;
		}
	}
	drained = server.drained;
	ck_assert_uint_gt(sent * 256, 4 * 1024 * 1024);
	ck_assert_uint_lt(sent * 256, 64 * 1024 * 1024);
	rn_frame_reader_init(&reader, RN_FRAME_MAX);
	while (received < sent && g_get_monotonic_time() < until) {
		ssize_t n = raw_receive(&raw, buf, sizeof(buf));

		ck_assert_int_gt(n, 0);
		ck_assert(rn_frame_feed(&reader, buf, (gsize)n, count_frame, &received, NULL));
	}
	rn_frame_reader_clear(&reader);
	ck_assert_uint_eq(received, sent);
	ck_assert_uint_eq(server.drained, drained + 1);
	ck_assert(rn_conn_send(server.conn, &msg));
	raw_close(&raw);
	WAIT(server.downs);
}
END_TEST

Suite *suite_net(void)
{
	Suite *suite = suite_create("net");
	TCase *tc = tcase_create("net");

	tcase_set_timeout(tc, 60);
	tcase_add_unchecked_fixture(tc, pki_make, pki_remove);
	tcase_add_checked_fixture(tc, net_setup, net_teardown);
	tcase_add_test(tc, good_pair);
	tcase_add_test(tc, many_messages);
	tcase_add_test(tc, close_sends);
	tcase_add_test(tc, dials_again);
	tcase_add_test(tc, nobody_listens);
	tcase_add_test(tc, idle);
	tcase_add_test(tc, freed_in_callbacks);
	tcase_add_loop_test(tc, bad_client, 0, G_N_ELEMENTS(bad_clients));
	tcase_add_loop_test(tc, bad_server, 0, G_N_ELEMENTS(bad_servers));
	tcase_add_test(tc, bad_files);
	tcase_add_test(tc, reload);
	tcase_add_test(tc, no_certificate);
	tcase_add_loop_test(tc, bad_session, 0, G_N_ELEMENTS(bad_sessions));
	tcase_add_test(tc, plaintext);
	tcase_add_test(tc, slow_handshake);
	tcase_add_test(tc, max_pending);
	tcase_add_loop_test(tc, bad_frame, 0, G_N_ELEMENTS(bad_frames));
	tcase_add_test(tc, unknown_type);
	tcase_add_test(tc, back_pressure);
	suite_add_tcase(suite, tc);
	return suite;
}
