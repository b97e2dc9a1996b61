# SPDX-License-Identifier: GPL-2.0
# Sourced by the scripts and the tests: where things are, and one way to report,
# to stop, to lock and to remember. A script ends with 0, with 1 if something failed,
# with 2 if it was called wrongly, with 77 if this machine cannot do it.
# shellcheck shell=bash

unset CDPATH
harness=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
top=$(dirname "$harness")

# The same on every machine: the user's language and git configuration, a git hook's
# environment, and a developer's variables for other kernels stay outside. git needs
# a committer, and a fresh machine has none.
export LC_ALL=C.UTF-8 GIT_CEILING_DIRECTORIES=$top/build PATH=$PATH:/usr/sbin:/sbin
# shellcheck disable=SC2046
unset LANGUAGE $(git rev-parse --local-env-vars 2>/dev/null)
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES ARCH CROSS_COMPILE LLVM LLVM_IAS KBUILD_OUTPUT \
	KBUILD_EXTMOD KCFLAGS KAFLAGS KCPPFLAGS W C V M O
name=$(git config user.name 2>/dev/null) email=$(git config user.email 2>/dev/null) || true
export GIT_COMMITTER_NAME=${GIT_COMMITTER_NAME:-${name:-nobody}} \
	GIT_COMMITTER_EMAIL=${GIT_COMMITTER_EMAIL:-${email:-nobody@localhost}}
unset name email
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_CONFIG_COUNT=1 \
	GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0="*" GIT_EDITOR=true

say()
{
	printf '[%3d:%02d] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*" >&2
}

# die [-STATUS] SENTENCE: what happened, and what to do about it.
die()
{
	local status=1
	case $1 in -*)
		status=${1#-}
		shift
		;;
	esac
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit "$status"
}

# field FILE KEY: the value of a line KEY=VALUE, in front of the first empty line
field()
{
	sed -n "/^\$/q; s/^$2=//p" "$1"
}

# use_base BASE: where the queue of a base is, or a kernel that is only compared with,
# what describes it, and the folder of everything made of it. One command at a time
# works there.
# shellcheck disable=SC2034
use_base()
{
	base=$1
	queue=$top/patches/$1
	described=$queue/base
	[ -e "$described" ] || described=$harness/compare/$1
	[ -n "$1" ] && [ -f "$described" ] ||
		die -2 "there is no base '$1'; there is: $(cd "$top/patches" && echo */ | tr -d /)"
	package=$(field "$described" package) suites=$(field "$described" suites)
	version=$(field "$described" version)
	dir=$top/build/$1
	tree=$dir/linux
	mkdir -p "$dir"
	[ "${LOCKED:-}" != "$dir" ] || return 0
	exec 9>"$dir/lock"
	flock -w 5 9 || die "another command works in build/$1; wait until it ends, or work in a clone of your own"
	export LOCKED=$dir
}

# The patches of the queue in their order, as paths below it
patches()
{
	patches_of "$queue"
}
patches_of()
{
	[ ! -e "$1/series" ] || sed '/^#/d; /^$/d' "$1/series"
}

# What base and queue say, as one word
queue_says()
{
	{
		echo "$package $(cat "$dir/version")"
		patches | while read -r patch; do cat "$queue/$patch" 2>/dev/null || echo "no $patch"; done
	} | sha256sum | cut -c 1-40
}

# on_series: the tree is on its branch, and nothing is under way
on_series()
{
	local state
	for state in rebase-apply rebase-merge MERGE_HEAD CHERRY_PICK_HEAD; do
		[ ! -e "$tree/.git/$state" ] || return 1
	done
	[ "$(git -C "$tree" symbolic-ref -q --short HEAD)" = series ]
}

# am_queue BASE QUEUE [SERIES]: the patches of QUEUE on a commit, up to the end of a series, a commit
# each, in a work tree of its own that is gone afterwards. Prints the last commit, the
# same on every machine.
am_queue()
{
	local list
	local onto=$1
	shift
	mapfile -t list < <(patches_of "$1")
	[ $# -eq 1 ] || mapfile -t list < <(printf '%s\n' "${list[@]}" |
		awk -v last="$2" -F / '$1 == last { seen = 1 } seen && $1 != last { exit } { print }')
	drop_am
	git -C "$tree" worktree add -q --no-checkout --detach "$dir/am" "$onto"
	# only the files that the patches touch are written out
	sed -n -e 's|^[-+]\{3\} [ab]/|/|p' -e 's|^rename from |/|p' /dev/null "${list[@]/#/$1/}" | sort -u |
		git -C "$dir/am" sparse-checkout set --no-cone --stdin
	git -C "$dir/am" reset -q --hard
	[ ${#list[@]} -eq 0 ] || GIT_COMMITTER_NAME=nobody GIT_COMMITTER_EMAIL=nobody@localhost \
		git -C "$dir/am" am -q --committer-date-is-author-date "${list[@]/#/$1/}" >&2 || return 1
	git -C "$dir/am" rev-parse HEAD
	drop_am
}

# own_text LETTER: a cover letter without what git adds, from its shortlog on
own_text()
{
	git -C "$tree" log --format=%an base..HEAD queue | sort -u | awk '
	FNR == NR { author[$0] = 1; next }
	/ \([0-9]+\):$/ && substr($0, 1, match($0, / \([0-9]+\):$/) - 1) in author { exit }
	{ print }' - "$1" | git stripspace
}

drop_am()
{
	git -C "$tree" worktree remove -f -f "$dir/am" 2>/dev/null || rm -rf "$dir/am"
	git -C "$tree" worktree prune
}

# progress PID COMMAND...: say what COMMAND prints when it is something new, until PID ends
progress()
{
	local i pid=$1 now said=
	shift
	while kill -0 "$pid" 2>/dev/null; do
		for ((i = 0; i < 40; i++)); do
			sleep 0.5
			kill -0 "$pid" 2>/dev/null || break
		done
		now=$("$@")
		[ "$now" = "$said" ] || say "$now"
		said=$now
	done
}

# guest_key KERNEL JOB: what a guest's result depends on, as one word: the kernel in a
# folder, if there is one yet, the image, the job, who judges, and what was asked for
guest_key()
{
	local image
	image=$(field "$harness/jobs/$2" image)
	{
		[ -z "$1" ] || cat "$1/obj/arch/x86/boot/bzImage"
		[ ! -e "$1/modules.gz" ] || cat "$1/modules.gz"
		cat "$dir/${image:-image}.gz" "$harness/jobs/$2" "$harness/config/log-errors" "$harness"/scripts/{boot,judge}
		qemu-system-x86_64 --version
		echo "${ACCEL:-tcg} ${SIZE_MB:-} ${CPU:-} ${APPEND:-} $(field "$described" lacks) $(field "$described" jobs)"
	} | sha256sum
}

# need_space DIR MIB WHAT: stop before there is too little.
need_space()
{
	local free
	free=$(df -Pm "$1" 2>/dev/null | awk 'NR == 2 { print $4 }') || true
	[ "${free:=0}" -ge "$2" ] || die "only $free MiB free in $1; $3 needs $2: make room, and run it again"
}

# memo NAME INPUTS COMMAND...: what a command prints, if it succeeds. That is kept by
# the INPUTS, which name all that it depends on, and costs nothing the next time.
# FRESH=1 runs it all the same. A clone shares what is kept by MEMO=DIR.
memo()
{
	local rc=0 kept=${MEMO:-$dir/memo} file new
	file=$kept/$1-$(sha256sum <<<"$2" | cut -c 1-32)
	# a program would see a BASHPID of its own in its redirection
	new=$file.$BASHPID
	shift 2
	if [ -z "${FRESH:-}" ] && [ -e "$file" ]; then
		touch "$file"
		cat "$file"
		return
	fi
	mkdir -p "$kept"
	"$@" >"$new" || rc=$?
	cat "$new"
	if [ $rc -eq 0 ]; then
		mv "$new" "$file"
	else
		rm "$new"
	fi
	return $rc
}

# private_apt DIR deb|deb-src SUITE...: an apt state of its own in DIR, with this
# machine's mirrors and other suites. Sets apt, the options that use it.
private_apt()
{
	local state=$1 type=$2 keyring=/usr/share/keyrings/debian-archive-keyring.gpg indexes suite
	shift 2
	command -v apt-get >/dev/null || die -77 "there is no apt-get; see 'By hand' in CONTRIBUTING.md"
	[ -r $keyring ] || die "there is no $keyring; run 'make deps'"
	mkdir -p "$state"/{lists/partial,cache/archives/partial}
	: >"$state/status"
	# A Debian mirror is one that offers this machine's own release; a security
	# suite comes from the mirror that offers a security suite already.
	indexes=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Identifier: Packages' 'Origin: Debian' | sort -u)
	for suite; do
		case $suite in
		*-security) awk 'NF && $2 ~ /-security$/ { print $1 }' <<<"$indexes" ;;
		*) awk 'NF && $2 !~ /-/ { print $1 }' <<<"$indexes" ;;
		esac | sort -u | sed "s|.*|$type [signed-by=$keyring] & $suite main|"
	done >"$state/sources.list"
	[ -s "$state/sources.list" ] || die "apt knows no Debian mirror yet; run 'apt-get update' first"
	# shellcheck disable=SC2034
	apt=(-o Dir::State="$state" -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status"
		-o Dir::Cache="$state/cache" -o Dir::Etc::sourcelist="$state/sources.list"
		-o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=root -o Acquire::Languages=none
		-o Acquire::Check-Valid-Until=false -o APT::Architecture=amd64)
}
