#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Nothing below knows what is above it. The rules are in the README.md of each
# folder, and this script only compares them with the #include lines:
#   deps: a b            (daemon/*, tools/*) the folders that this one may use
#   layers: a > b c > d  (kmod) its files, from top to bottom; a file may use
#                        those beside and below it. The last layer is pure: it
#                        is used by all and uses no other
#   root: a              (kmod) the header with the struct from which everything
#                        hangs, for all but the last layer
#   up: b>a              (kmod) calls upwards that there are, each one named
#   loaded: a>b          (kmod) a selftest that needs more than pure files
# And SQL is spoken by the one engine of the store only.
set -eu
cd "$(dirname "$0")/../.."
rc=0
fail() {
	echo "check-layers: $*" >&2
	rc=1
}
rule() { # FOLDER KEY
	sed -n "s/^$2: *//p" "$1/README.md" 2>/dev/null | head -n 1
}
includes() { # FILE: what it includes in quotes
	sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$1"
}
has() { # WORD LIST
	case " $2 " in *" $1 "*) return 0 ;; esac
	return 1
}

check_folder() { # FOLDER
	own=$(basename "$1")
	if ! grep -q '^deps:' "$1/README.md" 2>/dev/null; then
		fail "$1/README.md: wants a line 'deps: ...' that names the folders it may use"
		return
	fi
	deps=$(rule "$1" deps)
	for dep in $deps; do
		[ -d "daemon/$dep" ] || fail "$1/README.md: deps: there is no daemon/$dep"
		echo "$dep $own" >>"$pairs"
	done
	for file in "$1"/*.[ch]; do
		[ -e "$file" ] || continue
		for inc in $(includes "$file"); do
			case $inc in
			../*) fail "$file: \"$inc\": name it from daemon/ on" ;;
			*/*)	has "${inc%%/*}" "$own $deps" ||
					fail "$file: \"$inc\": $own may use: ${deps:-nothing}" ;;
			esac
		done
	done
}

check_kmod() {
	layers=$(rule kmod layers)
	root=$(rule kmod root)
	up=$(rule kmod up)
	[ -n "$layers" ] || { fail "kmod/README.md: wants a line 'layers: ...'"; return; }
	pure=${layers##*> }
	for file in kmod/*.[ch]; do
		own=$(basename "${file%.[ch]}")
		has "$own" "$layers" || { fail "$file: is in no layer of kmod/README.md"; continue; }
		# What is left of the name, up to the last '>', is above it.
		above=$(printf ' %s ' "$layers" | sed "s/ $own .*//; s/>[^>]*\$//; t; s/.*//")
		for inc in $(includes "$file"); do
			to=${inc%.h}
			case $inc in
			selftest/selftest.h) [ "$own" = main ] && continue ;;
			compat/*.h) continue ;;
			esac
			case $inc in
			*/*) fail "$file: \"$inc\": kmod uses no other folder"; continue ;;
			esac
			[ "$to" = "$own" ] || has "$own>$to" "$up" && continue
			[ "$to" = "$root" ] && ! has "$own" "$pure" && continue
			has "$to" "$layers" || fail "$file: \"$inc\": is in no layer"
			! has "$to" "$above" || fail "$file: \"$inc\": is above $own"
		done
	done
	for pair in $up; do
		grep -q "^#include \"${pair#*>}.h\"" "kmod/${pair%>*}".[ch] 2>/dev/null ||
			fail "kmod/README.md: up: $pair is not used any more"
	done
	loaded=$(rule kmod loaded)
	for file in kmod/selftest/*.[ch]; do
		for inc in $(includes "$file"); do
			case $inc in
			../*)	to=${inc#../}
				has "${to%.h}" "$pure" || has "$(basename "$file" .c)>${to%.h}" "$loaded" ||
					fail "$file: \"$inc\": only pure files are tested at load, or those of a line loaded: in kmod/README.md" ;;
			esac
		done
	done
}

# A machine changes its state in one function, which sees to all that goes with it.
# Beside it only whoever loads a record from the store writes one.
check_states() {
	for machine in gateway controller; do
		n=$(cat daemon/own/$machine*.c | grep -cE '(->|\.)state = ')
		[ "$n" = 1 ] || fail "daemon/own/$machine*.c: state is written in $n places, not in enter_state only"
	done
	for file in daemon/agent/*.c daemon/controller/*.c; do
		[ "$file" = daemon/controller/records.c ] && continue
		! grep -nE 'own(\.|->)state = ' "$file" || fail "$file: writes the state of a machine"
	done
}

pairs=$(mktemp)
trap 'rm -f "$pairs"' EXIT
for folder in daemon/* tools/*; do
	ls "$folder"/*.[ch] >/dev/null 2>&1 && check_folder "$folder"
done
# A second engine of the store can only join where nobody else speaks SQL.
sql='sqlite3_|sqlite3\.h|"(SELECT|INSERT|UPDATE|DELETE|PRAGMA|CREATE|ALTER|VACUUM) '
for file in $(grep -lE "$sql" -r daemon tools --include='*.[ch]'); do
	case $file in
	daemon/controller/store-sqlite*.[ch]) ;;
	*) fail "$file: speaks SQL: only daemon/controller/store-sqlite*.c may" ;;
	esac
done
tsort "$pairs" >/dev/null || fail "the folders of daemon/ use each other in a circle"
check_kmod
check_states
[ $rc = 0 ] && echo "check-layers: pass"
exit $rc
