#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# ours.t BASE: what is ours, and needs no kernel: scripts, guest programs, texts.
set -euo pipefail
# shellcheck source=harness/tests/lib.sh
. "$(dirname "$0")/lib.sh"

use_base "$1"

spdx()
{
	# Mails and results are what tools make them, the kernel's ABI files have none, and
	# COPYING is the licence.
	git -C "$top" ls-files -co --exclude-standard | grep -vE '^(COPYING|Documentation/ABI/.*|patches/.*\.(patch|txt)|results/.*)$' |
		while read -r file; do
			[ ! -f "$top/$file" ] || head -n 3 "$top/$file" | grep -q 'SPDX-License-Identifier: GPL-2.0' || echo "$file"
		done >"$scratch/spdx"
	cat "$scratch/spdx"
	[ ! -s "$scratch/spdx" ]
}

shell_scripts()
{
	git -C "$top" grep -lE '^(#!.*bash|# shellcheck shell=bash)' -- harness .ci | sed "s|^|$top/|" |
		xargs shellcheck -x -P "$top"
}

warnings_ours()
{
	gcc -O2 -fsyntax-only -Wall -Wextra -Werror -I"$top/tools/testing/selftests/vm" -I"$harness/guest/lib" \
		"$harness"/{guest,guest/lib,bench}/*.c "$top/tools/testing/selftests/vm/devdax_device.c"
}

spelling()
{
	git -C "$top" ls-files | grep -vE '^(COPYING|patches/.*\.patch|results/.*)$' | sed "s|^|$top/|" |
		while read -r file; do [ ! -f "$file" ] || echo "$file"; done | xargs codespell -L nd,filp
}

# A job names a program that there is, and kernels that there are
jobs_described()
{
	local job program bad=0
	for job in "$harness"/jobs/*; do
		program=$(field "$job" program)
		program=${program:-$(basename "$job")}
		[ -e "$harness/guest/$program.c" ] || [ -e "$harness/bench/$program.c" ] ||
			[ -e "$top/tools/testing/selftests/vm/$program.c" ] || {
			echo "$job: there is no program $program"
			bad=1
		}
		field "$job" 'test\(_all\)\?' | tr ' ' '\n' | grep -vxE 'base|series|kunit|debug|debian|compat' | sed "s|^|$job: no kernel |" && bad=1
		sed '/^$/q' "$job" | grep -vE '^(#|$|(program|memory|cpu|nvdimm|reserve|hugepages|disk|devices|append|image|counted|test|test_all)=)' |
			sed "s|^|$job: nobody reads |" && bad=1
	done
	return $bad
}

# Each figure is that of the run in results/
figures_current()
{
	"$harness/scripts/figures" "$base" check
}

try "shellcheck" shell_scripts
try "C outside the kernel: -Wall -Wextra -Werror" warnings_ours
try "codespell" spelling
try "SPDX on every file" spdx
try "jobs: each names what there is" jobs_described
if [ -d "$top/results/$base" ]; then
	grep -q " tree $(git -C "$tree" rev-parse 'HEAD^{tree}' 2>/dev/null)\$" "$top/results/$base/versions" ||
		say "NOTE: results/$base is of another kernel tree; 'make results' measures this one"
	try "figures: README, cover letters, docs and pictures are those of results/$base" figures_current
else
	skip "figures: README, cover letters, docs and pictures are those of results/$base" "no reference run of this base"
fi
end
