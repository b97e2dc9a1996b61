// SPDX-License-Identifier: GPL-2.0
/*
 * A device whose first and last 64 MiB are in sections that System RAM is in as well.
 * These are online, and have had a memmap since boot.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devdax_device.h"
#include "ktap.h"
#include "struct_pages.h"

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

#define KIB	(1UL << 10)
#define MIB	(1UL << 20)
#define PAGE	(4 * KIB)

#define ONE_PAGE	4	/* KiB: what HardwareCorrupted counts for a page of System RAM */
#define SHARED		(64 * MIB / PAGE)	/* pages at either end */
#define KPF_NOPAGE	(1UL << 20)
#define KPF_RESERVED	(1UL << 32)

static const struct {
	const char *name;
	unsigned long align;
} kinds[] = {
	{ "4K", PAGE },
	{ "2M", 2 * MIB },
};

#define KINDS	(sizeof(kinds) / sizeof(*kinds))
#define TESTS	9

static sigjmp_buf escape;
static siginfo_t told;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	told = *info;
	siglongjmp(escape, 1);
}

static long corrupted(void)
{
	return file_counter("/proc/meminfo", "HardwareCorrupted");
}

/* Fail the memory of one page. Returns whether a SIGBUS came, with its details in told. */
static bool page_fails(char *addr)
{
	memset(&told, 0, sizeof(told));
	if (sigsetjmp(escape, 1))
		return true;
	if (madvise(addr, PAGE, MADV_HWPOISON))
		return false;
	*(volatile char *)addr;
	return false;
}

static char *map_device(struct device *dev, unsigned long len)
{
	int fd = open(dev->node, O_RDWR);
	char *addr = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	return addr;
}

/* Its first and its last byte, which have to be in the middle of a section. */
static bool place(struct device *dev, unsigned long *start, unsigned long *end)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/mapping0/start", dev->name);
	*start = file_number(path);
	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/mapping0/end", dev->name);
	*end = file_number(path);
	return *start % (128 * MIB) == 64 * MIB && (*end + 1) % (128 * MIB) == 64 * MIB;
}

/* Whether /proc/kpageflags says the same of all pages that share a section. */
static bool flags_are(unsigned long start, unsigned long end, uint64_t want)
{
	unsigned long pfns[] = { start / PAGE, (end + 1) / PAGE - SHARED };
	static uint64_t flags[SHARED];
	int fd = open("/proc/kpageflags", O_RDONLY);
	bool ok = fd >= 0;
	unsigned int i, j;

	for (i = 0; ok && i < 2; i++) {
		ok = pread(fd, flags, sizeof(flags), pfns[i] * sizeof(*flags)) == sizeof(flags);
		for (j = 0; ok && j < SHARED; j++)
			ok = flags[j] == want;
		if (!ok)
			note("pfn %#lx: flags %#lx", pfns[i] + j - 1,
			     j ? (unsigned long)flags[j - 1] : 0);
	}
	close(fd);
	return ok;
}

static void test(const char *kind, unsigned long align)
{
	unsigned long start = 0, end = 0, offset = MIB + PAGE;
	struct device dev;
	char *addr = MAP_FAILED;
	bool ok;

	ok = !dynamic_find(&dev) && !dynamic_resize(&dev, align, 1024 * MIB);
	if (!ok)
		note("%s", device_error());
	snprintf(dev.node, sizeof(dev.node), "/dev/%s", dev.name);
	ok = result(ok && place(&dev, &start, &end) && !device_bind(&dev),
		    "section %s: the device is in sections of System RAM", kind);
	result_with("devmap_check", ok && struct_pages_are_right(start),
		    "section %s: its pages are as they should be", kind);
	result(ok && flags_are(start, end, KPF_NOPAGE), "section %s: none of them is online", kind);

	if (ok)
		addr = map_device(&dev, dev.size);
	ok = ok && addr != MAP_FAILED;
	if (ok)
		memset(addr, 1, 2 * MIB);
	result(ok && page_fails(addr + offset) && told.si_addr == addr + offset &&
	       told.si_addr_lsb == __builtin_ctzl(align),
	       "section %s: a memory failure is reported where it is", kind);
	/* one more, in a section of the device's own */
	if (ok)
		memset(addr + 512 * MIB, 1, 2 * MIB);
	result(ok && page_fails(addr + 512 * MIB + offset) && corrupted() == ONE_PAGE,
	       "section %s: it is not counted as one of System RAM", kind);
	result(ok && madvise(addr, PAGE, MADV_SOFT_OFFLINE), "section %s: soft offlining is refused",
	       kind);
	if (ok)
		munmap(addr, dev.size);

	ok = ok && !device_unbind(&dev);
	result(ok && flags_are(start, end, KPF_RESERVED),
	       "section %s: unbound, the struct pages are those of a hole", kind);
	result(ok && corrupted() == ONE_PAGE,
	       "section %s: the page of System RAM is still counted", kind);
	/* a walk over all memory must not meet a page that is gone */
	result(ok && !file_write("/proc/sys/vm/compact_memory", "1") && !device_bind(&dev) &&
	       (lacks("devmap_check") || struct_pages_are_right(start)),
	       "section %s: bound again", kind);
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };
	char *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i;

	plan(1 + KINDS * TESTS);
	sigaction(SIGBUS, &action, NULL);
	*(volatile char *)memory = 1;
	result(!madvise(memory, PAGE, MADV_SOFT_OFFLINE) && corrupted() == ONE_PAGE,
	       "section: a page of System RAM that is taken out of use is counted");
	for (i = 0; i < KINDS; i++)
		test(kinds[i].name, kinds[i].align);
	return failures() != 0;
}
