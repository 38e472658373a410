#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The kernel's checkpatch, strictly, over every C file that is not generated.
# It comes from linux-source-6.12 and is unpacked below build/.
#   style.sh [FILE ...]
set -eu
cd "$(dirname "$0")/../.."
tarball=${LINUX_SOURCE:-/usr/src/linux-source-6.12.tar.xz}
cache=build/checkpatch
if [ ! -e "$cache/done" ]; then
	[ -r "$tarball" ] || { echo "style: $tarball is missing: apt-get install linux-source-6.12" >&2; exit 1; }
	rm -rf "$cache" && mkdir -p "$cache/include"
	tar -xf "$tarball" -C "$cache" --strip-components=1 --wildcards \
		'*/scripts/checkpatch.pl' '*/scripts/spelling.txt' '*/scripts/const_structs.checkpatch'
	touch "$cache/done"
fi

# What we leave out, and why.
# FILE_PATH_CHANGES, COMMIT*: about patches, there is none here.
ignore=FILE_PATH_CHANGES,COMMIT_MESSAGE
# SPLIT_STRING, LONG_LINE_STRING contradict each other above 100 columns, and a
# message that says what to do is longer: broken at a sentence is fine.
ignore=$ignore,SPLIT_STRING,LONG_LINE_STRING
# EMBEDDED_FUNCTION_NAME takes any word for the function of that name.
ignore=$ignore,EMBEDDED_FUNCTION_NAME
# NETWORKING_BLOCK_COMMENT_STYLE, BLOCK_COMMENT_STYLE: both shapes of a
# comment's first line are in use in net/.
ignore=$ignore,NETWORKING_BLOCK_COMMENT_STYLE

# In user space besides:
# CAMELCASE, NEW_TYPEDEFS: GLib and protobuf-c name types so.
user=$ignore,CAMELCASE,NEW_TYPEDEFS
# PREFER_KERNEL_TYPES, PREFER_FALLTHROUGH, ARRAY_SIZE, STRCPY, STRLCPY,
# STRNCPY, PREFER_DEFINED_ATTRIBUTE_MACRO, KSTRTO, CONSIDER_KSTRTO, ENOSYS,
# MINMAX: there is no kernel to take the better ones from.
user=$user,PREFER_KERNEL_TYPES,PREFER_FALLTHROUGH,ARRAY_SIZE,STRCPY,STRLCPY,STRNCPY
user=$user,PREFER_DEFINED_ATTRIBUTE_MACRO,KSTRTO,CONSIDER_KSTRTO,ENOSYS,MINMAX
# COMPARISON_TO_NULL: a gboolean made of a pointer needs it.
user=$user,COMPARISON_TO_NULL
# COMPLEX_MACRO, MACRO_ARG_UNUSED: lists that are expanded more than once.
user=$user,COMPLEX_MACRO,MACRO_ARG_UNUSED
# BIT_MACRO: not in user space headers. AVOID_EXTERNS: no header declares the
# tables that Check and libFuzzer look for.
user=$user,BIT_MACRO,AVOID_EXTERNS
# MACRO_ARG_REUSE: ck_assert and GLib's own macros are called so.
user=$user,MACRO_ARG_REUSE
# MULTISTATEMENT_MACRO_USE_DO_WHILE, TRAILING_SEMICOLON: what a list expands to
# is a declaration for each of its lines.
user=$user,MULTISTATEMENT_MACRO_USE_DO_WHILE,TRAILING_SEMICOLON
# In tests besides:
# TRAILING_STATEMENTS: a table that is a switch has one case to a line.
# QUOTED_WHITESPACE_BEFORE_NEWLINE: such input is what is tested.
# VOLATILE: a function that SQLite wants from a disk has it.
tests=$user,TRAILING_STATEMENTS,QUOTED_WHITESPACE_BEFORE_NEWLINE,VOLATILE

# The tree may be somebody else's, as in a container of CI.
files() {
	git -c safe.directory="$(pwd -P)" ls-files -co --exclude-standard -- 'kmod/*.[ch]' 'daemon/*.[ch]' \
		'tools/*.[ch]' 'tests/*.[ch]'
}

[ -n "$(files)" ] || { echo "style: git lists no files; this needs a clone, not an archive" >&2; exit 1; }

# Types that checkpatch does not know, or it takes "(*f)" for a call. The longer
# names first, because it takes the first that fits.
# shellcheck disable=SC2046 # file names of ours have no spaces
grep -hoE '\b(G[A-Z][A-Za-z]+|g(boolean|char|int|uint|size|pointer|u?int(8|16|32|64))|[a-z0-9_]+_t|sqlite3(_[a-z]+)?|Rn[A-Z_][A-Za-z_]*|Roamnat__[A-Za-z0-9_]+|Suite|SRunner|TCase)\b' \
	$(files) | sort -ru >"$cache/typedefs"

# Macros of GLib and Check, and keywords, that are no C to a reader of lines:
# what they stand for. A "DECLARE" may follow a brace; a pragma is read as an
# operand of what comes next.
plain() {
	sed -e 's/\bg_autoptr(\([A-Za-z0-9_]*\)) */\1 */' -e 's/\bg_auto(\([A-Za-z0-9_]*\)) */\1 /' \
		-e 's/\bg_autofree //' -e 's/^G_DEFINE_[A-Z_]*(.*)$/extern int macro;/' \
		-e 's/^START_TEST(\(.*\))$/static void \1(int _i)/' -e 's/^END_TEST$/DECLARE_END();/' \
		-e 's/\b_Alignas([A-Za-z0-9_]*) *//' -e 's/^#pragma .*/;/'
}

# It counts bytes, and drawings have three in a column.
columns() {
	perl -CSD -pe 's/[^\x00-\x7f]/-/g'
}

rm -rf "$cache/src"
# shellcheck disable=SC2048
for file in ${*:-$(files)}; do
	[ -e "$file" ] || continue
	types=$user
	copy=$cache/src/$file
	case $file in
	*_gen.[ch] | *.pb-c.[ch]) continue ;;
	kmod/trace.h) continue ;; # the macros of tracepoints are a language of their own
	esac
	mkdir -p "$(dirname "$copy")"
	case $file in
	# The one place where versions are tested.
	kmod/compat/*) types=$ignore,LINUX_VERSION_CODE,CONSTANT_COMPARISON; cp "$file" "$copy" ;;
	kmod/*) types=$ignore; columns <"$file" >"$copy" ;;
	tests/*) types=$tests; plain <"$file" | columns >"$copy" ;;
	*) plain <"$file" | columns >"$copy" ;;
	esac
	printf '%s %s\n' "$types" "$copy"
done >"$cache/list"

rc=0
xargs -P 2 -L 1 timeout 60 perl "$cache/scripts/checkpatch.pl" --no-tree --root="$cache" \
	--strict --terse --show-types --no-summary --max-line-length=100 \
	--typedefsfile="$cache/typedefs" -f --ignore <"$cache/list" >"$cache/log" || rc=1
sed "s,^$cache/src/,," "$cache/log" | sort -t: -k1,1 -k2,2n
[ $rc = 0 ] && echo "style: pass"
exit $rc
