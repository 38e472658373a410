#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# pki.sh DIR: certificates for the scenarios, made once by the tool that
# operators have: ca.pem, crl.pem, and NAME.pem with NAME.key for controller and
# gw1 … gw4. For attacks: gw9 (valid, in nobody's table), revoked (gw8's),
# expired (gw1's name), and stranger (gw1's name, another CA).
set -euo pipefail
tool=$(cd "$(dirname "$0")/../.." && pwd)/tools/natctl/natctl-pki
[ ! -e "$1/done" ] || exit 0
rm -rf "$1"
mkdir -p "$1"
cd "$1"
{
	"$tool" init "$PWD" domain roamnat.example
	"$tool" controller 172.31.0.1 dir "$PWD" days 3650
	"$tool" gateway gw1 gw2 gw3 gw4 gw8 gw9 dir "$PWD" days 3650
	cp gw8.pem revoked.pem
	cp gw8.key revoked.key
	"$tool" revoke gw8 dir "$PWD"
	"$tool" init "$PWD/other" domain roamnat.example
	"$tool" gateway gw1 dir "$PWD/other" days 3650
	mv other/gw1.pem stranger.pem
	mv other/gw1.key stranger.key
	cat >expired.cfg <<-END
		cn = "gw1"
		uri = "spiffe://roamnat.example/gw/gw1"
		signing_key
		tls_www_client
		tls_www_server
		activation_date = "2020-01-01 00:00:00"
		expiration_date = "2020-02-01 00:00:00"
	END
	certtool --generate-privkey --key-type ecdsa --curve secp256r1 --no-text --outfile expired.key
	certtool --generate-certificate --load-privkey expired.key --load-ca-privkey ca.key \
		--load-ca-certificate ca.pem --template expired.cfg --no-text --outfile expired.pem
} >log 2>&1 || { cat log >&2; exit 1; }
touch done
