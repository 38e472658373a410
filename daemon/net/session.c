// SPDX-License-Identifier: GPL-2.0
/*
 * The judgement of a peer, inside the handshake so that a refused peer is told
 * by an alert: chain, expiry, revocation and key purpose by GnuTLS, then the
 * one URI name, and on the dialing side that it is the one expected.
 */
#include "net/session.h"

#include <string.h>
#include "base/log.h"

#define PRIORITY	"NORMAL:-VERS-ALL:+VERS-TLS1.3:%PROFILE_MEDIUM"
#define ALPN		"roamnat/1"

static int refuse(struct rn_session *session, int code, const char *why)
{
	g_free(session->why);
	session->why = g_strdup_printf("its certificate is refused: %s", why);
	return code;
}

static int check_identity(struct rn_session *session, const gnutls_datum_t *der)
{
	g_autofree char *uri = NULL, *text = NULL;
	gnutls_x509_crt_t crt;
	const char *why = NULL;
	int rc = gnutls_x509_crt_init(&crt);

	if (rc < 0)
		return rc;
	rc = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER);
	if (rc >= 0)
		uri = rn_tls_uri(crt, &why);
	gnutls_x509_crt_deinit(crt);
	if (!uri)
		return refuse(session, GNUTLS_E_CERTIFICATE_ERROR, why ? why : gnutls_strerror(rc));
	if (session->expected && strcmp(session->expected, uri)) {
		text = g_strdup_printf("it is of %s, not of %s", uri, session->expected);
		return refuse(session, GNUTLS_E_CERTIFICATE_ERROR, text);
	}
	g_free(session->identity);
	session->identity = g_steal_pointer(&uri);
	return 0;
}

static int verify(gnutls_session_t tls)
{
	struct rn_session *session = gnutls_session_get_ptr(tls);
	gnutls_typed_vdata_st purpose = {
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)(session->server ? GNUTLS_KP_TLS_WWW_CLIENT :
							    GNUTLS_KP_TLS_WWW_SERVER),
	};
	unsigned int status = 0, n = 0;
	const gnutls_datum_t *peers;
	gnutls_datum_t text;
	int rc;

	rc = gnutls_certificate_verify_peers(tls, &purpose, 1, &status);
	if (rc < 0)
		return refuse(session, GNUTLS_E_CERTIFICATE_ERROR, gnutls_strerror(rc));
	if (status) {
		rc = gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509,
								  &text, 0);
		refuse(session, 0, rc < 0 ? "it is not trusted" : g_strstrip((char *)text.data));
		if (rc >= 0)
			gnutls_free(text.data);
		return GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
	}
	peers = gnutls_certificate_get_peers(tls, &n);
	if (!peers || !n)
		return refuse(session, GNUTLS_E_NO_CERTIFICATE_FOUND, "there is none");
	return check_identity(session, &peers[0]);
}

gboolean rn_session_init(struct rn_session *session, struct rn_tls *tls, int fd,
			 gboolean server, const char *expected, GError **error)
{
	const gnutls_datum_t alpn = { (unsigned char *)ALPN, strlen(ALPN) };
	/* No tickets: each connection is judged by the CRL of its own time. */
	unsigned int flags = GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS;
	int rc;

	*session = (struct rn_session) {
		.keys = rn_tls_keys_get(tls),
		.server = server,
		.expected = g_strdup(expected),
	};
	rc = gnutls_init(&session->tls, flags | (server ? GNUTLS_SERVER : GNUTLS_CLIENT));
	if (rc >= 0)
		rc = gnutls_priority_set_direct(session->tls, PRIORITY, NULL);
	if (rc >= 0)
		rc = gnutls_credentials_set(session->tls, GNUTLS_CRD_CERTIFICATE,
					    session->keys->cred);
	if (rc >= 0)
		rc = gnutls_alpn_set_protocols(session->tls, &alpn, 1, GNUTLS_ALPN_MANDATORY);
	if (rc < 0) {
		g_set_error(error, RN_TLS_ERROR, RN_TLS_ERROR_FILE, "cannot begin TLS: %s",
			    gnutls_strerror(rc));
		return FALSE;
	}
	if (server) {
		gnutls_certificate_server_set_request(session->tls, GNUTLS_CERT_REQUIRE);
		/* A client that knows our CAs keeps a certificate of another to
		 * itself, and the log could only say that there was none.
		 */
		gnutls_certificate_send_x509_rdn_sequence(session->tls, 1);
	}
	gnutls_session_set_ptr(session->tls, session);
	gnutls_session_set_verify_function(session->tls, verify);
	gnutls_transport_set_int(session->tls, fd);
	return TRUE;
}

void rn_session_clear(struct rn_session *session)
{
	if (session->tls)
		gnutls_deinit(session->tls);
	rn_tls_keys_put(session->keys);
	g_free(session->expected);
	g_free(session->identity);
	g_free(session->why);
	memset(session, 0, sizeof(*session));
}

/* A peer that offers no ALPN at all gets through GNUTLS_ALPN_MANDATORY. */
static int check_alpn(struct rn_session *session)
{
	gnutls_datum_t alpn;

	if (!gnutls_alpn_get_selected_protocol(session->tls, &alpn))
		return 0;
	g_free(session->why);
	session->why = g_strdup("it does not offer the protocol " ALPN);
	return GNUTLS_E_NO_APPLICATION_PROTOCOL;
}

int rn_session_handshake(struct rn_session *session)
{
	int rc;

	do {
		rc = gnutls_handshake(session->tls);
	} while (rc < 0 && rc != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(rc));
	if (rc == GNUTLS_E_AGAIN)
		return rc;
	if (rc >= 0)
		rc = check_alpn(session);
	/* GnuTLS sends alerts only when told. */
	if (rc < 0)
		gnutls_alert_send_appropriate(session->tls, rc);
	return rc;
}

char *rn_session_explain(const struct rn_session *session, int code)
{
	const char *alert;

	if (session->why)
		return g_strdup(session->why);
	if (code != GNUTLS_E_FATAL_ALERT_RECEIVED)
		return g_strdup(gnutls_strerror(code));
	alert = gnutls_alert_get_name(gnutls_alert_get(session->tls));
	return g_strdup_printf("it refused us: %s", alert ? alert : "unknown alert");
}
