# SPDX-License-Identifier: GPL-2.0
#
# Compound pages for device-dax: the patch queues and the proof that they work.

# what is set to nothing counts as not set, on the command line as well
override BASE := $(or $(strip $(BASE)),5.10)
override VARIANT := $(or $(strip $(VARIANT)),series)
override JOB := $(or $(strip $(JOB)),smoke)
bases := $(patsubst patches/%/base,%,$(wildcard patches/*/base))
ifneq ($(words $(BASE)) $(words $(filter $(subst %,,$(BASE)),$(bases))),1 1)
$(error there is no base '$(BASE)'; there is: $(bases))
endif

export ACCEL APPEND CPU FRESH JOBS LIMIT NVDIMM ONLY SERIES SIZE_MB
dir := build/$(BASE)
run := harness/scripts
measured := bench counts published-case vfio-bench rdma-bench
more := $(filter more,$(shell sed -n 's/^image=//p' harness/jobs/$(JOB) 2>/dev/null))

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help deps tree refresh rebase post kernel image boot jobs demo results mutate soak check test test-all failed clean

help:
	@echo 'make demo      build $(BASE) without and with the queue, boot both, print the figures'
	@echo 'make test      apply, compile, boot and test the queue; ends with the count'
	@echo
	@echo 'make tree      $(dir)/linux: the base and the queue, a git commit a patch'
	@echo 'make refresh   export that tree to patches/$(BASE), and show what changed'
	@echo "make rebase    carry the queue to Debian's newest version of the base"
	@echo 'make post      the mails of one series, SERIES=5-core; nothing is sent'
	@echo 'make kernel    build VARIANT=$(VARIANT) (base, series, kunit, debug, debian, compat, kcsan, a number)'
	@echo 'make boot      run JOB=$(JOB) in a guest on VARIANT=$(VARIANT)'
	@echo 'make jobs      what there is for JOB='
	@echo 'make check     the tests that need no guest; what did not change costs nothing'
	@echo 'make test-all  make test, and what takes longer'
	@echo "make failed    the tests again that failed last; TESTS='judge guests' or ONLY='a name' for some"
	@echo 'make soak      the selftests, with their loops ten times as long'
	@echo 'make mutate    break each patch of the queue, and see which test notices (MUTANTS=)'
	@echo 'make results   measure base, queue and other kernels, and fill in every figure'
	@echo 'make clean     remove kernels and what was kept; the tree and the download stay'
	@echo
	@echo 'BASE=$(BASE)  ACCEL=tcg|kvm  SIZE_MB=8192 and up  JOBS=$(shell nproc)  FRESH=1 (run what was kept)'

deps:
	@$(run)/deps

tree: deps
	@$(run)/tree $(BASE)

refresh: tree
	@$(run)/refresh $(BASE)

rebase: tree
	@$(run)/rebase $(BASE)

post: tree
	@$(run)/post $(BASE) $(SERIES)

kernel: tree
	@$(run)/kernel $(BASE) $(VARIANT)

image: tree
	@$(run)/kernel $(BASE) series
	@$(run)/image $(BASE) $(more)

boot: kernel image
	@$(run)/boot $(BASE) $(VARIANT) $(JOB)

jobs:
	@for job in harness/jobs/*; do \
		sed -n "2s|^# |$$(basename $$job): |p" $$job; done | column -t -s : -l 2

demo: tree
	@$(run)/measure $(BASE) demo "base series" bench
	@$(run)/figures $(BASE) demo

results: tree
	@$(run)/measure $(BASE) measured all "$(measured)"
	@$(run)/figures $(BASE) results

mutate: image
	@$(run)/mutate $(BASE) $(MUTANTS)

soak: image
	@APPEND="$(APPEND) DEVDAX_REPEAT=20" $(run)/boot $(BASE) series devdax_test

check test test-all failed: deps
	@harness/tests/run $(BASE) $@ $(TESTS)

clean:
	@$(run)/clean $(BASE)
