# SPDX-License-Identifier: GPL-2.0
# Sourced by the scripts: one way to report progress and to stop.
# shellcheck shell=bash

# Exit statuses, one for each kind of trouble (README.md lists them).
# shellcheck disable=SC2034
readonly E_USAGE=2 E_TOOLS=3 E_FETCH=4 E_APPLY=5 E_CONFIG=6 E_BUILD=7 \
	E_SPACE=8 E_TEST=10 E_PANIC=11 E_HANG=12 E_NO_TOKEN=13 E_SPLAT=14

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

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

# read_base BASE: set package, suites and version from patches/BASE/base.
read_base()
{
	[ -r "$top/patches/$1/base" ] ||
		die $E_USAGE "no base '$1'; there is: $(cd "$top/patches" && echo */ | tr -d /)"
	# shellcheck disable=SC1090
	. "$top/patches/$1/base"
}
