#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# static.t BASE: what kernel developers' tools say of the queue, less what
# harness/config/waivers lists. What was looked at is kept by content.
set -euo pipefail
# shellcheck source=harness/tests/lib.sh
. "$(dirname "$0")/lib.sh"

need_tree
use_base "$1"
# shellcheck source=harness/tests/prefix.sh
. "$harness/tests/prefix.sh"


# unexcused TOOL: findings, a line each, that harness/config/waivers does not list. What
# it lists and nobody finds any more is noted for excuses_used.
: >"$scratch/used"
unexcused()
{
	awk -F '\t' -v tool="$1" -v used="$scratch/used" '
	FNR == NR { if (!/^#/ && $1 == tool) excuse[$2] = 1; next }
	{
		for (e in excuse)
			if ($0 ~ "^" e "$") {
				print tool "\t" e >>used
				next
			}
		print
		bad = 1
	}
	END { exit bad }' "$harness/config/waivers" -
}


excuses_used()
{
	! grep -v '^#' "$harness/config/waivers" | cut -f 1,2 | grep -vxFf "$scratch/used" ||
		return 1
}

# new_findings TOOL: as unexcused, of what the series has and the base has not
new_findings()
{
	"$1" 0 >"$scratch/$1.base" || return 1
	"$1" "$count" >"$scratch/$1.series" || return 1
	echo 'nothing at all' >>"$scratch/$1.base"
	{ grep -vxFf "$scratch/$1.base" "$scratch/$1.series" || true; } | sort -u | unexcused "$1"
}

run_sparse()
{
	local file objects=()
	for file in $(touched_c "$1") mm/gup_benchmark.c; do
		git -C "$tree" cat-file -e "${commits[$1]}:$file" 2>/dev/null || continue
		case $file in
		# built as a part of each architecture's own
		virt/kvm/*) objects+=(arch/x86/kvm/) ;;
		# included at the end of another
		drivers/dax/*_test.c) ;;
		*) objects+=("${file%.c}.o") ;;
		esac
	done
	build_prefix "$1" "${targets[@]}" >&2 || return 1
	build_prefix "$1" C=2 CHECK=sparse "${objects[@]}" >"$scratch/sparse.out" 2>&1 || {
		tail -n 5 "$scratch/sparse.out" >&2
		return 1
	}
	# it has something to say of any kernel; if not, it was not run
	grep -E '(warning|error):' "$scratch/sparse.out" | plain
}

sparse()
{
	memo sparse "$(tree_of "$1") $build_inputs $(command sparse --version) ${touched[*]} $(declare -f run_sparse)" run_sparse "$1"
}

# Every semantic patch of the kernel that reports, over a folder. Not by way of
# "make coccicheck", which stops at one that needs a compiler for OCaml and takes
# a second for each. Without --use-coccigrep files outside of git are passed over.
run_coccicheck()
{
	local cocci
	for cocci in "$tree"/scripts/coccinelle/*/*.cocci; do
		! grep -q script:ocaml "$cocci" || continue
		(cd "$tree" && MODE=report COCCI=$cocci KBUILD_EXTMOD=$1 SPFLAGS=--use-coccigrep \
			srctree=$tree LINUXINCLUDE="-I$tree/include -I$tree/arch/x86/include" \
			J=${JOBS:-$(nproc)} bash scripts/coccicheck) >"$scratch/coccicheck.out" 2>&1 || {
			tail -n 5 "$scratch/coccicheck.out" >&2
			return 1
		}
		sed -n "s|^$1/||p" "$scratch/coccicheck.out"
	done | sed -E 's/:[0-9]+(:[0-9]+)?(-[0-9]+)?:/:/; s/ on line [0-9]+$//' | sort -u
}

# Semantic patches look at one file at a time, and so does what is kept.
coccicheck()
{
	local file files=$scratch/files result=$scratch/coccicheck.result
	local keep=${MEMO:-$dir/memo}
	local -A kept
	mkdir -p "$keep"
	rm -rf "$files"
	mkdir "$files"
	: >"$result"
	while read -r file; do
		kept[$file]=$keep/coccicheck-$(git -C "$tree" rev-parse "${commits[$1]}:$file" "$base_commit" |
			cat - <(spatch --version; declare -f run_coccicheck) | sha256sum | cut -c 1-32)
		[ -z "${FRESH:-}" ] && [ -e "${kept[$file]}" ] || git -C "$tree" archive "${commits[$1]}" -- "$file" | tar -x -C "$files"
	done < <(touched_of "$1" | grep '\.[ch]$')
	if [ -n "$(ls -A "$files")" ]; then
		# found, or nothing was looked for
		echo 'void f(void *p) { if (p) kfree(p); }' >"$files/canary.c"
		run_coccicheck "$files" >"$result" && grep -q '^canary.c:' "$result" || return 1
	fi
	for file in "${!kept[@]}"; do
		[ -z "${FRESH:-}" ] && [ -e "${kept[$file]}" ] || grep -F "$file:" "$result" >"${kept[$file]}" || true
		cat "${kept[$file]}"
	done
}

content_of()
{
	touched_of "$1" | xargs git -C "$tree" ls-tree "${commits[$1]}" --
}

run_kernel_doc()
{
	local files=$scratch/kernel-doc
	rm -rf "$files"
	mkdir "$files"
	touched_of "$1" | grep '\.[ch]$' |
		xargs git -C "$tree" archive "${commits[$1]}" -- | tar -x -C "$files"
	printf '/**\n * f - nothing\n */\nint f(int undescribed) { return 0; }\n' >"$files/canary.c"
	(cd "$files" && find . -name '*.[ch]' -printf '%P\n' |
		xargs "$tree/scripts/kernel-doc" -none 2>&1) | sed -E 's/:[0-9]+:/:/' | sort -u >"$scratch/doc"
	# found, or nothing was looked for
	grep -q '^canary.c:' "$scratch/doc" && sed '/^canary.c:/d' "$scratch/doc"
}

kernel_doc()
{
	memo kernel-doc "$(content_of "$1") $base_commit $(declare -f run_kernel_doc)" run_kernel_doc "$1"
}

# What the series exports to modules, or offers in a header that it adds.
kernel_doc_is_there()
{
	local name file missing=0
	while read -r file name; do
		"$tree/scripts/kernel-doc" -rst -function "$name" "$tree/$file" 2>/dev/null | grep . >/dev/null || {
			echo "$file: $name has no kernel-doc"
			missing=1
		}
	done < <(
		git -C "$tree" diff -U0 base HEAD | awk '
			/^\+\+\+ b\// { file = substr($2, 3) }
			match($0, /^\+EXPORT_SYMBOL(_GPL)?\([a-z_0-9]+/) {
				sub(/.*\(/, ""); sub(/\).*/, ""); print file, $0 }'
		for file in $(git -C "$tree" diff --name-only --diff-filter=A base HEAD -- '*.h'); do
			sed -nE "s|^static inline .*[ *]([a-z_0-9]+)\\(.*|$file \\1|p;
				s|^#define ([a-z_0-9]+)\\(.*|$file \\1|p" "$tree/$file"
		done
	)
	return $missing
}

run_checkpatch()
{
	# it ends with 1 if it found something, and with more if it could not look
	local rc=0
	(cd "$tree" && ./scripts/checkpatch.pl --strict --terse --showfile --show-types --no-summary \
		--codespell --max-line-length=100 "$1") >"$scratch/checkpatch" || rc=$?
	[ $rc -le 1 ] && sed -E "s|^$1||; s/^([^:]*):[0-9]+: /\\1: /; s/^:[0-9]*: //" "$scratch/checkpatch" | sort -u
}

checkpatch()
{
	memo checkpatch "$(sha256sum <"$1") $base_commit $(codespell --version) $(declare -f run_checkpatch)" run_checkpatch "$1" |
		unexcused checkpatch
}

checkpatch_looks()
{
	sed 's/^+\t\(.*\)/+\t\1 /' "$queue/${names[0]}" >"$scratch/canary.patch"
	run_checkpatch "$scratch/canary.patch" | grep TRAILING_WHITESPACE
}

# The patch that proves that nobody reads a page's devmap by itself has to find those
# who do on the base.
readers()
{
	rm -rf "$scratch/readers"
	mkdir "$scratch/readers"
	git -C "$tree" grep -lw pgmap "${commits[$1]}" -- '*.[ch]' | sed 's/^[^:]*://' |
		xargs git -C "$tree" archive "${commits[$1]}" -- | tar -x -C "$scratch/readers"
	(cd "$scratch/readers" && find . -name '*.[ch]' -print0 | xargs -0 \
		spatch -D report --very-quiet --no-show-diff --no-includes --include-headers \
		--cocci-file "$harness/tests/pgmap.cocci")
}

nobody_reads_raw_pgmap()
{
	readers "$count" >"$scratch/raw" || return 1
	cat "$scratch/raw"
	[ ! -s "$scratch/raw" ] || return 1
	readers 0 >"$scratch/raw" || return 1
	[ -s "$scratch/raw" ] || {
		echo "harness/tests/pgmap.cocci does not find the readers of the base either"
		return 1
	}
}

sparse_finds()
{
	sparse 0 >/dev/null || die "sparse does not work on the bare base"
	new_findings sparse
}
# may KEY NAME COMMAND...: a test, unless the base goes without KEY
may()
{
	case " $(field "$described" without) " in
	*" $1 "*) skip "$2" "not brought to $package yet" ;;
	*) try "${@:2}" ;;
	esac
}
say "static: sparse and coccicheck"
may sparse "sparse" sparse_finds
may coccicheck "coccicheck" new_findings coccicheck
may pgmap "nobody reads a page's devmap but page_pgmap()" nobody_reads_raw_pgmap
may kernel-doc "kernel-doc: no new warning" new_findings kernel_doc
may kernel-doc "kernel-doc: on all that is public" kernel_doc_is_there
try "checkpatch finds what is put there to be found" checkpatch_looks
for name in "${names[@]}"; do
	try "checkpatch: $name" checkpatch "$queue/$name"
done
[ -n "${ONLY:-}" ] || may waivers "waivers: each is still needed" excuses_used
end
