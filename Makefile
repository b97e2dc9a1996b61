# SPDX-License-Identifier: GPL-2.0
#
# Compound pages for device-dax: the patch queue and the proof that it works.

BASE ?= 5.10
VARIANT ?= series
JOB ?= smoke

dir := build/$(BASE)
queue := patches/$(BASE)
kernel = $(dir)/$(1)/obj/arch/x86/boot/bzImage
guest := $(wildcard guest/* bench/*.c)

.DEFAULT_GOAL := help
.PHONY: help deps tree refresh kernel image boot bench table demo test clean FORCE

help:
	@echo 'make demo      build 5.10 without and with the series, boot both, print the table'
	@echo 'make test      apply, compile, boot and test the queue; ends with the count'
	@echo
	@echo 'make tree      $(dir)/linux: the base and the queue, a git commit a patch'
	@echo 'make refresh   export that tree to $(queue)'
	@echo 'make kernel    build VARIANT=$(VARIANT) (base, series, or a number of patches)'
	@echo 'make boot      run JOB=$(JOB) (smoke, bench, no1g) in a guest on VARIANT=$(VARIANT)'
	@echo 'make bench     measure base and series; build/bench/$(BASE)/summary.tsv'
	@echo 'make deps      install the Debian packages that are missing'
	@echo 'make clean     remove build/ but for the download and the tree'
	@echo
	@echo 'BASE=$(BASE)  ACCEL=tcg|kvm  SIZE_MB=8192 and up  JOBS=2'

deps:
	@scripts/deps

$(dir)/source.deb: $(queue)/base | deps
	@scripts/fetch $(BASE)
	@touch $@

tree: $(dir)/source.deb
	@scripts/tree $(BASE)

refresh: | tree
	@scripts/refresh $(BASE)

# Not to be removed as intermediate files
.PRECIOUS: $(dir)/%/obj/arch/x86/boot/bzImage $(dir)/%/bench.result

# kbuild knows what to rebuild, and leaves the image alone if there is nothing.
$(dir)/%/obj/arch/x86/boot/bzImage: FORCE | tree
	@scripts/kernel $(BASE) $*

kernel: $(call kernel,$(VARIANT))

$(dir)/image.gz: $(guest) scripts/image $(call kernel,series)
	@scripts/image $(BASE)

image: $(dir)/image.gz

boot: $(call kernel,$(VARIANT)) image
	@scripts/boot $(BASE) $(VARIANT) $(JOB)
	@cat $(dir)/$(VARIANT)/$(JOB).result

$(dir)/%/bench.result: $(dir)/%/obj/arch/x86/boot/bzImage $(dir)/image.gz scripts/boot
	@scripts/boot $(BASE) $* bench

# One after the other: guests share two cores badly.
$(dir)/series/bench.result: | $(dir)/base/bench.result

bench: $(dir)/base/bench.result $(dir)/series/bench.result
	@scripts/table $(BASE) >/dev/null

demo: bench
	@echo
	@scripts/table $(BASE)
	@echo
	@echo 'Raw figures, commands and versions: build/bench/$(BASE)/'

test: tree
	@scripts/test $(BASE)

clean:
	rm -rf build/bench $(filter-out %/linux %/apt %/source.deb %/version,$(wildcard $(dir)/*))
	-git -C $(dir)/linux worktree prune

FORCE:
