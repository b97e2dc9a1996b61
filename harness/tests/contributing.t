#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# contributing.t BASE: a newcomer's clone, in which the commands of CONTRIBUTING.md are run
# as they stand there, and what has to come out of them. "make test" takes the sections
# that need minutes.
set -euo pipefail
# shellcheck source=harness/tests/lib.sh
. "$(dirname "$0")/lib.sh"

need_tree
use_base "$1"
clone=$top/build/newcomer
nested=$clone/build/$base/linux
# somebody with a name, and what was compiled here before
export GIT_AUTHOR_NAME=newcomer GIT_AUTHOR_EMAIL=newcomer@localhost \
	GIT_COMMITTER_NAME=newcomer GIT_COMMITTER_EMAIL=newcomer@localhost \
	MEMO=${MEMO:-$dir/memo} CCACHE_DIR=${CCACHE_DIR:-$top/build/ccache}
all=${ALL:-}
unset LOCKED BASE ALL TESTS ONLY SERIES VARIANT JOB APPEND FRESH

# commands SECTION: the shell commands of a section
commands()
{
	awk -v title="## $1" '
	/^## / { inside = ($0 == title) }
	/^```$/ { run = 0 }
	inside && run { print }
	/^```sh$/ { run = 1 }' "$clone/CONTRIBUTING.md"
}

run_section()
{
	commands "$1" >"$scratch/commands"
	[ -s "$scratch/commands" ] || return 1
	# what has to fail does not end a script by itself
	sed -i 's/^! .*/& || exit 1/' "$scratch/commands"
	(cd "$clone" && bash -ex "$scratch/commands") >"$clone/build/log" 2>&1 || {
		tail -n 30 "$clone/build/log"
		return 1
	}
}

# The lines that the range-diff of the section shows as changed
two_lines_changed()
{
	diff - <(grep -E '^    [-+][-+]' "$clone/build/log") <<-'EOF' &&
	    -+ * The pages of a devmap
	    ++ * Where the pages of a devmap are
	    -+		pr_err("%s: vmemmap_shift %u is not for pgmap type %d\n",
	    ++		pr_err("%s: vmemmap_shift %u does not fit pgmap type %d\n",
	EOF
		[ "$(grep -cE '^ *[0-9]+: .* [!<>] ' "$clone/build/log")" -eq 1 ]
}

whole_file_follows()
{
	git -C "$nested" show HEAD:mm/devmap.h | cmp - "$clone/mm/devmap.h" && grep 'Where the pages' "$clone/mm/devmap.h"
}

# The guest on the broken tree, the last one
names_what_broke()
{
	sed -n '/^+ git .* revert /,$p' "$clone/build/log" |
		grep '^failed: static mem 1G: a page that is dumped is shown with its head$'
}

# The older base has its files where the others have theirs.
nothing_stray()
{
	[ -z "$(git -C "$clone" status --porcelain -- . ':!patches' ':!harness' ':!mm')" ]
}

# The mails of a series are those of the patches.
mails_made()
{
	[ -e "$clone/build/$base/post/1-fixes-v1/0001-device-dax-refuse-a-mapping-whose-file-offset-is-not.patch" ] &&
		grep -q '^base-commit: ' "$clone/build/$base/post/1-fixes-v1/0000-cover-letter.patch"
}

clone_here "$clone"
git -C "$clone" add -A
git -C "$clone" commit -q --allow-empty -m start
# What somebody who was here before has: the download
mkdir -p "$clone/build/$base"
cp -al "$dir"/{source.deb,version} "$clone/build/$base/"

try "CONTRIBUTING: Change a patch" run_section "Change a patch"
try "the range-diff shows two lines of one patch" two_lines_changed
try "the whole file at the top level follows" whole_file_follows
# what Debian has today may conflict, which is for a person to resolve
new_version()
{
	run_section "Debian has a new version" && return
	! grep 'or give up:' "$clone/build/log" || return 77
	return 1
}
try "CONTRIBUTING: Debian has a new version" new_version
try "CONTRIBUTING: Send a series" run_section "Send a series"
try "the mails of a series are there" mails_made
if [ -n "$all" ]; then
	try "CONTRIBUTING: Add a test" run_section "Add a test"
	try "a test that fails is named" names_what_broke
	try "CONTRIBUTING: Add a base" run_section "Add a base"
	try "a base more changes no file that all share" nothing_stray
fi
rm -rf "$clone"
end
