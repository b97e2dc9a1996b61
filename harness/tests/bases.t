#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# bases.t BASE: the queues for the other bases are those of their trees. What else there is
# to test of them takes kernels of their own: 'make test BASE=...'.
set -euo pipefail
# shellcheck source=harness/tests/lib.sh
. "$(dirname "$0")/lib.sh"

# The tree is made of the queue by git am, and what it exports is the queue again.
agrees()
{
	"$harness/scripts/tree" "$1" && "$harness/scripts/refresh" -n "$1"
}

for described in "$top"/patches/*/base; do
	other=$(basename "$(dirname "$described")")
	[ "$other" = "$1" ] || try "the queue for $other applies, and is that of its tree" agrees "$other"
done
end
