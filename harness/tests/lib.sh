# SPDX-License-Identifier: GPL-2.0
# Sourced by the tests: each prints TAP, one line a test. A name is a key, and stays.
# shellcheck shell=bash

# shellcheck source=harness/scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
nr=0
# somebody with a name, and without settings for any tool
export HOME=$scratch XDG_CONFIG_HOME=$scratch GIT_AUTHOR_NAME=tester GIT_AUTHOR_EMAIL=tester@localhost

# need_tree: the base is here, or nothing of it can be tested
need_tree()
{
	[ -z "${NO_TREE:-}" ] || {
		echo "1..0 # SKIP $NO_TREE"
		exit 0
	}
}

# wanted NAME: ONLY=WORDS takes the tests that have them in their name
wanted()
{
	[[ -z ${ONLY:-} || $1 == *"$ONLY"* ]]
}

# result ok|"not ok" NAME
result()
{
	nr=$((nr + 1))
	echo "$1 $nr - $2"
}

skip()
{
	! wanted "$1" || result ok "$1 # SKIP $2"
}

# try NAME COMMAND...: a test that passes if the command does. One that ends with 77
# could not be run here. Where in_order is set, a test needs those before it.
try()
{
	local name=$1 rc=0
	shift
	wanted "$name" || [ -n "${in_order:-}" ] || return 0
	"$@" >"$scratch/try.log" 2>&1 || rc=$?
	wanted "$name" || return 0
	case $rc in
	0) result ok "$name" ;;
	77) result ok "$name # SKIP $(tail -n 1 "$scratch/try.log")" ;;
	*)
		result "not ok" "$name"
		tail -n 20 "$scratch/try.log" | sed 's/^/# /'
		;;
	esac
}

# guest VARIANT JOB: the tests of a guest, as its judge sees them, one by one. A guest
# that passed is not run again while all that it depends on stays the same.
guest()
{
	local line
	[[ -z ${ONLY:-} || $ONLY == "$1 $2"* || "$1 $2:" == *"$ONLY"* ]] || return 0
	memo "$1-$2" "$(guest_key "$dir/$1" "$2")" env VERBOSE=1 "$harness/scripts/boot" "$base" "$1" "$2" >"$scratch/verdict" || true
	while read -r line; do
		case $line in
		"ok: "*) result ok "$1 $2: ${line#*: }" ;;
		"skipped: "*) result ok "$1 $2: ${line#*: }" ;;
		"failed: "*) result "not ok" "$1 $2: ${line#*: }" ;;
		esac
	done <"$scratch/verdict"
	# no guest, no judge, no count
	tail -n 1 "$scratch/verdict" | grep -qE '^[0-9]+ passed, ' || result "not ok" "$1 $2: is run"
}

# clone_here DIR: a clone of this repository as its work tree is, committed or not
clone_here()
{
	rm -rf "$1"
	git clone -q "$top" "$1"
	(
		cd "$top" || exit
		{
			git diff -z --name-only --no-renames HEAD
			git ls-files -z --others --exclude-standard
		} | xargs -0r sh -c 'for f; do if [ -e "$f" ]; then cp --parents "$f" "$0"; else rm -f "$0/$f"; fi; done' "$1"
	)
}

# interrupt CONDITION COMMAND...: start a command, end it and its children as soon as
# the condition is met. It fails if the command was done before, or if something of it
# is left.
interrupt()
{
	local pid i condition=$1
	shift
	setsid "$@" &
	pid=$!
	until eval "$condition"; do
		kill -0 $pid 2>/dev/null || return 1
		sleep 0.1
	done
	kill -TERM -- -$pid
	! wait $pid || return 1
	for ((i = 0; i < 100; i++)); do
		kill -0 -- -$pid 2>/dev/null || return 0
		sleep 0.1
	done
	return 1
}

# The last line of every test
end()
{
	echo "1..$nr"
	[ "$nr" -gt 0 ] || [ -n "${ONLY:-}" ]
}
