#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# compile.t BASE: prefixes of the queue compile without a warning that the base does not
# have: those that end a series, and those whose patch was changed in the last day
# before HEAD. "make test-all" compiles each. What was compiled is kept by content.
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

since=$(($(git -C "$top" log -1 --format=%ct) - 86400))
changed=$({
	git -C "$top" log --since=$since --format= --name-only -- "patches/$base"
	git -C "$top" diff --name-only HEAD -- "patches/$base"
	git -C "$top" ls-files --others --exclude-standard -- "patches/$base"
} | sed "s|^patches/$base/||")
say "compile: the bare base"
compile 0 >/dev/null || die "the bare base does not compile, see $dir/prefix/build.log"
for ((i = 1; i <= count; i++)); do
	[ -n "${ALL:-}" ] || [ "${names[i - 1]%%/*}" != "$(dirname "${names[i]:-}")" ] ||
		grep -qxF "${names[i - 1]}" <<<"$changed" || continue
	try "compiles: ${names[i - 1]}" compile_prefix "$i"
done
try "compiles: tools/testing/nvdimm" compile_nvdimm
end
