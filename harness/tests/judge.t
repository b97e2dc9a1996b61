#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# judge: runs of a guest, made up, each with the verdict that it has to get.
# A fixture has four parts: the verdict (exit status and last line), how QEMU
# ended, the result, the console; "expected" and "provoked" may be there.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"

verdict()
{
	local rc=0 part run=$scratch/guest
	rm -f "$run".*
	awk -v run="$run" '/^== / { part = run "." $2; printf "" >part; next } part { print >part }' "$1"
	if tail -n 1 "$run.result" | grep -q ' (cut here)$'; then
		printf '%s' "$(sed 's/ (cut here)$//' "$run.result")" >"$run.cut"
		mv "$run.cut" "$run.result"
	fi
	local expected=$run.expected provoked=$run.provoked
	[ -e "$expected" ] || expected=/dev/null
	[ -e "$provoked" ] || provoked=/dev/null
	part=$("$top/scripts/judge" "$run" "$expected" "$provoked" 2>/dev/null) || rc=$?
	diff "$run.verdict" <(echo $rc; tail -n 1 <<<"$part")
}

for fixture in "$top"/tests/runs/*; do
	try "judge: $(basename "$fixture" | tr - ' ')" verdict "$fixture"
done
