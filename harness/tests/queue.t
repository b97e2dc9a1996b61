#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# queue.t BASE: the queue, the tree and the top level agree, and the queue is what a
# user of git am or quilt takes it for.
set -euo pipefail
# shellcheck source=harness/tests/lib.sh
. "$(dirname "$0")/lib.sh"

need_tree
use_base "$1"
mapfile -t names < <(patches)

agree()
{
	"$harness/scripts/refresh" -n "$base"
}

series_lists_all()
{
	diff <(patches) <(cd "$queue" && ls -- */*.patch)
}

# One line of the same form in each patch says what mainline has of it; other lines of
# a message are no longer than a mail's.
mainline_named()
{
	local name bad=0
	for name in "${names[@]}"; do
		sed '1,/^$/d; /^---$/,$d; /^Fixes: /d; /^Mainline: /d' "$queue/$name" | awk -v name="$name" '
			length > 75 && !/^Signed-off-by: / && !/https?:/ { print name ": longer than 75 columns: " $0; bad = 1 } END { exit bad }' || bad=1
		git interpret-trailers --parse <(sed '1,/^$/d; /^---$/,$d' "$queue/$name") |
			grep -qE '^Mainline: (none$|[0-9a-f]{12} \(".*"\), v[0-9.]+, |(v[0-9.]+|20[0-9][0-9]), )' || {
			echo "$name has no line 'Mainline: none' or 'Mainline: ID (\"SUBJECT\"), VERSION, HOW'"
			bad=1
		}
	done
	return $bad
}

# A work tree of the bare base, without history that could help a patch apply
fresh()
{
	git -C "$tree" worktree remove -f -f "$dir/fresh" 2>/dev/null || rm -rf "$dir/fresh"
	git -C "$tree" worktree prune
	git -C "$tree" worktree add -q --detach "$dir/fresh" base
}

# As README says it
git_am()
{
	fresh
	(cd "$dir/fresh" && git am -q --no-3way "$queue"/*/*.patch) &&
		git -C "$dir/fresh" diff --quiet HEAD series && echo applies
}

quilt_push()
{
	local log
	fresh
	# somebody's settings for other projects
	HOME=$scratch
	echo 'QUILT_PATCHES=debian/patches' >"$scratch/.quiltrc"
	log=$(cd "$dir/fresh" && QUILT_PATCHES=$queue quilt --quiltrc - push -a --fuzz=0) || return 1
	printf '%s\n' "$log" >&2
	[ "$(cat "$dir/version")" != "$version" ] || ! grep -E '^Hunk .*[ (](offset|fuzz) ' <<<"$log" || return 1
	git -C "$dir/fresh" add -Af . ':!.pc'
	git -C "$dir/fresh" diff --cached --quiet series || return 1
	git -C "$dir/fresh" reset -q
	(cd "$dir/fresh" && QUILT_PATCHES=$queue quilt --quiltrc - pop -a) >&2 &&
		! git -C "$dir/fresh" status --porcelain --ignored | grep -v '\.pc/' && echo applies
}

maintained_files()
{
	local file missing=0
	while read -r file; do
		[ -n "$(git -C "$tree" ls-files -- "$file")" ] || {
			echo "$file is not there"
			missing=1
		}
	done < <(sed -n 's/^F:\t//p' "$top/MAINTAINERS")
	return $missing
}

# "make TARGETS=vm" builds them, and each option that they ask for is one of this kernel.
selftests_known()
{
	local folder symbol missing=0
	folder=$(cd "$tree" && echo tools/testing/selftests/[vm]m)
	for symbol in $(cd "$tree/$folder" && make -pnq 2>/dev/null | sed -n 's/^TEST_GEN_FILES [:+]*= //p' | tr ' ' '\n' | sort -u | grep -c 'gup_test$\|devdax_test$'); do
		[ "$symbol" -ge "$(git -C "$tree" ls-files -- "$folder/gup_test.c" "$folder/devdax_test.c" | wc -l)" ] || missing=1
	done
	while read -r symbol; do
		git -C "$tree" grep -q "^\(menu\)\?config $symbol\$" HEAD -- '*Kconfig*' || {
			echo "$folder/config: there is no CONFIG_$symbol"
			missing=1
		}
	done < <(sed -n 's/^CONFIG_\([A-Z0-9_]*\)=.*/\1/p' "$tree/$folder/config")
	return $missing
}

# What "make mutate" takes for granted: each mutant breaks a patch that there is, and
# fits the queue; each patch but those of tests has one, or harness/mutants/none says
# why not; the list of them is whole.
mutants_fit()
{
	local mutant subject subjects bad=0
	subjects=$(git -C "$tree" log --format=%s base..HEAD)
	export GIT_INDEX_FILE=$scratch/index
	git -C "$tree" read-tree HEAD
	for mutant in "$harness"/mutants/*.patch; do
		subject=$(sed -n '/^$/q; s/^patch: //p' "$mutant")
		grep -qxF "$subject" <<<"$subjects" &&
			sed '1,/^$/d' "$mutant" | git -C "$tree" apply --cached --check --unidiff-zero - || {
			echo "$(basename "$mutant") does not fit the queue"
			bad=1
		}
	done
	unset GIT_INDEX_FILE
	while read -r subject; do
		grep -qxF "patch: $subject" "$harness"/mutants/*.patch || {
			echo "no mutant of '$subject'"
			bad=1
		}
	done < <(grep -vE '^selftests/|add KUnit tests' <<<"$subjects" | grep -vxFf <(sed '/^#/d; s/\t.*//' "$harness/mutants/none"))
	while IFS=$'\t' read -r subject _; do
		grep -qxF "$subject" <<<"$subjects" && ! grep -qxF "patch: $subject" "$harness"/mutants/*.patch || {
			echo "harness/mutants/none: '$subject' is no patch, or has a mutant"
			bad=1
		}
	done < <(sed '/^#/d' "$harness/mutants/none")
	diff <(find "$harness/mutants" -name '*.patch' -printf '%f\n' | sed 's/\.patch$//' | sort) <(sed 1d "$top/results/$base/mutants.tsv" | cut -f 1 | sort) ||
		bad=1
	return $bad
}

# The mails of a series come from git, with our words, and go nowhere.
mails()
{
	local last out
	last=$(cd "$queue" && printf '%s\n' */ | tail -n 1)
	"$harness/scripts/post" "$base" "${last%/}" "$scratch/post" || return 1
	out=$(echo "$scratch/post/${last%/}"-v*)
	grep -q "^Subject: \[PATCH.* 0/$(find "$queue/$last" -name '*.patch' | wc -l)\] $(sed -n '1s/^Subject: //p' "$queue/$last/cover-letter.txt")" \
		"$out"/*0000-cover-letter.patch && ! grep -E '\*\*\*|^\[(figures|end of)' "$out"/*0000-cover-letter.patch &&
		[ "$(find "$out" -name '*.patch' | wc -l)" -eq $(($(find "$queue/$last" -name '*.patch' | wc -l) + 1)) ] &&
		grep -q '^base-commit: ' "$out"/*0000-cover-letter.patch
}

try "queue, tree and top level agree" agree
try "series lists every patch" series_lists_all
try "each patch says what mainline has of it" mainline_named
if git -C "$tree" diff --quiet base HEAD -- MAINTAINERS; then
	skip "MAINTAINERS: its files are there" "the queue has no entry"
else
	try "MAINTAINERS: its files are there" maintained_files
fi
try "selftests: the kernel's rules and config know them" selftests_known
if [ -e "$top/results/$base/mutants.tsv" ]; then
	try "mutants: each fits the queue, each patch has one" mutants_fit
else
	skip "mutants: each fits the queue, each patch has one" "they are made for another base"
fi
key="$(git -C "$tree" rev-parse base) $(queue_says)"
try "git am" memo git-am "$key $(declare -f git_am)" git_am
try "quilt push -a, pop -a" memo quilt "$key $(declare -f quilt_push)" quilt_push
git -C "$tree" worktree remove -f -f "$dir/fresh" 2>/dev/null || true
try "post: the mails of a series" mails
end
