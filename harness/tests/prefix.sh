# SPDX-License-Identifier: GPL-2.0
# Sourced by compile.t and static.t: the queue by its first N patches, and how to build them.
# shellcheck shell=bash disable=SC2034

mapfile -t names < <(patches)
count=${#names[@]}
base_commit=$(git -C "$tree" rev-parse base)
mapfile -t commits < <(echo "$base_commit" && git -C "$tree" rev-list --reverse base..HEAD)
mapfile -t touched < <(git -C "$tree" diff --name-only --no-renames --diff-filter=d base HEAD)

# The files that the queue touches, and a number of its patches has
touched_of()
{
	local file
	for file in "${touched[@]}"; do
		! git -C "$tree" cat-file -e "${commits[$1]}:$file" 2>/dev/null || echo "$file"
	done
}

# The C files among them that this machine's kernel has; tools/ is for other programs.
touched_c()
{
	touched_of "$1" | grep '\.c$' | grep -vE '^(tools|arch/[^x])' || true
}

# What the queue touches and the config can build. A file that is touched and is not
# among it is a finding of run_compile.
targets=(mm/ arch/x86/mm/init_64.o arch/x86/kvm/ block/bio.o fs/proc/page.o fs/proc/task_mmu.o drivers/dax/
	drivers/nvdimm/ drivers/pci/ drivers/vfio/vfio_iommu_type1.o lib/test_hmm.o
	drivers/infiniband/core/umem.o drivers/gpu/drm/nouveau/nouveau_dmem.o)
# of some bases alone
for file in drivers/infiniband/sw/rxe/rxe_mr.c lib/scatterlist.c; do
	[[ " ${touched[*]} " != *" $file "* ]] || targets+=("${file%.c}.o")
done
fragments=("$harness/config/guest.config" "$harness/config/compile-all.config")

plain()
{
	sed -E "s|^\\.\\./src/||; s|$dir/prefix/src/||g; s/:[0-9]+(:[0-9]+)?:/:/" | sort -u
}

# build_prefix NUMBER [TARGET...]: with that many patches
build_prefix()
{
	local commit=${commits[$1]}
	shift
	BUILD_DIR=$dir/prefix BUILD_CONFIG="${fragments[*]}" "$harness/scripts/kernel" "$base" "$commit" "$@"
}
build_inputs="$(cat "${fragments[@]}" "$harness/scripts/kernel" | sha256sum) $(gcc --version | head -n 1)
	${targets[*]} $(declare -f plain build_prefix)"

# tree_of NUMBER: the tree of that many patches, as a word
tree_of()
{
	git -C "$tree" rev-parse "${commits[$1]}^{tree}"
}
