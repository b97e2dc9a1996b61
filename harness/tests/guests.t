#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# guests.t BASE [KERNEL JOB...]: what has to pass passes with the whole queue, and what
# has to fail fails on the base: each job of harness/jobs on the kernels that its line
# test= names. With arguments only these jobs, on one kernel.
set -euo pipefail
# shellcheck source=harness/tests/lib.sh
. "$(dirname "$0")/lib.sh"

need_tree
use_base "$1"
shift
"$harness/scripts/kernel" "$base" series
"$harness/scripts/image" "$base"

# Not every queue has come as far as to pass all jobs.
read -ra jobs <<<"$(field "$described" jobs)"
if [ ${#jobs[@]} -gt 0 ] && [ $# -eq 0 ]; then
	for job in "${jobs[@]}"; do guest series "$job"; done
	# where it is known what the base fails
	mapfile -t listed < <(cd "$harness/jobs" && grep -lx "fails on $base base:" "${jobs[@]}")
	[ ${#listed[@]} -eq 0 ] || "$harness/scripts/kernel" "$base" base
	for job in "${listed[@]}"; do guest base "$job"; done
	end
	exit
fi

# A guest that ends otherwise than it should, and what is said of it
ends_now()
{
	local rc=0 sentence=$1 job=$2
	shift 2
	env "$@" "$harness/scripts/boot" "$base" series "$job" >"$scratch/verdict" || rc=$?
	cat "$scratch/verdict"
	[ $rc -eq 1 ] && grep -q "^failed: the guest $sentence; see .*$job.console" "$scratch/verdict"
}
ends()
{
	memo ends "$* $(guest_key "$dir/series" "$2") $(declare -f ends_now)" \
		ends_now "$@"
}
interrupted_guest()
{
	local console=$dir/series/cpu-no-1g.console
	rm -f "$console"
	interrupt "[ -s '$console' ]" "$harness/scripts/boot" "$base" series cpu-no-1g
}

# A container has 64 MiB there.
small_shm()
{
	unshare -m true || return 77
	unshare -m bash -c 'mount -t tmpfs -o size=64M none /dev/shm && "$@"' - \
		"$harness/scripts/boot" "$base" series cpu-no-1g
}
small_shm_kept()
{
	memo small-shm "$(guest_key "$dir/series" cpu-no-1g)" small_shm
}

# Namespaces with map=dev: the last of four kernels finds what the three before it left.
round_trip_now()
{
	local kernel count=0 job=map-dev-roundtrip
	for kernel in base series base series; do
		count=$((count + 1))
		NVDIMM=$scratch/nvdimm "$harness/scripts/boot" "$base" $kernel $job >"$scratch/verdict" &&
			[ "$(grep -c ": $count kernels were here" "$dir/$kernel/$job.result")" -eq 2 ] || {
			cat "$scratch/verdict" "$dir/$kernel/$job.result"
			return 1
		}
	done
}
round_trip()
{
	memo round-trip "$(guest_key "$dir/base" map-dev-roundtrip; guest_key "$dir/series" map-dev-roundtrip)" round_trip_now
}

if [ $# -gt 0 ]; then
	"$harness/scripts/kernel" "$base" "$1"
	for job in "${@:2}"; do guest "$1" "$job"; done
	end
	exit
fi

# Modules that are built for several kernels look for page_pgmap() where mainline has it,
# and without it read the field, as 5.10 has it.
module_compiles()
{
	local module=$scratch/module
	mkdir -p "$module"
	echo 'obj-y := found.o own.o' >"$module/Kbuild"
	cat >"$module/found.c" <<-'END'
	#include <linux/mmzone.h>
	struct dev_pagemap *(*found)(const struct page *page) = page_pgmap;
	END
	cat >"$module/own.c" <<-'END'
	#include <linux/mm.h>
	struct dev_pagemap *own(struct page *page);
	struct dev_pagemap *own(struct page *page)
	{
		return page->pgmap;
	}
	END
	make -s -C "$dir/series/src" O="$dir/series/obj" M="$module" found.o own.o
}
try "a module with a page_pgmap() of its own compiles" module_compiles
try "guest panics" ends "panicked" cpu-no-1g APPEND=rdinit=/nonexistent
try "guest hangs" ends "was still running at its time limit" cpu-no-1g LIMIT=3
try "guest runs out of memory" ends "ran out of memory" smoke APPEND=mem=200M
try "guest is interrupted: nothing stays behind" interrupted_guest
if [ "$(id -u)" -eq 0 ]; then
	try "guest needs no more than 64 MiB of /dev/shm" small_shm_kept
else
	skip "guest needs no more than 64 MiB of /dev/shm" "takes root to mount one"
fi

for kernel in series kunit base; do
	"$harness/scripts/kernel" "$base" $kernel
	for file in "$harness"/jobs/*; do
		case " $(field "$file" test) " in *" $kernel "*) guest $kernel "$(basename "$file")" ;; esac
	done
done
try "namespaces with map=dev go from the base to the series and back" round_trip

# Too long for each day: other people's programs, and kernels that check themselves or
# are configured like a distribution's
if [ -n "${ALL:-}" ]; then
	export LIMIT=${LIMIT:-5400}
	"$harness/scripts/image" "$base" more
	for kernel in base debug debian compat series; do
		"$harness/scripts/kernel" "$base" $kernel
		for file in "$harness"/jobs/*; do
			case " $(field "$file" test_all) " in *" $kernel "*) guest $kernel "$(basename "$file")" ;; esac
		done
	done
fi
end
