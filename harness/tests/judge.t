#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# judge.t: runs of a guest, made up, each with the verdict that it has to get. A fixture
# in runs/ has parts: the verdict (exit status and last line), how QEMU ended, the
# result, the console; "job" may be there, what the job's file says.
set -euo pipefail
# shellcheck source=harness/tests/lib.sh
. "$(dirname "$0")/lib.sh"

verdict()
{
	local rc=0 said run=$scratch/guest
	rm -f "$run".*
	: >"$run.job"
	awk -v run="$run" '/^== / { part = run "." $2; printf "" >part; next } part { print >part }' "$1"
	if tail -n 1 "$run.result" | grep -q ' (cut here)$'; then
		printf '%s' "$(sed 's/ (cut here)$//' "$run.result")" >"$run.cut"
		mv "$run.cut" "$run.result"
	fi
	said=$("$harness/scripts/judge" "$run" "$run.job" base 2>/dev/null) || rc=$?
	diff "$run.verdict" <(echo $rc; tail -n 1 <<<"$said")
}

for fixture in "$harness"/tests/runs/*; do
	try "judge: $(basename "$fixture" | tr - ' ')" verdict "$fixture"
done
end
