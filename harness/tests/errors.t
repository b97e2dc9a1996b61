#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# errors.t BASE: wrong input and a strange machine end in one sentence that says what to
# do, with nothing half done, and no command loses work. All of it is tried in a clone
# of this repository, on a base package of no more than the files that the queue
# touches. Tools that fail are stand-ins in front of PATH.
set -euo pipefail
# shellcheck source=harness/tests/lib.sh
. "$(dirname "$0")/lib.sh"

need_tree
use_base "$1"
real=$tree
clone=$scratch/clone
stand_ins=$scratch/bin
in_order=yes
unset ACCEL SIZE_MB BUILD_DIR BUILD_CONFIG BUILD_ARCH BUILD_CROSS LOCKED MEMO SERIES NVDIMM LIMIT
mkdir "$stand_ins"
clone_here "$clone"
there=$clone/build/$base
nested=$there/linux

# stand_in TOOL: its script comes from standard input
stand_in()
{
	{
		echo '#!/bin/sh'
		cat
	} >"$stand_ins/$1"
	chmod +x "$stand_ins/$1"
}
away()
{
	rm -f "${@/#/$stand_ins/}"
}
in_clone()
{
	(cd "$clone" && PATH=$stand_ins:$PATH "$@")
}

# refused PATTERN COMMAND...: fails, with one line like that and no more
refused()
{
	local rc=0 pattern=$1
	shift
	in_clone "$@" >"$scratch/out" 2>&1 || rc=$?
	cat "$scratch/out"
	grep -vE '^\[ *[0-9]+:[0-9]+\]' "$scratch/out" >"$scratch/lines" || true
	[ $rc -ne 0 ] || {
		echo "it did not fail"
		return 1
	}
	[ "$(wc -l <"$scratch/lines")" -eq 1 ] && grep -qE "$pattern" "$scratch/lines" || {
		echo "not one line like '$pattern'"
		return 1
	}
}

# state: all that a command could have left half done, in the clone and in its tree
state()
{
	git -C "$clone" status --porcelain
	git -C "$clone" diff | sha256sum
	[ ! -e "$nested/.git" ] || {
		git -C "$nested" for-each-ref
		git -C "$nested" status --porcelain -uno
		git -C "$nested" worktree list | wc -l
	}
	ls "$there"
}
intact()
{
	local before
	before=$(state)
	"$@" || return 1
	diff <(echo "$before") <(state)
}

#
# What was asked for
#

for script in fetch tree refresh rebase image; do
	try "unknown BASE: $script" refused "there is no base '9.9'; there is: $base" harness/scripts/$script 9.9
done
try "unknown BASE: kernel" refused "there is no base '9.9'" harness/scripts/kernel 9.9 series
try "unknown BASE: boot" refused "there is no base '9.9'" harness/scripts/boot 9.9 series smoke
for goal in clean demo test tree jobs; do
	try "unknown BASE: make $goal" refused "there is no base '\.\.'; there is: $base" make -s $goal BASE=..
done
for wrong in "../patches/$base" "*" "5.1?" "%" "$base $base" 9.9; do
	try "unknown BASE: make clean BASE='$wrong'" refused "there is no base .*; there is: $base" make -s clean "BASE=$wrong"
done
cleaned()
{
	mkdir -p "$nested" "$there/series" "$there/post" "$clone/build/6.1/linux" "$clone/build/6.1/0"
	touch "$there/source.deb" "$clone/build/other"
	in_clone make -s clean "BASE=$1" && [ ! -e "$there/series" ] && [ ! -e "$clone/build/6.1/0" ] && [ -d "$nested" ] &&
		[ -d "$there/post" ] && [ -e "$there/source.deb" ] && [ -d "$clone/build/6.1/linux" ] && [ -e "$clone/build/other" ] &&
		[ -d "$clone/patches/$base" ]
}
for empty in "$base" "" " " "$base "; do
	try "make clean BASE='$empty' keeps tree, download and mails" cleaned "$empty"
done
rm -rf "$clone/build"

boots()
{
	refused "$2" env "$1" harness/scripts/boot "$base" series smoke
}
try "unknown ACCEL" boots ACCEL=hvf "ACCEL is 'hvf'; it can be tcg or kvm"
for size in 0 8g 9000 4096 99999999999999999999; do
	try "unknown SIZE_MB: $size" boots SIZE_MB=$size "SIZE_MB is '$size'; it takes a multiple of 1024 from 8192"
done
try "unknown JOB" refused "there is no job 'fast'; there is: .*smoke" harness/scripts/boot "$base" series fast
try "unknown mutant" refused "there is no mutant 'fast' in harness/mutants" harness/scripts/mutate "$base" fast
try "unknown VARIANT" refused "there is no variant 'fast'; there is base, series, kunit, debug" \
	env LOCKED="$dir" "$harness/scripts/kernel" "$base" fast
try "unknown test" refused "there is no test 'fast'; there is: .*judge" env LOCKED= harness/tests/run "$base" check fast

#
# The machine
#

stand_in qemu-system-x86_64 <<<'exit 127'
try "QEMU is missing" refused "there is no qemu-system-x86_64; run 'make deps'" harness/scripts/boot "$base" series smoke
stand_in qemu-system-x86_64 <<<'echo "QEMU emulator version 5.2.0 (Debian 1:5.2+dfsg-11)"'
try "QEMU is too old" refused "QEMU is 5.2.0; it takes 7.2 or newer" harness/scripts/boot "$base" series smoke
away qemu-system-x86_64
blank_in_path()
{
	clone_here "$scratch/my clone"
	(cd "$scratch/my clone" && make -s demo) >"$scratch/out" 2>&1 && return 1
	cat "$scratch/out"
	grep -q "kbuild takes no folder with a blank" "$scratch/out" && [ ! -e "$scratch/my clone/build/$base/apt" ]
}
try "a folder with a blank in its name is refused before anything is downloaded" blank_in_path
locked()
{
	mkdir -p "$there"
	(
		exec 8>"$there/lock"
		flock 8
		refused "another command works in build/$base; wait until it ends" harness/scripts/refresh "$base"
	)
}
try "two commands do not work on one base at once" locked
try "no tree yet" refused "there is no tree at .*; run 'make tree' first" harness/scripts/refresh "$base"
deleted_stays_deleted()
{
	local other=$scratch/other
	git clone -q "$clone" "$other" && rm "$other/COPYING" && echo more >>"$other/README.md" && echo new >"$other/new" &&
		(top=$other && clone_here "$scratch/copy") &&
		[ ! -e "$scratch/copy/COPYING" ] && [ -e "$scratch/copy/new" ] && tail -n 1 "$scratch/copy/README.md" | grep -x more
}
try "a test's clone has no file that was removed here" deleted_stays_deleted

#
# Mirrors: apt as it is without network, and as the mirrors move on
#

# make_package VERSION [COMMAND]: a small package, whose files COMMAND may change
make_package()
{
	local root=$scratch/package
	rm -rf "$root"
	mkdir -p "$root"/{deb/DEBIAN,deb/usr/src,linux}
	{
		git -C "$real" diff --name-only --no-renames --diff-filter=a base HEAD
		# how a diff names functions, and a version
		printf '%s\n' .gitattributes Makefile
	} | xargs git -C "$real" archive base -- | tar -x -C "$root/linux"
	[ $# -eq 1 ] || (cd "$root/linux" && eval "$2")
	tar -C "$root" --sort=name --mtime=@0 -cJf "$root/deb/usr/src/linux-source-5.10.tar.xz" linux
	printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: nobody\nDescription: none\n' \
		"$package" "$1" >"$root/deb/DEBIAN/control"
	SOURCE_DATE_EPOCH=0 dpkg-deb -Znone --root-owner-group -b "$root/deb" "$scratch/mirror.deb" >/dev/null
	echo "$1" >"$scratch/mirror.version"
}
verified()
{
	sed -i "s/^version=.*/version=$1/; s/^sha256=.*/sha256=$(sha256sum <"$scratch/mirror.deb" | cut -d ' ' -f 1)/" \
		"$clone/patches/$base/base"
}
stand_in apt-get <<EOF
case "\$*" in
*indextargets*) [ -e $scratch/no-mirror ] || echo 'http://mirror.invalid bookworm
http://mirror.invalid bookworm-security' ;;
*update*) [ ! -e $scratch/no-answer ] ;;
*download*) [ ! -e $scratch/no-download ] && cp $scratch/mirror.deb package.deb ;;
esac
EOF
stand_in apt-cache <<EOF
[ -e $scratch/no-package ] || echo "$package | \$(cat $scratch/mirror.version) | http://mirror.invalid"
EOF
make_package 5.10.1-1
verified 5.10.1-1
git -C "$clone" add -A
git -C "$clone" -c user.name=tester -c user.email=tester@localhost commit -q -m start
# without KIND PATTERN: what is said if this is not to be had
without()
{
	touch "$scratch/$1"
	refused "$2" harness/scripts/fetch "$base" && [ ! -e "$there/source.deb" ] && [ ! -e "$there/version" ] || return 1
	rm "$scratch/$1"
}
try "no mirror: apt knows none" without no-mirror "apt knows no Debian mirror yet; run 'apt-get update'"
try "no mirror: none has the base" without no-package "no longer offer $package in .*debsnap .* or take another BASE"
try "no mirror: the download breaks off" without no-download "the download of $package 5.10.1-1 failed; try again"
no_answer()
{
	touch "$scratch/no-package"
	without no-answer "a mirror did not answer for .*; look at the network" || return 1
	rm "$scratch/no-package"
}
try "no mirror: none answers" no_answer
base_gone()
{
	touch "$scratch/no-package"
	in_clone harness/tests/run "$base" check queue >"$scratch/out" 2>&1 && return 1
	cat "$scratch/out"
	tail -n 1 "$scratch/out" | grep -x "0 passed, 0 failed, 1 skipped" && grep "skipped: the mirrors do not offer" "$scratch/out"
}
try "no mirror has the base: the tests of it are skipped, with the reason" base_gone
rm -f "$scratch"/no-*
other_content()
{
	sed -i 's/^sha256=./sha256=x/' "$clone/patches/$base/base"
	refused "what the mirror has .* is not what patches/$base/base says \(sha256\)" harness/scripts/fetch "$base" || return 1
	[ ! -e "$there/source.deb" ] && git -C "$clone" checkout -q patches
}
try "the base has other content than its sha256 says" other_content
fetches()
{
	in_clone harness/scripts/fetch "$base" >"$scratch/out" 2>&1 || return 1
	cat "$scratch/out"
	[ "$(cat "$there/version")" = "$1" ] && [ -e "$there/source.deb" ]
}
newer_base()
{
	echo 5.10.999-1 >"$scratch/mirror.version"
	fetches 5.10.999-1 && grep -q "NOTE: $package is 5.10.999-1 today; .* verified on 5.10.1-1" "$scratch/out" || return 1
	rm "$there"/{source.deb,version}
	echo 5.10.1-1 >"$scratch/mirror.version"
}
verified_base()
{
	fetches 5.10.1-1 && ! grep NOTE "$scratch/out"
}
older_only()
{
	rm "$there"/{source.deb,version}
	echo 5.10.0-1 >"$scratch/mirror.version"
	refused "the mirrors no longer offer $package" harness/scripts/fetch "$base" && [ ! -e "$there/source.deb" ] || return 1
	echo 5.10.1-1 >"$scratch/mirror.version"
	verified_base
}
by_hand()
{
	touch "$scratch/no-package"
	rm "$there/version"
	fetches 5.10.1-1 || return 1
	rm "$scratch/no-package"
}
try "a newer base is taken, and said aloud" newer_base
try "the verified base is fetched without a word" verified_base
try "an older base is not taken" older_only
try "a base that was put there by hand is taken for what it is" by_hand

#
# The tree
#

# As on a fresh machine: no home, no identity
fresh_tree()
{
	in_clone env -i PATH="$stand_ins:$PATH" HOME=/nonexistent harness/scripts/tree "$base" &&
		diff <(git -C "$nested" log --format=%s base..series) <(git -C "$real" log --format=%s base..HEAD)
}
# The whole script, and no other of its name, is killed when it calls git like this, and
# its locks stay.
killed_in_between()
{
	rm -rf "$nested" "$there"/{unpack*,am}
	stand_in git <<-EOF
		case "\$*" in
		$1)
			touch "\${GIT_INDEX_FILE:-$scratch/no}.lock"
			pid=\$\$ above=
			while [ "\$pid" -gt 1 ]; do
				case "\$(ps -o args= -p "\$pid")" in
				"bash harness/scripts/tree $base") above="\$above \$pid" ;;
				esac
				pid=\$(ps -o ppid= -p "\$pid" | tr -d ' ')
			done
			kill -9 \$above
			exit 1
			;;
		esac
		exec $(command -v git) "\$@"
	EOF
	! in_clone bash harness/scripts/tree "$base" || return 1
	away git
	fresh_tree
}
no_room()
{
	stand_in df <<<'echo; echo "disk 9 9 4095"'
	refused "only 4095 MiB free in .*; the tree needs 4096" harness/scripts/tree "$base" &&
		! git -C "$nested" rev-parse -q --verify HEAD || return 1
	away df
}
try "tree: a full disk" no_room
try "tree: on a machine without home and identity" fresh_tree
# the names of its commits are in the cover letters
in_clone harness/scripts/refresh "$base" >/dev/null 2>&1
git -C "$clone" -c user.name=tester -c user.email=tester@localhost commit -qam "another base"
try "tree: killed while it commits the base, and run again" killed_in_between '*commit-tree*'
try "tree: killed while it applies, and run again" killed_in_between '*"/am am "*'
try "tree: killed before it remembers, and run again" killed_in_between '*" tag -f queue "*'
try "tree: a tree that is there stays" intact in_clone harness/scripts/tree "$base"
some=$(patches | grep /0003- | head -n 1)
broken_queue()
{
	sed -i 's/^ \t/ \tnot in this file /' "$clone/patches/$base/$some"
	intact refused "the queue does not apply to $package 5.10.1-1: '.*', [^ ]*:[0-9]+" harness/scripts/tree "$base" || return 1
	git -C "$clone" checkout -q patches
	in_clone harness/scripts/tree "$base"
}
shorter_queue()
{
	sed -i '$d' "$clone/patches/$base/series"
	in_clone harness/scripts/tree "$base" &&
		[ "$(git -C "$nested" rev-list --count base..series)" -eq $(($(patches | wc -l) - 1)) ]
}
unexported()
{
	git -C "$nested" -c user.name=a -c user.email=a@localhost commit -q --allow-empty -m work
	git -C "$clone" checkout -q patches
	intact refused "patches/$base changed, and .* has commits that were never exported. Save it" \
		harness/scripts/tree "$base" || return 1
	git -C "$nested" branch work
	git -C "$nested" reset -q --hard queue
	in_clone harness/scripts/tree "$base" && git -C "$nested" log -1 --format=%s work | grep -x work
}
uncommitted()
{
	sed -i '$d' "$clone/patches/$base/series"
	echo >>"$nested/mm/gup.c"
	intact refused "patches/$base changed, and .* has changes in no commit. Save it" harness/scripts/tree "$base" || return 1
	git -C "$nested" checkout -q .
	git -C "$clone" checkout -q patches
}
try "tree: the queue breaks; the tree keeps the one before" broken_queue
try "tree: the queue gets shorter; the tree follows" shorter_queue
try "tree: the queue changes under commits, which stay" unexported
detached()
{
	sed -i '$d' "$clone/patches/$base/series"
	git -C "$nested" checkout -q --detach
	intact refused "patches/$base changed, and .* is not on its branch, or a rebase is under way. Save it" \
		harness/scripts/tree "$base" || return 1
	git -C "$nested" checkout -q series
	git -C "$clone" checkout -q patches
}
try "tree: the queue changes under changes, which stay" uncommitted
try "tree: the queue changes under a detached HEAD, which stays" detached

#
# Work in the tree
#

git -C "$nested" config user.name tester
git -C "$nested" config user.email tester@localhost
refresh()
{
	in_clone harness/scripts/refresh "$@" "$base"
}
nothing_to_do()
{
	intact refresh -n && intact refresh
}
fixup()
{
	sed -i "s/$1/$2/" "$nested/mm/devmap.h"
	git -C "$nested" commit -qa --fixup "$(git -C "$nested" log --format=%H --diff-filter=A base.. -- mm/devmap.h)"
}
folded()
{
	fixup '^\/\*$' '\/* Folded.'
	! refresh -n && refresh && refresh -n && grep -q 'Folded' "$clone/mm/devmap.h" &&
		git -C "$nested" show HEAD:mm/devmap.h | cmp - "$clone/mm/devmap.h" &&
		[ "$(git -C "$nested" rev-list --count base..)" -eq "$(patches | wc -l)" ]
}
top_level()
{
	fixup Folded 'Folded again'
	echo '/* here */' >>"$clone/mm/devmap.h"
	intact refused "mm/devmap.h differs from $nested, and was not written by refresh" harness/scripts/refresh "$base" || return 1
	git -C "$clone" checkout -q .
	git -C "$nested" reset -q --hard queue
	in_clone harness/scripts/tree "$base"
}
misfit()
{
	echo '/* the end */' >>"$nested/mm/devmap.h"
	git -C "$nested" commit -qa --fixup "$(git -C "$nested" rev-list --reverse base.. | head -n 1)"
	intact refused "a fixup does not fit the patch that it mends; rebase .* by hand" harness/scripts/refresh "$base" || return 1
	git -C "$nested" reset -q --hard queue
}
breaks_off()
{
	git -C "$nested" commit -q --amend -m "mm: a name of its own" -m "A body." -m "Mainline: none"
	stand_in mv <<-EOF
		case "\$*" in */series*) exit 1 ;; esac
		exec $(command -v mv) "\$@"
	EOF
	! refresh || return 1
	away mv
	in_clone harness/scripts/tree "$base" && ! refresh -n && refresh && refresh -n &&
		grep 'mm-a-name-of-its-own.patch$' "$clone/patches/$base/series" &&
		diff <(cd "$clone/patches/$base" && ls -- */*.patch) <(grep patch "$clone/patches/$base/series")
}
between_series()
{
	local first commit
	git -C "$clone" checkout -q . && git -C "$clone" clean -qfd patches && in_clone harness/scripts/tree "$base" || return 1
	first=$(patches | grep -c "^$(patches | head -n 1 | cut -d / -f 1)/")
	commit=$(git -C "$nested" rev-list --reverse base.. | sed -n "${first}p")
	git -C "$nested" checkout -q "$commit" && git -C "$nested" commit -q --allow-empty -m "mm: new" -m "Mainline: none" &&
		git -C "$nested" cherry-pick --allow-empty "$commit..series" >/dev/null && git -C "$nested" checkout -q -B series || return 1
	refused "'mm: new' is new between two series; say SERIES=NAME" harness/scripts/refresh "$base" || return 1
	git -C "$nested" reset -q --hard queue
}
reworded()
{
	local first
	first=$(patches | grep -n "^2" | head -n 1 | cut -d : -f 1)
	GIT_SEQUENCE_EDITOR="sed -i ${first}s/^pick/reword/" GIT_EDITOR="sed -i '1s/.*/mm: reworded/'" \
		git -C "$nested" rebase -q -i base && refresh && grep '^2.*/0001-mm-reworded.patch$' "$clone/patches/$base/series"
}
renamed_file()
{
	git -C "$nested" mv drivers/dax/bus_test.c drivers/dax/bus_kunit.c && git -C "$nested" commit -qm "device-dax: rename" -m "Mainline: none" &&
		! refresh -n && refresh && refresh -n && [ -e "$clone/drivers/dax/bus_kunit.c" ] && [ ! -e "$clone/drivers/dax/bus_test.c" ]
}
text_kept()
{
	local letter
	letter=$(echo "$clone/patches/$base"/1-*/cover-letter.txt)
	sed -i '3i Costs in instructions (2021):\nA line that stays.\n' "$letter"
	refresh && grep -x "A line that stays." "$letter" && [ "$(grep -c '^base-commit' "$letter")" -eq 1 ]
}
odd_configuration()
{
	printf '[diff]\n\texternal = false\n\tnoprefix = true\n[color]\n\tui = always\n[commit]\n\tgpgsign = true\n' >"$scratch/.gitconfig"
	printf '[core]\n\thooksPath = /nonexistent\n[format]\n\tattach = x\n\tsignOff = true\n' >>"$scratch/.gitconfig"
	(unset GIT_CONFIG_GLOBAL && nothing_to_do)
}
try "refresh: nothing to do" nothing_to_do
try "refresh: whatever the user has set for git" odd_configuration
try "refresh: a fixup is folded, and the whole file follows" folded
git -C "$clone" checkout -q .
in_clone harness/scripts/tree "$base" >/dev/null 2>&1
try "refresh: a file of the top level was changed there" top_level
try "refresh: a fixup that does not fit changes nothing" misfit
try "refresh: the export breaks off, and is run again" breaks_off
try "refresh: a patch between two series needs one" between_series
try "refresh: a patch that is reworded stays in its series" reworded
try "refresh: a file that is renamed is renamed at the top level" renamed_file
try "refresh: the text of a cover letter stays" text_kept

#
# Debian has a new version
#

git -C "$clone" checkout -q .
git -C "$clone" clean -qfd patches
in_clone harness/scripts/tree "$base" >/dev/null 2>&1
nothing_newer()
{
	intact in_clone harness/scripts/rebase "$base"
}
carried()
{
	local old
	old=$(git -C "$nested" rev-parse base)
	git -C "$nested" branch mine
	make_package 5.10.2-1 "sed -i 's/^SUBLEVEL = .*/SUBLEVEL = 2/' Makefile; sed -i '1a/* new */' mm/memremap.c"
	in_clone harness/scripts/rebase "$base" && refresh -n && git -C "$nested" cat-file -e "$old:mm/memremap.c" &&
		git -C "$nested" merge-base --is-ancestor "$old" mine && git -C "$clone" commit -qam "a newer base" &&
		[ "$(git -C "$nested" log -1 --format=%s base)" = "$package 5.10.2-1" ] &&
		grep -q '^version=5.10.2-1$' "$clone/patches/$base/base" &&
		[ "$(git -C "$nested" rev-list --count base..series)" -eq "$(patches | wc -l)" ]
}
conflict()
{
	make_package 5.10.3-1 "sed -i 's/^void memunmap_pages.*/void memunmap_all(struct dev_pagemap *pgmap)/' mm/memremap.c"
	refused "resolve it in .*, 'git rebase --continue' there, then 'make refresh'; or give up" harness/scripts/rebase "$base" &&
		refused "a merge or rebase is under way" harness/scripts/refresh "$base" &&
		git -C "$nested" rebase --abort && git -C "$clone" checkout -q patches && in_clone harness/scripts/tree "$base" &&
		[ "$(git -C "$nested" log -1 --format=%s base)" = "$package 5.10.2-1" ] && refresh -n &&
		refused "resolve it in .*, 'git rebase --continue'" harness/scripts/rebase "$base" &&
		(cd "$nested" && until GIT_EDITOR=true git -c rerere.enabled=false rebase --continue >/dev/null 2>&1; do
			git status --porcelain -uno | grep '^\(UU\|AA\)' >/dev/null || exit 1
			git checkout -q --theirs . && git add -f -u
		done) && refresh && refresh -n && in_clone harness/scripts/tree "$base" &&
		grep -q '^version=5.10.3-1$' "$clone/patches/$base/base"
}
followed()
{
	git -C "$nested" branch -f work2
	git -C "$clone" checkout -q . && git -C "$clone" clean -qfd patches || return 1
	make_package 5.10.1-1
	verified 5.10.1-1
	in_clone harness/scripts/tree "$base" && [ "$(git -C "$nested" log -1 --format=%s base)" = "$package 5.10.1-1" ] &&
		git -C "$nested" rev-parse -q --verify work2
}
try "rebase: nothing newer" nothing_newer
try "rebase: to a newer version; the old base and every branch stay" carried
try "rebase: a conflict is given up, and resolved by hand" conflict
try "tree: another base is checked out; every branch stays" followed

#
# Mails
#

second_version()
{
	local last
	last=$(patches | tail -n 1 | cut -d / -f 1)
	git -C "$clone" commit -q --allow-empty -am "another base" && git -C "$clone" tag "$base/$last-v1" &&
		git -C "$nested" commit -q --amend -m "mm: another name" -m "A body." -m "Mainline: none" && refresh || return 1
	in_clone harness/scripts/post "$base" "$last" || return 1
	grep -q "^Subject: \[PATCH v2 0" "$there/post/$last-v2"/*0000-cover-letter.patch &&
		grep -q '^Range-diff against v1' "$there/post/$last-v2"/*0000-cover-letter.patch &&
		refused "there is no series 'x'; there is: 1-" harness/scripts/post "$base" x
}
try "post: a second version has the range-diff to the first" second_version

#
# The config
#

lost_symbol()
{
	printf 'CONFIG_NO_SUCH_SYMBOL=y\n' | cat "$harness/config/guest.config" - >"$scratch/fragment"
	refused "did not survive into the .config: CONFIG_NO_SUCH_SYMBOL" \
		env BUILD_DIR="$dir/prefix" BUILD_CONFIG="$scratch/fragment" LOCKED="$dir" "$harness/scripts/kernel" "$base" series
}
try "a config symbol does not survive" lost_symbol

#
# Guests that are none
#

mkdir -p "$there/series/obj/arch/x86/boot" "$there/mutate/obj/arch/x86/boot"
touch "$there"/{series,mutate}/obj/arch/x86/boot/bzImage "$there/image.gz"
# qemu SCRIPT: a stand-in, in which $result is where the guest's results go
qemu()
{
	stand_in qemu-system-x86_64 <<-EOF
		case "\$*" in *--version*) echo "QEMU emulator version 7.2.0"; exit ;; esac
		for word; do case \$word in file:*.result) result=\${word#file:} ;; esac; done
		$1
	EOF
}
ends_so()
{
	local rc=0
	qemu "$1"
	in_clone harness/scripts/boot "$base" series smoke >"$scratch/out" 2>&1 || rc=$?
	cat "$scratch/out"
	[ $rc -eq 1 ] && grep -q "$2" "$scratch/out"
}
try "a guest ends without its token" ends_so "printf '1..1\nok 1 all is well\n' >\$result" \
	"failed: the guest ended without its token; see .*smoke.console"
try "QEMU fails" ends_so 'echo "cannot set up guest memory" >&2; exit 1' "cannot set up guest memory"
killed_boot()
{
	local pid i
	qemu "echo \$\$ >$scratch/qemu.pid; exec sleep 1000"
	rm -f "$scratch/qemu.pid"
	in_clone setsid harness/scripts/boot "$base" series smoke >/dev/null 2>&1 &
	for ((i = 0; i < 100; i++)); do
		[ ! -s "$scratch/qemu.pid" ] || break
		sleep 0.1
	done
	pid=$(cat "$scratch/qemu.pid")
	kill -9 "$(ps -o ppid= -p "$(ps -o ppid= -p "$pid" | tr -d ' ')" | tr -d ' ')"
	for ((i = 0; i < 100; i++)); do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.1
	done
	kill "$pid"
	return 1
}
try "boot is killed: so is the guest" killed_boot

# A mutant whose guest only runs out of time: the first guest is the sound one
slow_host()
{
	local mutant
	mutant=$(cd "$clone/harness/mutants" && grep -l '^job: smoke' -- *.patch | head -n 1)
	echo 'exit 0' >"$clone/harness/scripts/kernel"
	qemu "[ ! -e $scratch/sound ] || exit 124; touch $scratch/sound
		printf '1..1\nok 1 all is well\ntoken: smoke ended with 0\n' >\$result"
	stand_in timeout <<<'shift 4; exec "$@"'
	in_clone harness/scripts/mutate "$base" "$mutant" >"$scratch/out" 2>&1 && return 1
	cat "$scratch/out"
	away timeout
	grep -q "^FAILED: .*: unknown: the guest hung twice" "$scratch/out" && ! compgen -G "$there/memo/mutant-*"
}
try "a mutant whose guest runs out of time is not taken for caught" slow_host
end
