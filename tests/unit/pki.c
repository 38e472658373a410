// SPDX-License-Identifier: GPL-2.0
#include "pki.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdarg.h>
#include <string.h>

#define LIVE	"expiration_days = 30\n"
#define PAST	"activation_date = \"2020-01-01 00:00:00\"\nexpiration_date = \"2021-01-01 00:00:00\"\n"
#define LEAF	"signing_key\n"
#define BOTH	LEAF "tls_www_client\ntls_www_server\n"

static char *dir;
static GStringChunk *paths;

const char *pki_path(const char *file)
{
	g_autofree char *path = g_build_filename(dir, file, NULL);

	return g_string_chunk_insert_const(paths, path);
}

static const char *file_of(const char *name, const char *suffix)
{
	g_autofree char *file = g_strconcat(name, suffix, NULL);

	return pki_path(file);
}

/* certtool with these arguments, NULL-ended; its talk only when it fails. */
static void certtool(const char *first, ...)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	g_autofree char *out = NULL, *err = NULL;
	const char *arg;
	va_list args;
	int status;

	g_ptr_array_add(argv, (char *)"certtool");
	va_start(args, first);
	for (arg = first; arg; arg = va_arg(args, const char *))
		g_ptr_array_add(argv, (char *)arg);
	va_end(args);
	g_ptr_array_add(argv, NULL);
	if (!g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
			  &err, &status, NULL) || status)
		ck_abort_msg("certtool: %s", err ? err : "cannot be run, install gnutls-bin");
}

static void make_key(const char *name, const char *template)
{
	ck_assert(g_file_set_contents(file_of(name, ".tmpl"), template, -1, NULL));
	certtool("--generate-privkey", "--key-type=ecdsa", "--curve=secp256r1", "--no-text",
		 "--outfile", file_of(name, ".key"), NULL);
}

static void make_self_signed(const char *name, const char *template)
{
	make_key(name, template);
	certtool("--generate-self-signed", "--load-privkey", file_of(name, ".key"), "--template",
		 file_of(name, ".tmpl"), "--outfile", file_of(name, ".crt"), NULL);
}

static void make_leaf(const char *ca, const char *name, const char *template)
{
	make_key(name, template);
	certtool("--generate-certificate", "--load-privkey", file_of(name, ".key"),
		 "--load-ca-certificate", file_of(ca, ".crt"),
		 "--load-ca-privkey", file_of(ca, ".key"),
		 "--template", file_of(name, ".tmpl"), "--outfile", file_of(name, ".crt"), NULL);
}

/* crls: name of the CRL file and of the CA that signs it. */
static void make_crl(const char *crl, const char *ca)
{
	ck_assert(g_file_set_contents(file_of(crl, ".tmpl"), "crl_next_update = 30\n", -1, NULL));
	certtool("--generate-crl", "--load-ca-certificate", file_of(ca, ".crt"),
		 "--load-ca-privkey", file_of(ca, ".key"),
		 "--load-certificate", file_of("revoked", ".crt"),
		 "--template", file_of(crl, ".tmpl"), "--outfile", file_of(crl, ".pem"), NULL);
}

void pki_make(void)
{
	static const struct {
		const char *name, *template;
	} leaves[] = {
		{ "controller", LIVE BOTH "uri = spiffe://test/controller\n" },
		{ "gw1", LIVE BOTH "uri = spiffe://test/gw1\ndns_name = gw1.test\n" },
		{ "gw2", LIVE BOTH "uri = spiffe://test/gw2\n" },
		{ "server-only", LIVE LEAF "tls_www_server\nuri = spiffe://test/gw1\n" },
		{ "client-only", LIVE LEAF "tls_www_client\nuri = spiffe://test/controller\n" },
		{ "expired", PAST BOTH "uri = spiffe://test/gw1\n" },
		{ "revoked", LIVE BOTH "uri = spiffe://test/gw1\n" },
		{ "no-uri", LIVE BOTH "dns_name = gw1.test\n" },
		{ "two-uris", LIVE BOTH "uri = spiffe://test/gw1\nuri = spiffe://test/gw2\n" },
	};

	dir = g_dir_make_tmp("roamnat-pki-XXXXXX", NULL);
	paths = g_string_chunk_new(1024);
	make_self_signed("ca", LIVE "cn = test\nca\ncert_signing_key\ncrl_signing_key\n");
	make_self_signed("other-ca", LIVE "cn = other\nca\ncert_signing_key\ncrl_signing_key\n");
	make_self_signed("self", LIVE BOTH "uri = spiffe://test/gw1\n");
	for (guint i = 0; i < G_N_ELEMENTS(leaves); i++)
		make_leaf("ca", leaves[i].name, leaves[i].template);
	make_leaf("other-ca", "other", LIVE BOTH "uri = spiffe://test/gw1\n");
	make_crl("crl", "ca");
	make_crl("other-crl", "other-ca");
}

void pki_remove(void)
{
	g_autoptr(GDir) list = g_dir_open(dir, 0, NULL);
	const char *name;

	while (list && (name = g_dir_read_name(list)))
		g_remove(pki_path(name));
	g_rmdir(dir);
	g_string_chunk_free(paths);
	g_free(dir);
}

struct rn_tls *pki_tls(const char *name, const char *crl)
{
	g_autoptr(GError) error = NULL;
	struct rn_tls *tls = rn_tls_new(pki_path("ca.crt"), file_of(name, ".crt"),
					file_of(name, ".key"), crl ? pki_path(crl) : NULL, &error);

	ck_assert_msg(tls != NULL, "%s", error ? error->message : "");
	return tls;
}
