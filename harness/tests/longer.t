#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# longer.t BASE: what make test has no time for: the rest of CONTRIBUTING.md, the queue up
# to each of its series, booted, a build that is stopped, and the demo.
set -euo pipefail
# shellcheck source=harness/tests/lib.sh
. "$(dirname "$0")/lib.sh"

need_tree
use_base "$1"

# A build that is stopped in the middle goes on from there.
stopped_build()
{
	export BUILD_DIR=$dir/stopped
	interrupt "[ -e '$BUILD_DIR/obj/mm/gup.o' ]" "$harness/scripts/kernel" "$base" 1 &&
		"$harness/scripts/kernel" "$base" 1 && [ -s "$BUILD_DIR/obj/arch/x86/boot/bzImage" ]
}
try "a kernel's build is interrupted, and goes on" stopped_build
unset BUILD_DIR
git -C "$tree" worktree remove -f "$dir/stopped/src" 2>/dev/null || true
rm -rf "$dir/stopped"

# What is tested up to a series needs a later one in part: the guest has to end well,
# and from the core on its devices have compound pages.
boots_now()
{
	local rc=0
	BUILD_DIR=$dir/section "$harness/scripts/kernel" "$base" "$2" || return 1
	"$harness/scripts/boot" "$base" section smoke >"$scratch/verdict" || rc=$?
	cat "$scratch/verdict"
	! grep -E '^failed: (the (guest|kernel|plan)|QEMU)' "$scratch/verdict" || return 1
	[ "${1%%-*}" -lt 5 ] || grep 'pages of order 9' "$dir/section/smoke.console"
}
boots()
{
	memo "series-$1" "$(git -C "$tree" rev-list --reverse base..HEAD | sed -n "$2p" | xargs -I{} git -C "$tree" rev-parse '{}^{tree}')
		$(cat "$harness/config/guest.config" "$harness/scripts/kernel" | sha256sum) $(guest_key "" smoke) $(declare -f boots_now)" \
		boots_now "$@"
}
"$harness/scripts/kernel" "$base" series
"$harness/scripts/image" "$base"
count=0
while read -r here series; do
	count=$((count + here))
	[ "$count" -ne "$(patches | wc -l)" ] || continue
	try "boots: the queue up to $series" boots "$series" "$count"
done < <(patches | cut -d / -f 1 | uniq -c)

demo()
{
	make -s -C "$top" demo BASE="$base" >"$scratch/demo" || return 1
	cat "$scratch/demo"
	# a row for each kind of memory
	[ "$(grep -c '^| [aThdf].* → ' "$scratch/demo")" -ge 14 ]
}
try "make demo" demo
end
