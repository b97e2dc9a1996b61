#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# compile.t BASE: prefixes of the queue compile without a warning that the base does not
# have: those that end a series, and those whose patch has other lines than a day
# before HEAD. "make test-all" compiles each. The whole queue, there each series, also
# compiles as harness/config/elsewhere has it. What was compiled is kept by content.
set -euo pipefail
# shellcheck source=harness/tests/lib.sh
. "$(dirname "$0")/lib.sh"

need_tree
use_base "$1"
# shellcheck source=harness/tests/prefix.sh
. "$harness/tests/prefix.sh"

run_compile()
{
	local log file
	log=$(build_prefix "$1" "${targets[@]}" 2>&1) || {
		grep -m 5 error <<<"$log" >&2
		return 1
	}
	grep -E 'warning:|WARNING' <<<"$log" | plain || true
	[ "$1" -gt 0 ] || return 0
	while read -r file; do
		[ -e "$dir/prefix/obj/${file%.c}.o" ] || echo "$file is touched, and is not compiled"
	done < <(touched_c "$1" | grep -v '^drivers/dax/.*_test\.c$')
}
compile()
{
	memo compile "$(tree_of "$1") $build_inputs $(declare -f run_compile)" run_compile "$1"
}
compile_prefix()
{
	{
		compile 0
		echo 'nothing at all'
	} >"$scratch/compile.base"
	compile "$1" >"$scratch/compile.prefix" || return 1
	! grep -vxFf "$scratch/compile.base" "$scratch/compile.prefix"
}

# What stands in for a part of device-dax when libnvdimm is tested, a module
run_compile_nvdimm()
{
	local log mock=$dir/prefix/src/tools/testing/nvdimm
	build_prefix "$1" prepare >&2 || return 1
	log=$(build_prefix "$1" "M=$mock" dax-dev.o 2>&1) && rm "$mock"/{,.}dax-dev.o* || {
		grep -m 5 error <<<"$log" >&2
		return 1
	}
	grep -E 'warning:|WARNING' <<<"$log" | plain || true
}
compile_nvdimm()
{
	memo compile-nvdimm "$(tree_of "$count") $build_inputs $(declare -f run_compile_nvdimm)" \
		run_compile_nvdimm "$count" >"$scratch/compile.nvdimm" && cat "$scratch/compile.nvdimm" &&
		[ ! -s "$scratch/compile.nvdimm" ]
}

# The same for machines and configs that no guest is. One object directory for all of
# them: what it holds is for one at a time.
elsewhere=(mm/ drivers/dax/ drivers/nvdimm/ block/bio.o fs/proc/page.o fs/proc/task_mmu.o
	lib/scatterlist.o drivers/vfio/vfio_iommu_type1.o drivers/infiniband/core/umem.o)
run_elsewhere()
{
	local log
	local -x BUILD_ARCH BUILD_CROSS
	BUILD_ARCH=$(sed -n 's/^# arch=//p' "$2")
	BUILD_CROSS=$(sed -n 's/^# cross=//p' "$2")
	command -v "${BUILD_CROSS}gcc" >/dev/null || {
		echo "there is no ${BUILD_CROSS}gcc; run 'make deps'" >&2
		return 77
	}
	mkdir -p "$dir/elsewhere"
	[ "$(cat "$dir/elsewhere/is" 2>/dev/null)" = "$2" ] || rm -rf "$dir/elsewhere/obj"
	echo "$2" >"$dir/elsewhere/is"
	log=$(BUILD_DIR=$dir/elsewhere BUILD_CONFIG=$2 "$harness/scripts/kernel" "$base" "${commits[$1]}" "${elsewhere[@]}" 2>&1) || {
		grep -m 5 -E 'error|did not survive' <<<"$log" >&2 || tail -n 5 <<<"$log" >&2
		return 1
	}
	grep -E 'warning:|WARNING' <<<"$log" | sed "s|$dir/elsewhere/src/||g" | plain || true
}
kept_elsewhere()
{
	local cross
	cross=$(sed -n 's/^# cross=//p' "$2")
	memo "elsewhere-$(basename "$2" .config)" "$(tree_of "$1") $(cat "$2" "$harness/scripts/kernel")
		$("${cross}gcc" --version 2>&1 | head -n 1) ${elsewhere[*]} $(declare -f plain run_elsewhere)" run_elsewhere "$@"
}
compile_elsewhere()
{
	{
		kept_elsewhere 0 "$2" || return
		echo 'nothing at all'
	} >"$scratch/elsewhere.base"
	kept_elsewhere "$@" >"$scratch/elsewhere" || return
	! grep -vxFf "$scratch/elsewhere.base" "$scratch/elsewhere"
}

# The lines of a patch's hunks, as a word. Its message, name and number may change as
# they like.
lines()
{
	sed -n '/^diff --git /,$ { /^[-+ ]/p }' | sha256sum
}
since=$(($(git -C "$top" log -1 --format=%ct) - 86400))
before=$(git -C "$top" rev-list -1 --before=$since HEAD)
known=$([ -z "$before" ] || git -C "$top" ls-tree -r --name-only "$before" -- "patches/$base" | sed -n '/\.patch$/p' |
	while read -r file; do git -C "$top" show "$before:$file" | lines; done)
changed=$(for name in "${names[@]}"; do grep -qxF "$(lines <"$queue/$name")" <<<"$known" || echo "$name"; done)
say "compile: the bare base"
compile 0 >/dev/null || die "the bare base does not compile, see $dir/prefix/build.log"
for ((i = 1; i <= count; i++)); do
	[ -n "${ALL:-}" ] || [ "${names[i - 1]%%/*}" != "$(dirname "${names[i]:-}")" ] ||
		grep -qxF "${names[i - 1]}" <<<"$changed" || continue
	try "compiles: ${names[i - 1]}" compile_prefix "$i"
done
try "compiles: tools/testing/nvdimm" compile_nvdimm
for config in "$harness"/config/elsewhere/*.config; do
	for ((i = 1; i <= count; i++)); do
		series=${names[i - 1]%%/*}
		[ $i -eq "$count" ] || { [ -n "${ALL:-}" ] && [ "$series" != "$(dirname "${names[i]}")" ]; } || continue
		try "compiles for $(basename "$config" .config): the queue up to $series" compile_elsewhere $i "$config"
	done
done
git -C "$tree" worktree remove -f "$dir/elsewhere/src" 2>/dev/null || true
rm -rf "$dir/elsewhere"
end
