// SPDX-License-Identifier: GPL-2.0
/*
 * What a program may expect of a device-dax mapping and did not get. Prints KTAP. No test
 * here takes an unpatched kernel down; those are in races.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../mm/gup_test.h"
#include "devdax_device.h"
#include "ktap.h"

#define KIB	(1UL << 10)
#define MIB	(1UL << 20)
#define GIB	(1UL << 30)
#define BASE_PAGE	4096UL

/* ndctl would take the node away as well */
#define DRIVER	"/sys/bus/dax/drivers/device_dax/"

#ifndef MADV_COLD
#define MADV_COLD	20
#define MADV_PAGEOUT	21
#endif

static struct device dev;

static char *map_at(int fd, size_t len)
{
	char *addr = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return addr == MAP_FAILED ? NULL : addr;
}

static char *map_node(size_t len)
{
	int fd = open(dev.node, O_RDWR);
	char *addr = fd < 0 ? NULL : map_at(fd, len);

	if (!addr)
		note("%s: %s", dev.node, strerror(errno));
	if (fd >= 0)
		close(fd);
	return addr;
}

static sigjmp_buf escape;

static void on_signal(int sig)
{
	siglongjmp(escape, sig);
}

/* Writes a byte; returns the signal that this brings, 0 if none */
static int write_byte(volatile char *addr, char value)
{
	int sig = sigsetjmp(escape, 1);

	if (!sig)
		*addr = value;
	return sig;
}

/* Bytes that a test maps: two pages of the device */
static size_t span(void)
{
	return 2 * dev.align;
}

static bool works_without_thp(void)
{
	char *addr = map_node(span());
	bool ok = addr;

	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	ok = ok && !write_byte(addr, 1);
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	/* the same mapping: a page table must not have taken the entry's place */
	ok = ok && !write_byte(addr, 2);
	if (addr)
		munmap(addr, span());

	addr = map_node(span());
	ok = ok && addr && !madvise(addr, span(), MADV_NOHUGEPAGE) && !write_byte(addr, 3);
	if (addr)
		munmap(addr, span());
	return ok;
}

/* An entry that is cleared without a flush stays in the TLB, and lets writes through. */
static bool stays_read_only(int advice)
{
	char *addr = map_node(span());
	bool ok = addr && !write_byte(addr, 1) && !madvise(addr, span(), advice) &&
		!mprotect(addr, span(), PROT_READ) && write_byte(addr, 2) == SIGSEGV &&
		addr[0] == 1;

	if (addr)
		munmap(addr, span());
	return ok;
}

static bool refuses(void *old, size_t old_size, size_t new_size, int flags, void *new)
{
	void *addr = mremap(old, old_size, new_size, flags, new);

	if (addr == MAP_FAILED)
		return errno == EINVAL;
	note("mremap() of %#zx to %#zx bytes succeeds", old_size, new_size);
	return false;
}

static bool mremap_cuts_no_page(void)
{
	size_t align = dev.align;
	char *addr = map_node(span());
	/* room for both, of which the target is somewhere on a page of the device */
	char *room = mmap(NULL, 4 * align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *target = (char *)(((unsigned long)room + align) / align * align);
	const int to = MREMAP_MAYMOVE | MREMAP_FIXED;
	bool ok = addr && room != MAP_FAILED && !write_byte(addr, 1) && !write_byte(addr + align, 1);

	ok = ok && refuses(addr, align / 2, align / 2, to, target);
	ok = ok && refuses(addr + align / 2, align, align, to, target);
	ok = ok && refuses(addr + align / 2, 0, align, MREMAP_MAYMOVE, NULL);
	ok = ok && refuses(addr, align, align, to, target + align / 2);
	ok = ok && refuses(addr, 2 * align, 2 * align + BASE_PAGE, MREMAP_MAYMOVE, NULL);
	ok = ok && refuses(addr, 2 * align, align + align / 2, 0, NULL);
	/* nothing was unmapped, and a whole page moves */
	ok = ok && !write_byte(addr, 2) && !write_byte(addr + align, 2) &&
		write_byte(target, 1) == SIGSEGV &&
		mremap(addr, align, align, to, target) == target && !write_byte(target, 3);
	if (room != MAP_FAILED)
		munmap(room, 4 * align);
	if (addr)
		munmap(addr, span());
	return ok;
}

static bool move_pages_tells(void)
{
	char *addr = map_node(span());
	void *at[2] = { addr, addr + dev.align };
	int status[2] = { 1, 1 };
	bool ok = addr && !write_byte(addr, 1) &&
		!syscall(__NR_move_pages, 0, 2UL, at, NULL, status, 0);

	note("move_pages() says %d and %d", status[0], status[1]);
	if (addr)
		munmap(addr, span());
	return ok && status[0] == -ENOENT && status[1] == -ENOENT;
}

/* A file that is open meanwhile keeps working, and so does the node. */
static bool survives_a_rebind(void)
{
	int fd = open(dev.node, O_RDWR), another = -1, unbound;
	char *addr = fd < 0 ? NULL : map_at(fd, span()), *later;
	bool ok = addr && !write_byte(addr, 5) && !file_write(DRIVER "unbind", dev.name);

	ok = ok && write_byte(addr, 6) == SIGBUS;
	unbound = ok ? open(dev.node, O_RDWR) : -1;
	if (unbound >= 0)
		close(unbound);
	ok = ok && unbound < 0 && errno == ENXIO && !map_at(fd, span()) && errno == ENXIO;
	ok = ok && !file_write(DRIVER "bind", dev.name);
	ok = ok && addr[0] == 5 && !write_byte(addr, 7);
	another = ok ? open(dev.node, O_RDWR) : -1;
	later = another < 0 ? NULL : map_at(another, span());
	ok = ok && later && later[0] == 7;
	if (addr)
		munmap(addr, span());
	if (later)
		munmap(later, span());
	if (another >= 0)
		close(another);
	if (fd >= 0)
		close(fd);
	another = open(dev.node, O_RDWR);
	ok = ok && another >= 0;
	if (another >= 0)
		close(another);
	return ok && !file_write(DRIVER "unbind", dev.name) && !file_write(DRIVER "bind", dev.name);
}

static const struct kind {
	const char *name;
	unsigned long align, size;
} kinds[] = {
	{ "4K", BASE_PAGE, 256 * MIB },
	{ "2M", 2 * MIB, 256 * MIB },
	{ "1G", GIB, 3 * GIB },
};

static void test_kind(const struct kind *kind)
{
	bool ok = !static_create(&dev, "mem", kind->align, kind->size);

	if (!ok)
		note("%s", device_error());
	result(ok && works_without_thp(), "%s: can be used where THP is off", kind->name);
	result(ok && stays_read_only(MADV_COLD), "%s: is read-only after MADV_COLD", kind->name);
	result(ok && stays_read_only(MADV_PAGEOUT), "%s: is read-only after MADV_PAGEOUT", kind->name);
	if (kind->align > BASE_PAGE)
		result(ok && mremap_cuts_no_page(), "%s: mremap() cuts no page", kind->name);
	result(ok && move_pages_tells(), "%s: move_pages() finds no page", kind->name);
	result(ok && survives_a_rebind(), "%s: an open file survives unbind and bind", kind->name);
	if (ok && static_destroy(&dev))
		note("%s", device_error());
}

/* 512 MiB in front of it leave no whole page in a namespace of 1 GiB. */
static void test_empty_namespace(void)
{
	struct device front;
	char out[4096];
	bool ok = !static_create(&front, "mem", 2 * MIB, 512 * MIB);

	if (!ok)
		note("%s", device_error());
	ok = ok && run(out, sizeof(out), "ndctl create-namespace -m devdax -M dev -a %lu -s %lu",
		       GIB, GIB);
	result(ok, "a namespace without a page is refused");
	result(ok && !static_destroy(&front) && !static_create(&dev, "mem", GIB, 2 * GIB) &&
	       !static_destroy(&dev), "the space is free afterwards");
}

/*
 * A base page counts 1,024 references a pin, and 2,097,152 pins are one more than an int
 * can count. The zero page would stay full for good.
 */
static void test_many_pins(void)
{
	const char *name = "2,097,152 pins of the zero page are given back";
	struct gup_test test = { .size = 8 * GIB, .nr_pages_per_call = 8 * GIB / BASE_PAGE };
	struct gup_test again = { .size = BASE_PAGE, .nr_pages_per_call = 1 };
	int fd = open("/sys/kernel/debug/gup_test", O_RDWR);
	char *addr = mmap(NULL, 8 * GIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	bool ok;

	test.addr = (uintptr_t)addr;
	again.addr = test.addr;
	ok = fd >= 0 && addr != MAP_FAILED && !madvise(addr, 8 * GIB, MADV_NOHUGEPAGE) &&
		!ioctl(fd, PIN_BASIC_TEST, &test);
	if (!ok)
		note("%s", strerror(errno));
	ok = ok && !ioctl(fd, PIN_BASIC_TEST, &again) && again.size == BASE_PAGE;
	result(ok, "%s", name);
	if (addr != MAP_FAILED)
		munmap(addr, 8 * GIB);
	if (fd >= 0)
		close(fd);
}

/* The kernel reads the last bytes of a huge page, at no multiple of 4 KiB. */
static bool reads_hugetlb(void)
{
	const char text[] = "the end";
	char *addr = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	char *end = addr + 2 * MIB - sizeof(text), got[sizeof(text)] = "";
	int fd = open("/proc/self/mem", O_RDONLY);
	bool ok = addr != MAP_FAILED && fd >= 0;

	if (ok)
		memcpy(end, text, sizeof(text));
	ok = ok && pread(fd, got, sizeof(got), (uintptr_t)end) == sizeof(got) &&
		!memcmp(got, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	if (addr != MAP_FAILED)
		munmap(addr, 2 * MIB);
	return ok;
}

/* harness/jobs/holes reserves 16 MiB and 4 KiB at an odd multiple of 4 KiB. */
static void test_odd_range(void)
{
	char text[32];
	long len = file_read("/sys/bus/dax/devices/dax1.0/size", text, sizeof(text));

	result(len > 0 && strtoul(text, NULL, 10) == 14 * MIB,
	       "a soft-reserved range off a multiple of 2 MiB has a device");
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	size_t i;

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	plan(3 * 6 - 1 + 2 + 1 + 1 + 1);
	if (static_setup())
		note("%s", device_error());
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		test_kind(&kinds[i]);
	test_empty_namespace();
	test_odd_range();
	result(reads_hugetlb(), "the end of a huge page is read through /proc/self/mem");
	test_many_pins();
	return failures() != 0;
}
