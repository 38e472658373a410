// SPDX-License-Identifier: GPL-2.0
/*
 * Credentials from files. They are built whole and then swapped, so that a
 * reload that fails changes nothing.
 */
#include "net/tls.h"

#include <string.h>
#include <time.h>
#include "base/log.h"
#include "net/session.h"
#include "proto/msg.h"

#define WARN_DAYS	14	/* before our certificate ends */

struct rn_tls {
	char *ca, *cert, *key, *crl;
	struct rn_tls_keys *keys;
};

G_DEFINE_QUARK(rn-tls-error-quark, rn_tls_error)

G_GNUC_PRINTF(3, 4)
static gboolean fail(GError **error, const char *file, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error(error, RN_TLS_ERROR, RN_TLS_ERROR_FILE, "%s: %s", file, text);
	return FALSE;
}

static gboolean read_pem(const char *file, gnutls_datum_t *pem, GError **error)
{
	gsize len;
	char *text;

	if (!g_file_get_contents(file, &text, &len, error))
		return FALSE;
	pem->data = (unsigned char *)text;
	pem->size = (unsigned int)len;
	return TRUE;
}

/* Wiped, because it may be the private key. */
static void free_pem(gnutls_datum_t *pem)
{
	if (pem->data)
		gnutls_memset(pem->data, 0, pem->size);
	g_clear_pointer(&pem->data, g_free);
}

static gboolean load_ca(struct rn_tls_keys *keys, const char *file, GError **error)
{
	gnutls_datum_t pem = { 0 };
	int n;

	if (!read_pem(file, &pem, error))
		return FALSE;
	n = gnutls_certificate_set_x509_trust_mem(keys->cred, &pem, GNUTLS_X509_FMT_PEM);
	free_pem(&pem);
	if (n > 0)
		return TRUE;
	return fail(error, file, "has no CA certificate in PEM%s%s", n < 0 ? ": " : "",
		    n < 0 ? gnutls_strerror(n) : "");
}

/* GnuTLS passes over a CRL that is of no CA it knows, without a word. */
static gboolean check_crl(const struct rn_tls *tls, gnutls_x509_crl_t crl, GError **error)
{
	gnutls_x509_crt_t *ca = NULL;
	gnutls_datum_t pem = { 0 };
	unsigned int n = 0, status = 0;
	int rc;

	if (!read_pem(tls->ca, &pem, error))
		return FALSE;
	rc = gnutls_x509_crt_list_import2(&ca, &n, &pem, GNUTLS_X509_FMT_PEM, 0);
	free_pem(&pem);
	if (rc < 0)
		return fail(error, tls->ca, "%s", gnutls_strerror(rc));
	rc = gnutls_x509_crl_verify(crl, ca, n, 0, &status);
	for (unsigned int i = 0; i < n; i++)
		gnutls_x509_crt_deinit(ca[i]);
	gnutls_free(ca);
	if (status & GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED)
		return fail(error, tls->crl, "its next update is due; put the new CRL here");
	if (rc < 0 || status)
		return fail(error, tls->crl, "is not a valid CRL of a CA in %s", tls->ca);
	return TRUE;
}

static gboolean load_crl(const struct rn_tls *tls, struct rn_tls_keys *keys, GError **error)
{
	gnutls_x509_crl_t *crls = NULL;
	gnutls_datum_t pem = { 0 };
	unsigned int n = 0;
	gboolean ok = TRUE;
	int rc;

	if (!read_pem(tls->crl, &pem, error))
		return FALSE;
	rc = gnutls_x509_crl_list_import2(&crls, &n, &pem, GNUTLS_X509_FMT_PEM, 0);
	free_pem(&pem);
	if (rc < 0 || !n)
		return fail(error, tls->crl, "has no CRL in PEM: %s",
			    rc < 0 ? gnutls_strerror(rc) : "it is empty");
	for (unsigned int i = 0; i < n; i++)
		ok = ok && check_crl(tls, crls[i], error);
	if (ok) {
		rc = gnutls_certificate_set_x509_crl(keys->cred, crls, (int)n);
		if (rc < 0)
			ok = fail(error, tls->crl, "%s", gnutls_strerror(rc));
	}
	for (unsigned int i = 0; i < n; i++)
		gnutls_x509_crl_deinit(crls[i]);
	gnutls_free(crls);
	return ok;
}

char *rn_tls_uri(gnutls_x509_crt_t crt, const char **why)
{
	g_autofree char *uri = NULL;
	char buf[2048];

	for (unsigned int i = 0;; i++) {
		size_t len = sizeof(buf) - 1;
		int type = gnutls_x509_crt_get_subject_alt_name(crt, i, buf, &len, NULL);

		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		*why = "its subject alternative names cannot be read";
		if (type < 0)
			return NULL;
		if (type != GNUTLS_SAN_URI)
			continue;
		*why = "it has more than one URI name";
		if (uri)
			return NULL;
		*why = "its URI name is no plain text of at most 255 characters";
		buf[len] = 0;
		if (!len || len >= RN_TEXT_MAX || strlen(buf) != len)
			return NULL;
		for (size_t j = 0; j < len; j++)
			if (!g_ascii_isgraph(buf[j]))
				return NULL;
		uri = g_strdup(buf);
	}
	*why = "it has no URI name, which says who the peer is";
	return g_steal_pointer(&uri);
}

/* Our own certificate: peers would refuse it for these reasons, so tell now. */
static gboolean check_own(const struct rn_tls *tls, struct rn_tls_keys *keys, GError **error)
{
	time_t now = time(NULL), end;
	gnutls_x509_crt_t *crts;
	const char *why = NULL;
	unsigned int n;
	int rc;

	rc = gnutls_certificate_get_x509_crt(keys->cred, 0, &crts, &n);
	if (rc < 0)
		return fail(error, tls->cert, "%s", gnutls_strerror(rc));
	keys->identity = rn_tls_uri(crts[0], &why);
	end = gnutls_x509_crt_get_expiration_time(crts[0]);
	for (unsigned int i = 0; i < n; i++)
		gnutls_x509_crt_deinit(crts[i]);
	gnutls_free(crts);
	if (!keys->identity)
		return fail(error, tls->cert, "cannot be used: %s", why);
	if (end < now)
		rn_warn("%s: the certificate is expired, peers refuse it; put a new one here",
			tls->cert);
	else if (end < now + WARN_DAYS * 24 * 60 * 60)
		rn_warn("%s: the certificate expires in less than %d days; put a new one here",
			tls->cert, WARN_DAYS);
	return TRUE;
}

static gboolean load_own(const struct rn_tls *tls, struct rn_tls_keys *keys, GError **error)
{
	gnutls_datum_t cert = { 0 }, key = { 0 };
	gboolean ok = FALSE;
	int rc;

	if (!read_pem(tls->cert, &cert, error) || !read_pem(tls->key, &key, error))
		goto out;
	rc = gnutls_certificate_set_x509_key_mem2(keys->cred, &cert, &key, GNUTLS_X509_FMT_PEM,
						  NULL, 0);
	if (rc < 0)
		fail(error, tls->cert, "with the key %s: %s", tls->key, gnutls_strerror(rc));
	else
		ok = check_own(tls, keys, error);
out:
	free_pem(&cert);
	free_pem(&key);
	return ok;
}

static struct rn_tls_keys *load(const struct rn_tls *tls, GError **error)
{
	struct rn_tls_keys *keys = g_new0(struct rn_tls_keys, 1);

	keys->refs = 1;
	if (gnutls_certificate_allocate_credentials(&keys->cred) < 0)
		g_error("out of memory for TLS credentials");
	if (load_ca(keys, tls->ca, error) && (!tls->crl || load_crl(tls, keys, error)) &&
	    load_own(tls, keys, error))
		return keys;
	rn_tls_keys_put(keys);
	return NULL;
}

struct rn_tls_keys *rn_tls_keys_get(struct rn_tls *tls)
{
	tls->keys->refs++;
	return tls->keys;
}

void rn_tls_keys_put(struct rn_tls_keys *keys)
{
	if (!keys || --keys->refs)
		return;
	gnutls_certificate_free_credentials(keys->cred);
	g_free(keys->identity);
	g_free(keys);
}

struct rn_tls *rn_tls_new(const char *ca, const char *cert, const char *key,
			  const char *crl, GError **error)
{
	struct rn_tls *tls = g_new0(struct rn_tls, 1);

	tls->ca = g_strdup(ca);
	tls->cert = g_strdup(cert);
	tls->key = g_strdup(key);
	tls->crl = g_strdup(crl);
	tls->keys = load(tls, error);
	if (!tls->keys)
		g_clear_pointer(&tls, rn_tls_free);
	return tls;
}

gboolean rn_tls_reload(struct rn_tls *tls, GError **error)
{
	struct rn_tls_keys *keys = load(tls, error);

	if (!keys)
		return FALSE;
	rn_tls_keys_put(tls->keys);
	tls->keys = keys;
	return TRUE;
}

const char *rn_tls_identity(const struct rn_tls *tls)
{
	return tls->keys->identity;
}

void rn_tls_free(struct rn_tls *tls)
{
	if (!tls)
		return;
	rn_tls_keys_put(tls->keys);
	g_free(tls->ca);
	g_free(tls->cert);
	g_free(tls->key);
	g_free(tls->crl);
	g_free(tls);
}
