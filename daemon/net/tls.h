/* SPDX-License-Identifier: GPL-2.0 */
/* Who we are and whom we trust: keys, certificates, revocations. */
#ifndef RN_NET_TLS_H
#define RN_NET_TLS_H

#include <glib.h>

struct rn_tls;

#define RN_TLS_ERROR	rn_tls_error_quark()
enum rn_tls_error {
	RN_TLS_ERROR_FILE,	/* one of our files is missing or wrong */
};

GQuark rn_tls_error_quark(void);

/* PEM files; crl may be NULL. The error names the file and what is wrong. */
struct rn_tls *rn_tls_new(const char *ca, const char *cert, const char *key,
			  const char *crl, GError **error);
/* Reads the files again; new connections use them, running ones go on. On
 * error the old keys stay in use.
 */
gboolean rn_tls_reload(struct rn_tls *tls, GError **error);
/* URI SAN of our own certificate. */
const char *rn_tls_identity(const struct rn_tls *tls);
void rn_tls_free(struct rn_tls *tls);

#endif
