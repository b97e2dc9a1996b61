#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# bases.t BASE: the queues for the other bases apply, and their texts say what their runs
# measured. What else there is to test of them takes trees and kernels of their own:
# 'make test BASE=...'.
set -euo pipefail
# shellcheck source=harness/tests/lib.sh
. "$(dirname "$0")/lib.sh"

# git am, on the files that the patches touch
applies()
{
	local queue=$top/patches/$1 tree=$scratch/$1 package
	package=$(field "$queue/base" package)
	"$harness/scripts/fetch" "$1" || return
	git init -q "$tree"
	sed -n 's|^--- a/||p' "$queue"/*/*.patch | sort -u >"$scratch/touched"
	dpkg-deb --fsys-tarfile "$top/build/$1/source.deb" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		tar -xJ --strip-components=1 -C "$tree" --files-from=<(sed "s|^|$package/|" "$scratch/touched")
	cd "$tree"
	git add -Af .
	git -c user.name=tester -c user.email=tester@localhost commit -q -m base
	git -c user.name=tester -c user.email=tester@localhost am -q --no-3way "$queue"/*/*.patch
	[ "$(git log --oneline | wc -l)" -eq $(($(patches_of "$queue" | wc -l) + 1)) ]
}

for other in "$top"/patches/*/; do
	other=$(basename "$other")
	[ "$other" != "$1" ] || continue
	try "the queue for $other applies to its base" applies "$other"
	[ ! -d "$top/results/$other" ] ||
		try "the figures of $other are those of results/$other" "$harness/scripts/figures" "$other" check
done
end
