# SPDX-License-Identifier: GPL-2.0
#
# Compound pages for device-dax: the patch queue and the proof that it works.

BASE ?= 5.10
VARIANT ?= series
JOB ?= smoke
ifneq ($(KERNEL),)
ifneq ($(words $(KERNEL) x),2)
$(error KERNEL is '$(KERNEL)'; it takes a folder without a space in its name)
endif
ifneq ($(filter refresh upstream check test test-all,$(MAKECMDGOALS)),)
$(error KERNEL is for apply, demo, kernel and boot; leave it out of make $(MAKECMDGOALS))
endif
override KERNEL := $(abspath $(KERNEL))
export KERNEL
endif

# Everything that is made of a base, or of the user's own tree.
dir := build/$(BASE)$(if $(KERNEL),-$(notdir $(KERNEL)))
queue := patches/$(BASE)
kernel = $(dir)/$(1)/obj/arch/x86/boot/bzImage

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help deps ready tree refresh apply kernel image boot bench upstream demo \
	mutate soak check test test-all clean FORCE

help:
	@echo 'make demo      build 5.10 without and with the series, boot both, print the table'
	@echo 'make test      apply, compile, boot and test the queue; ends with the count'
	@echo
	@echo 'make apply     put the queue on a kernel tree of yours, KERNEL=DIR: all or nothing'
	@echo 'make tree      $(dir)/linux: the base and the queue, a git commit a patch'
	@echo 'make refresh   export that tree to $(queue), and show what changed'
	@echo 'make check     all tests that need no guest; what did not change costs nothing'
	@echo 'make boot      run JOB=$(JOB) in a guest on VARIANT=$(VARIANT); scripts/boot lists the jobs'
	@echo 'make kernel    build VARIANT=$(VARIANT) (base, series, kunit, debug, debian, a number of patches)'
	@echo 'make bench     measure base and series; build/bench/$(BASE)/summary.tsv'
	@echo 'make upstream  measure mainline kernels beside them; build/bench/$(BASE)/upstream.md'
	@echo 'make test-all  make test, and what takes longer'
	@echo 'make soak      the selftests, with their loops ten times as long'
	@echo 'make mutate    break each patch of the queue, and see which test notices (MUTANTS=)'
	@echo 'make deps      install the Debian packages that are missing'
	@echo "make clean     remove what was made of $(BASE), but for the download and the tree"
	@echo
	@echo 'BASE=$(BASE)  ACCEL=tcg|kvm  SIZE_MB=8192 and up  JOBS=2  KERNEL=DIR, also for demo'
	@echo 'KEPT=no runs guests again that passed and would not differ'

deps:
	@scripts/deps

# Before anything is fetched or built: is there what it will need?
ready: | deps
	@scripts/ready $(BASE)

patches/%/base:
	@scripts/ready $*

$(dir)/source.deb: $(queue)/base | ready
	@scripts/fetch $(BASE)
	@touch $@

tree: $(if $(KERNEL),,$(dir)/source.deb) | ready
	@scripts/tree $(BASE)

refresh: | tree
	@scripts/refresh $(BASE)

apply:
	@scripts/apply $(BASE) "$(KERNEL)"

# Nothing is intermediate; what failed halfway is made again.
.SECONDARY:
.DELETE_ON_ERROR:

# kbuild knows what to rebuild, and leaves the image alone if there is nothing.
$(dir)/%/obj/arch/x86/boot/bzImage: FORCE | tree
	@scripts/kernel $(BASE) $*

kernel: $(call kernel,$(VARIANT))

# Made each time, replaced if something in it changed.
$(dir)/image.gz: FORCE | $(call kernel,series)
	@scripts/image $(BASE) $(if $(filter fio ndctl,$(JOB)),more)

image: $(dir)/image.gz

boot: $(call kernel,$(VARIANT)) image
	@scripts/boot $(BASE) $(VARIANT) $(JOB)

# The loops of the selftests at full length, of which make test does a tenth
soak: $(call kernel,series) image
	@APPEND="$(APPEND) DEVDAX_REPEAT=20" scripts/boot $(BASE) series devdax_test

mutate: image
	@scripts/mutate $(BASE) $(MUTANTS)

# Measured so, and judged well
measured := $(or $(ACCEL),tcg).$(or $(SIZE_MB),8192).done
figures = $(foreach kernel,base series,$(1:%=$(dir)/$(kernel)/%.$(measured)))

.SECONDEXPANSION:
$(dir)/%.$(measured): $(dir)/$$(*D)/obj/arch/x86/boot/bzImage $(dir)/image.gz scripts/boot
	@scripts/boot $(BASE) $(*D) $(*F)
	@touch $@

demo: $(call figures,bench)
	@echo
	@scripts/table $(BASE) bench
	@echo
	@echo 'Raw figures, commands and versions: build/bench/$(notdir $(dir))/'

jobs := bench counts seed vfio-bench rdma-bench
bench: $(call figures,$(jobs))
	@scripts/table $(BASE) $(jobs) >/dev/null

upstream: bench
	@scripts/upstream $(BASE)

parts := check judge inputs guests contributing

check: tree
	@scripts/test $(BASE) check

test: tree
	@scripts/test $(BASE) $(parts)

test-all: tree
	@scripts/test $(BASE) $(parts) longer

clean:
	rm -rf build/bench/$(notdir $(dir)) build/newcomer build/apply.* $(filter-out %/linux %/apt %/source.deb %/version,$(wildcard $(dir)/*))
	if [ -d $(dir)/linux ]; then git -C $(dir)/linux worktree prune; fi

FORCE:
