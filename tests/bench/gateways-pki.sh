#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# gateways-pki.sh DIR N: keys for a controller and gw1 … gwN, made once.
set -euo pipefail
tool=$(cd "$(dirname "$0")/../.." && pwd)/tools/natctl/natctl-pki
[ "$(cat "$1/done" 2>/dev/null)" != "$2" ] || exit 0
rm -rf "$1"
mkdir -p "$1"
cd "$1"
mapfile -t names < <(seq -f 'gw%.0f' "$2")
{
	"$tool" init "$PWD" domain roamnat.example
	"$tool" controller 127.0.0.1 dir "$PWD" days 3650
	"$tool" gateway "${names[@]}" dir "$PWD" days 3650
} >log 2>&1 || { cat log >&2; exit 1; }
echo "$2" >done
