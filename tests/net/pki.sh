#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# pki.sh DIR: certificates for the scenarios, made once: ca.pem, and NAME.pem
# with NAME.key for controller, gw1 … gw4. For attacks: gw9 (valid, in nobody's
# table), expired (gw1's name), and stranger (gw1's name, another CA).
set -euo pipefail
dir=$1
[ ! -e "$dir/done" ] || exit 0
command -v certtool >/dev/null || { echo "pki: certtool is missing: apt-get install gnutls-bin" >&2; exit 1; }
rm -rf "$dir"
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
cd "$dir"
say() { :; }
TOP=. NET_DIR=$(dirname "$(readlink -f "$0")")
[ -e "$NET_DIR/conf.sh" ] || NET_DIR=$OLDPWD/$(dirname "$0")
. "$NET_DIR/conf.sh"
certtool() { command certtool "$@" 2>>"$dir/log"; }

ca() { # NAME
	certtool --generate-privkey --key-type ecdsa --curve secp256r1 --outfile "$1.key"
	printf '%s\n' "cn = \"roamnat test $1\"" ca cert_signing_key crl_signing_key \
		'expiration_days = 3650' >"$1.tmpl"
	certtool --generate-self-signed --load-privkey "$1.key" --template "$1.tmpl" --outfile "$1.pem"
}
leaf() { # FILE NAME CA [TEMPLATE_LINE...]
	local file=$1 name=$2 by=$3
	shift 3
	certtool --generate-privkey --key-type ecdsa --curve secp256r1 --outfile "$file.key"
	printf '%s\n' "cn = \"$name\"" "uri = \"$(conf_identity "$name")\"" \
		signing_key tls_www_server tls_www_client "${@:-expiration_days = 3650}" >"$file.tmpl"
	certtool --generate-certificate --load-privkey "$file.key" --load-ca-certificate "$by.pem" \
		--load-ca-privkey "$by.key" --template "$file.tmpl" --outfile "$file.pem"
}
ca ca
ca other-ca
for name in controller gw1 gw2 gw3 gw4 gw9; do leaf $name $name ca; done
leaf stranger gw1 other-ca
leaf expired gw1 ca 'activation_date = "2020-01-01 00:00:00"' 'expiration_date = "2020-02-01 00:00:00"'
rm -f ./*.tmpl
chmod 644 ./*.key
touch done
