/* SPDX-License-Identifier: GPL-2.0 */
/* Certificates for tests, made by certtool in a directory that goes after. */
#ifndef RN_TESTS_PKI_H
#define RN_TESTS_PKI_H

#include <glib.h>
#include "net/tls.h"

/* Makes NAME.crt and NAME.key for:
 *   controller gw1 gw2   good for both purposes, spiffe://test/NAME
 *   server-only client-only   one purpose each
 *   expired revoked      what they say; crl.pem lists revoked
 *   no-uri two-uris      names that are no identity
 *   other                good, but of other-ca
 *   self                 signed by itself
 */
void pki_make(void);
void pki_remove(void);

/* Path of a file of it; valid until the next pki_make. */
const char *pki_path(const char *file);
/* Keys of NAME, ca.crt and crl.pem (NULL: none). */
struct rn_tls *pki_tls(const char *name, const char *crl);

#endif
