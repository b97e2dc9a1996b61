# SPDX-License-Identifier: GPL-2.0
# Sourced by the scripts: where things are, and one way to report and to stop.
# shellcheck shell=bash

# Exit statuses, one for each kind of trouble (README.md lists them).
# shellcheck disable=SC2034
readonly E_USAGE=2 E_TOOLS=3 E_FETCH=4 E_APPLY=5 E_CONFIG=6 E_BUILD=7 \
	E_SPACE=8 E_KERNEL=9 E_TEST=10 E_PANIC=11 E_HANG=12 E_NO_TOKEN=13 \
	E_SPLAT=14 E_OOM=15

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# What tools say is read here and there. A git hook's environment, or a folder of
# build/ that is no repository, must not lead git to this project's own.
export LC_ALL=C.UTF-8 GIT_CEILING_DIRECTORIES=$top/build
# shellcheck disable=SC2046
unset LANGUAGE $(git rev-parse --local-env-vars 2>/dev/null)

say()
{
	printf '[%3d:%02d] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*" >&2
}

# die STATUS SENTENCE: what happened, and what to do about it.
die()
{
	local status=$1
	shift
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit "$status"
}

# use_base BASE: set what patches/BASE/base says (package, suites, version,
# renames, own), or upstream/BASE/base (without), and where things are: queue, dir
# for everything made of it, and tree, the materialised queue. KERNEL=DIR, a tree of
# the user's, has a dir of its own.
# shellcheck disable=SC2034
use_base()
{
	base=$1
	queue=$top/patches/$1
	[ -r "$queue/base" ] || [ ! -r "$top/upstream/$1/base" ] || queue=$top/upstream/$1
	[ -n "$1" ] && [ -r "$queue/base" ] ||
		die $E_USAGE "no base '$1'; there is: $(cd "$top/patches" && echo */ | tr -d /)"
	renames='' own='' without=''
	# shellcheck disable=SC1091
	. "$queue/base"
	dir=$top/build/$1
	[ -z "${KERNEL:-}" ] || dir+=-$(basename "$KERNEL")
	tree=$dir/linux
	local patch
	while read -r patch; do
		[ -r "$queue/$patch" ] || die $E_APPLY "${queue#"$top"/}/series lists $patch, which is not there"
	done < <(patches)
}

# The patches of the queue, in order.
patches()
{
	sed '/^#/d' "$queue/series"
}

# need_space DIR MIB WHAT: stop before there is too little.
need_space()
{
	local free
	free=$(df -Pm "$1" 2>/dev/null | awk 'NR == 2 { print $4 }') || true
	[ "${free:=0}" -ge "$2" ] ||
		die $E_SPACE "only $free MiB free in $1; $3 needs $2: make room, and run it again"
}

# A file that the series adds has one place at the top level, and may have
# another in a base whose folders had older names: renames="new=old ...".
in_base()
{
	local file=$1 pair
	for pair in $renames; do
		case $file in "${pair%=*}"/*) file=${pair#*=}/${file#"${pair%=*}"/} ;; esac
	done
	echo "$file"
}

at_top()
{
	local file=$1 pair
	for pair in $renames; do
		case $file in "${pair#*=}"/*) file=${pair%=*}/${file#"${pair#*=}"/} ;; esac
	done
	echo "$file"
}

# What the queue says, as one word.
queue_says()
{
	local patch
	while read -r patch; do
		cat "$queue/$patch" 2>/dev/null || echo "no $patch"
	done < <(patches) | sha256sum | cut -c 1-40
}

# The version that a kernel tree's Makefile says.
kernel_version()
{
	sed -n 's/^\(VERSION\|PATCHLEVEL\|SUBLEVEL\) = //p' "$1/Makefile" | paste -sd .
}

# need_kernel DIR: a kernel's git tree, nothing changed, nothing under way.
need_kernel()
{
	local state
	[ -d "$1" ] || die $E_KERNEL "there is no folder $1"
	grep -qs '^PATCHLEVEL = ' "$1/Makefile" && [ -e "$1/mm/memremap.c" ] ||
		die $E_KERNEL "$1 is no Linux kernel tree"
	[ -e "$1/.git" ] ||
		die $E_KERNEL "$1 is no git tree; make it one with a commit, or apply the queue with quilt (README.md)"
	git -C "$1" rev-parse -q --verify 'HEAD^{commit}' >/dev/null 2>&1 ||
		die $E_KERNEL "git finds no commit in $1; commit what is there, as the user that it belongs to"
	for state in rebase-apply rebase-merge MERGE_HEAD CHERRY_PICK_HEAD; do
		[ ! -e "$(cd "$1" && git rev-parse --path-format=absolute --git-path $state)" ] ||
			die $E_KERNEL "in $1 a merge or rebase is under way; finish it first"
	done
	[ -z "$(git -C "$1" status --porcelain -uno)" ] ||
		die $E_KERNEL "$1 has changes in no commit; commit or stash them first"
}

# need_guest: what was asked for exists, and QEMU and its memory are there. Sets
# accel and size (MiB). Nothing older than this QEMU was ever seen to work.
# shellcheck disable=SC2034
need_guest()
{
	local qemu oldest=7.2
	accel=${ACCEL:-tcg} size=${SIZE_MB:-8192}
	case $accel in
	tcg) ;;
	kvm) [ -w /dev/kvm ] || die $E_USAGE "ACCEL is kvm, and /dev/kvm cannot be opened; leave ACCEL out" ;;
	*) die $E_USAGE "ACCEL is '$accel'; it can be tcg or kvm" ;;
	esac
	[[ $size =~ ^[1-9][0-9]*$ ]] && [ ${#size} -le 6 ] &&
		[ "$size" -ge 8192 ] && [ "$size" -le 262144 ] && [ $((size % 1024)) -eq 0 ] ||
		die $E_USAGE "SIZE_MB is '$size'; it takes a multiple of 1024 from 8192 to 262144"
	qemu=$(qemu-system-x86_64 --version 2>/dev/null | sed -n '1s/.*version \([0-9.]*\).*/\1/p') || true
	[ -n "$qemu" ] || die $E_TOOLS "there is no qemu-system-x86_64; run 'make deps'"
	[ "$(printf '%s\n' $oldest "$qemu" | sort -V | head -n 1)" = $oldest ] ||
		die $E_TOOLS "QEMU is $qemu; it takes $oldest or newer: install that of Debian 12"
	need_space /dev/shm 5000 "the memory of a guest"
}
