/* SPDX-License-Identifier: GPL-2.0 */
/* TLS sessions for conn.c: what tls.c knows, applied to one connection. */
#ifndef RN_NET_SESSION_H
#define RN_NET_SESSION_H

#include <glib.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include "net/tls.h"

/* One generation of keys; a session keeps those it began with. */
struct rn_tls_keys {
	guint refs;
	gnutls_certificate_credentials_t cred;
	char *identity;		/* our own */
};

struct rn_tls_keys *rn_tls_keys_get(struct rn_tls *tls);
void rn_tls_keys_put(struct rn_tls_keys *keys);
/* The one URI SAN of a certificate, or NULL and a reason. */
char *rn_tls_uri(gnutls_x509_crt_t crt, const char **why);

struct rn_session {
	gnutls_session_t tls;
	struct rn_tls_keys *keys;
	gboolean server;
	char *expected;		/* identity that the peer must have; NULL any */
	char *identity;		/* the peer's, once it was verified */
	char *why;		/* we refused the peer */
};

/* fd must be non-blocking; session must not move as long as it lives. */
gboolean rn_session_init(struct rn_session *session, struct rn_tls *tls, int fd,
			 gboolean server, const char *expected, GError **error);
void rn_session_clear(struct rn_session *session);
/* 0 when done and judged, GNUTLS_E_AGAIN, or a fatal code; the alert that tells
 * the peer has been sent then.
 */
int rn_session_handshake(struct rn_session *session);
/* What to say about a fatal code of a call on this session. */
char *rn_session_explain(const struct rn_session *session, int code);

#endif
