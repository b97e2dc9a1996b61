// SPDX-License-Identifier: GPL-2.0
/*
 * Give memory to a device by VFIO, behind an emulated IOMMU. The device is QEMU's
 * "edu", which can copy up to 4 KiB between itself and an address of the IOMMU.
 *
 * As "vfio" it tests each kind of memory: what the device copies arrives, what
 * was pinned is released, and a device-dax device can be unbound afterwards. As
 * "vfio-bench" it measures mapping and unmapping 1 GiB.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "devdax_device.h"
#include "ktap.h"

#define MIB		(1UL << 20)
#define GIB		(1UL << 30)
#define BASE_PAGE	4096UL

#define EDU_ID		"1234 11e8"
#define EDU_BUFFER	0x40000		/* where a copy sees the device's own memory */
#define EDU_IDENT	0x00
#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_CMD	0x98
#define EDU_RUN		0x1
#define EDU_TO_MEMORY	0x2

/* The device reaches no more than 256 MiB of addresses. */
#define IOVA		0x1000000UL
#define REACH		0xf000000UL

static int container, edu;
static volatile char *registers;
static const char *trouble = "";

static bool kind_result(bool ok, const char *kind, const char *what)
{
	if (!ok && trouble[0])
		note("%s: %s", kind, trouble);
	trouble = "";
	return result(ok, "%s: %s", kind, what);
}

static int fails(const char *why)
{
	static char text[256];

	snprintf(text, sizeof(text), "%s: %s", why, strerror(errno));
	trouble = text;
	return -1;
}

/* ---- the device behind the IOMMU ---- */

/* vfio-pci takes the device; its group's number is the name of its node. */
static int find_group(char *address, size_t size)
{
	struct dirent *entry;
	char path[300], link[300];
	int group = -1;
	ssize_t len;
	DIR *dir;

	if (file_write("/sys/bus/pci/drivers/vfio-pci/new_id", EDU_ID))
		return -1;
	dir = opendir("/sys/bus/pci/drivers/vfio-pci");
	while (dir && group < 0 && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "0000:", 5))
			continue;
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.32s/iommu_group",
			 entry->d_name);
		len = readlink(path, link, sizeof(link) - 1);
		if (len < 0)
			break;
		link[len] = '\0';
		snprintf(address, size, "%.32s", entry->d_name);
		group = atoi(strrchr(link, '/') + 1);
	}
	if (dir)
		closedir(dir);
	return group;
}

static int open_edu(void)
{
	struct vfio_region_info region = { .argsz = sizeof(region) };
	uint16_t command = 0x6;		/* memory space, bus master */
	char address[64], path[64];
	int number = find_group(address, sizeof(address)), group;

	if (number < 0)
		return fails("no edu device behind an IOMMU");
	container = open("/dev/vfio/vfio", O_RDWR);
	snprintf(path, sizeof(path), "/dev/vfio/%d", number);
	group = open(path, O_RDWR);
	if (container < 0 || group < 0)
		return fails(path);
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return fails("VFIO_SET_IOMMU");
	edu = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, address);
	if (edu < 0)
		return fails("VFIO_GROUP_GET_DEVICE_FD");
	region.index = VFIO_PCI_CONFIG_REGION_INDEX;
	if (ioctl(edu, VFIO_DEVICE_GET_REGION_INFO, &region) ||
	    pwrite(edu, &command, sizeof(command), region.offset + 4) != sizeof(command))
		return fails("bus master");
	region.index = VFIO_PCI_BAR0_REGION_INDEX;
	if (ioctl(edu, VFIO_DEVICE_GET_REGION_INFO, &region))
		return fails("VFIO_DEVICE_GET_REGION_INFO");
	registers = mmap(NULL, region.size, PROT_READ | PROT_WRITE, MAP_SHARED, edu,
			 region.offset);
	if (registers == MAP_FAILED)
		return fails("mmap of registers");
	if ((*(volatile uint32_t *)(registers + EDU_IDENT) & 0xff) != 0xed)
		return fails("this is no edu device");
	return 0;
}

static void edu_copy(uint64_t from, uint64_t to, uint64_t len, uint64_t direction)
{
	volatile uint64_t *command = (volatile uint64_t *)(registers + EDU_DMA_CMD);

	*(volatile uint64_t *)(registers + EDU_DMA_SRC) = from;
	*(volatile uint64_t *)(registers + EDU_DMA_DST) = to;
	*(volatile uint64_t *)(registers + EDU_DMA_COUNT) = len;
	*command = EDU_RUN | direction;
	while (*command & EDU_RUN)
		usleep(1000);
}

static int iommu_map_for(uint32_t flags, void *addr, unsigned long size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = (uintptr_t)addr,
		.iova = IOVA,
		.size = size,
	};

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &map) ? fails("VFIO_IOMMU_MAP_DMA") : 0;
}

static int iommu_map(void *addr, unsigned long size)
{
	return iommu_map_for(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE, addr, size);
}

static int iommu_unmap(unsigned long size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = IOVA, .size = size,
	};

	return ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap) ? fails("VFIO_IOMMU_UNMAP_DMA") : 0;
}

/* ---- what is looked at ---- */

/* Pins that are not released yet. Without the counters there is nothing to test. */
static long pins_left(void)
{
	long acquired, released;

	if (!file_write("/proc/sys/vm/stat_refresh", "1")) {
		acquired = file_counter("/proc/vmstat", "nr_foll_pin_acquired");
		released = file_counter("/proc/vmstat", "nr_foll_pin_released");
		if (acquired >= 0 && released >= 0)
			return acquired - released;
	}
	printf("Bail out! pins cannot be counted: %s\n", device_error());
	exit(1);
}

static long locked_kib(void)
{
	return file_counter("/proc/self/status", "VmPin") + file_counter("/proc/self/status", "VmLck");
}

/* The device copies half a page from one offset to another. */
static bool copies(char *memory, unsigned long from, unsigned long to)
{
	const unsigned long len = BASE_PAGE / 2;
	unsigned long i;

	for (i = 0; i < len; i++) {
		memory[from + i] = from / BASE_PAGE + i * 7;
		memory[to + i] = 0;
	}
	edu_copy(IOVA + from, EDU_BUFFER, len, 0);
	edu_copy(EDU_BUFFER, IOVA + to, len, EDU_TO_MEMORY);
	return !memcmp(memory + from, memory + to, len);
}

enum { COPIES, LOCKS, RELEASES, TESTS };

static const char * const tests[TESTS] = {
	[COPIES] = "the device reads and writes heads and tails",
	[LOCKS] = "locked memory is counted as it always was",
	[RELEASES] = "every pin is released",
};

/* Of the @size bytes, @counted ones are locked. */
static void test_memory(const char *kind, char *memory, unsigned long size,
			unsigned long counted)
{
	unsigned long reach = size < REACH ? size : REACH;
	long before = pins_left(), locked = locked_kib(), now;
	bool ok;

	if (!memory || iommu_map(memory, size)) {
		kind_result(false, kind, tests[COPIES]);
		kind_result(false, kind, tests[LOCKS]);
		kind_result(false, kind, tests[RELEASES]);
		return;
	}
	ok = copies(memory, 0, 5 * BASE_PAGE);
	ok &= copies(memory, 2 * MIB - BASE_PAGE, reach - BASE_PAGE);
	ok &= copies(memory, 3 * MIB + 123 * BASE_PAGE, 2 * MIB);
	kind_result(ok, kind, tests[COPIES]);

	now = locked_kib() - locked;
	if (now != (long)(counted / 1024))
		note("%s: %ld KiB more are locked", kind, now);
	ok = now == (long)(counted / 1024);
	ok &= !iommu_unmap(size) && locked_kib() == locked;
	kind_result(ok, kind, tests[LOCKS]);

	now = pins_left() - before;
	if (now)
		note("%s: %ld pins are left", kind, now);
	kind_result(!now, kind, tests[RELEASES]);
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void measure_memory(const char *kind, char *memory, unsigned long size)
{
	double start, mapped, unmapped;
	bool ok;

	start = now_ns();
	ok = memory && !iommu_map(memory, size);
	mapped = now_ns();
	ok = ok && !iommu_unmap(size);
	unmapped = now_ns();
	if (ok) {
		printf("row\t%s\tvfio_map\tinstructions/page\t%.3f\t%lu\n", kind,
		       (mapped - start) / (size / BASE_PAGE), size / BASE_PAGE);
		printf("row\t%s\tvfio_unmap\tinstructions/page\t%.3f\t%lu\n", kind,
		       (unmapped - mapped) / (size / BASE_PAGE), size / BASE_PAGE);
	}
	kind_result(ok, "measured", kind);
}

/*
 * Base pages of which no two are contiguous: every second one that is taken. How long
 * runs are by chance would be most of what mapping them costs.
 */
static char *scattered(unsigned long size)
{
	const int access = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	char *memory = mmap(NULL, size, access, flags, -1, 0);
	char *other = mmap(NULL, size, access, flags, -1, 0);
	unsigned long at;

	if (memory == MAP_FAILED || other == MAP_FAILED ||
	    madvise(memory, size, MADV_NOHUGEPAGE) || madvise(other, size, MADV_NOHUGEPAGE))
		return MAP_FAILED;
	for (at = 0; at < size; at += BASE_PAGE)
		memory[at] = other[at] = 1;
	munmap(other, size);
	return memory;
}

/* ---- kinds of memory ---- */

static bool measuring;

static void memory_kind(const char *kind, char *memory, unsigned long size, bool counted)
{
	if (memory == MAP_FAILED) {
		fails("mmap");
		memory = NULL;
	}
	if (measuring)
		measure_memory(kind, memory, size);
	else
		test_memory(kind, memory, size, counted ? size : 0);
	if (memory)
		munmap(memory, size);
}

/* Do not unbind if pins are left: that could wait for ever. */
static bool can_unbind(struct device *dev, long before)
{
	return pins_left() == before && !device_unbind(dev) && !device_bind(dev);
}

static void device_kind(const char *kind, struct device *dev, int missing, unsigned long size)
{
	long before = pins_left();
	char *memory = MAP_FAILED;
	int fd;

	if (missing) {
		note("%s: %s", kind, device_error());
		errno = ENODEV;
	} else {
		fd = open(dev->node, O_RDWR);
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			      fd, 0);
		close(fd);
	}
	memory_kind(kind, memory, size, false);
	if (!measuring)
		kind_result(!missing && can_unbind(dev, before), kind, "the device can be unbound");
}

/*
 * A mapping of many runs: two pages of the device in falling order, and four base
 * pages of a THP in falling order
 */
static void test_pieces(struct device *dev, bool missing)
{
	const unsigned long tail = 4 * BASE_PAGE;
	const int access = PROT_READ | PROT_WRITE;
	char *room = mmap(NULL, 10 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *memory = (char *)(((uintptr_t)room + 2 * MIB - 1) & ~(2 * MIB - 1));
	char *thp = memory + 6 * MIB, *end = memory + 4 * MIB + tail;
	int fd = missing ? -1 : open(dev->node, O_RDWR), i;
	long before = pins_left();
	bool ok = fd >= 0;

	for (i = 0; i < 2; i++)
		ok = ok && mmap(memory + i * 2 * MIB, 2 * MIB, access, MAP_SHARED | MAP_FIXED,
				fd, (1 - i) * 2 * MIB) != MAP_FAILED;
	ok = ok && !mprotect(thp, 2 * MIB, access) && !madvise(thp, 2 * MIB, MADV_HUGEPAGE);
	if (ok)
		thp[0] = 1;
	for (i = 0; i < 4; i++)
		ok = ok && mremap(thp + i * BASE_PAGE, BASE_PAGE, BASE_PAGE,
				  MREMAP_MAYMOVE | MREMAP_FIXED,
				  end - (i + 1) * BASE_PAGE) != MAP_FAILED;
	if (fd >= 0)
		close(fd);
	test_memory("in pieces", ok ? memory : NULL, 4 * MIB + tail, tail);
	munmap(room, 10 * MIB);
	kind_result(ok && can_unbind(dev, before), "in pieces", "the device can be unbound");
}

/* Unbind the device while it is mapped: that ends after the mapping, and not before. */
static void test_unbind(struct device *dev, bool missing)
{
	int fd = missing ? -1 : open(dev->node, O_RDWR), status = 1;
	char *memory = fd < 0 ? MAP_FAILED :
		mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	/* on a kernel that leaks pins it would wait for ever */
	bool ok = memory != MAP_FAILED && !pins_left() && !iommu_map(memory, 4 * MIB), waits;
	pid_t child = ok ? fork() : -1;

	if (!child)
		_exit(device_unbind(dev) != 0);
	sleep(1);
	waits = child > 0 && !waitpid(child, &status, WNOHANG);
	ok = ok && !iommu_unmap(4 * MIB) && waits && waitpid(child, &status, 0) == child &&
		!status && !pins_left();
	if (memory != MAP_FAILED)
		munmap(memory, 4 * MIB);
	if (fd >= 0)
		close(fd);
	kind_result(ok && !device_bind(dev), "unbind", "waits for a mapping, and ends after it");
}

/* What was never written is the zero page, many times over. */
static void test_zero_page(void)
{
	char *memory = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long before = pins_left();
	bool ok = memory != MAP_FAILED && !iommu_map_for(VFIO_DMA_MAP_FLAG_READ, memory, 2 * MIB);

	ok = ok && !iommu_unmap(2 * MIB);
	kind_result(ok && pins_left() == before, "the zero page", tests[RELEASES]);
	munmap(memory, 2 * MIB);
}

/* ---- memory that is mapped by pfn, through /dev/mem ---- */

enum { BEFORE, WHILE, BOTH, AFTERWARDS, AS_RAM, BY_PFN_TESTS };

static const char * const by_pfn_tests[BY_PFN_TESTS] = {
	[BEFORE] = "what was mapped before the device was bound is not unpinned",
	[WHILE] = "a bound device is mapped without a pin",
	[BOTH] = "pages with and without a pin in one mapping are refused",
	[AFTERWARDS] = "the device can be unbound",
	[AS_RAM] = "what became System RAM meanwhile is not unpinned",
};

/* 2 MiB of the device by its node, or by pfn if @node is NULL */
static bool map_part(struct device *dev, const char *node, char *at)
{
	char path[128];
	off_t start = 0;
	int fd;

	if (!node) {
		snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/mapping0/start",
			 dev->name);
		start = file_number(path);
		node = "/dev/mem";
	}
	fd = open(node, O_RDWR);
	at = mmap(at, 2 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, start);
	close(fd);
	if (at == MAP_FAILED)
		fails("mmap by pfn");
	return at != MAP_FAILED;
}

static bool is_refused(char *memory)
{
	if (!iommu_map(memory, 4 * MIB)) {
		iommu_unmap(4 * MIB);
		return false;
	}
	return errno == EFAULT;
}

/* IO_STRICT_DEVMEM allows it only while the device is not bound. */
static bool skipped(struct device *dev, char *at)
{
	int test;

	if (map_part(dev, NULL, at) || errno != EPERM)
		return false;
	for (test = WHILE; test <= BOTH; test++)
		skip("CONFIG_IO_STRICT_DEVMEM", "by pfn: %s", by_pfn_tests[test]);
	trouble = "";
	return true;
}

static void test_by_pfn(struct device *dev, bool missing)
{
	char *room = mmap(NULL, 6 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *memory = (char *)(((uintptr_t)room + 2 * MIB - 1) & ~(2 * MIB - 1));
	long before = pins_left();
	bool ok;

	/* a device with pins left over would not unbind */
	ok = !missing && !before && !device_unbind(dev) && map_part(dev, NULL, memory) &&
		!iommu_map(memory, 2 * MIB) && !device_bind(dev) && !iommu_unmap(2 * MIB);
	kind_result(ok && pins_left() == before, "by pfn", by_pfn_tests[BEFORE]);

	if (!ok || !skipped(dev, memory)) {
		ok = ok && map_part(dev, NULL, memory) && !iommu_map(memory, 2 * MIB) &&
			pins_left() == before && !iommu_unmap(2 * MIB);
		kind_result(ok && pins_left() == before, "by pfn", by_pfn_tests[WHILE]);

		ok = ok && map_part(dev, dev->node, memory + 2 * MIB) && is_refused(memory) &&
			map_part(dev, dev->node, memory) &&
			map_part(dev, NULL, memory + 2 * MIB) && is_refused(memory);
		kind_result(ok && pins_left() == before, "by pfn", by_pfn_tests[BOTH]);
	}

	munmap(memory, 4 * MIB);
	ok = ok && can_unbind(dev, before);
	kind_result(ok, "by pfn", by_pfn_tests[AFTERWARDS]);

	if (access(KMEM "new_id", F_OK)) {
		skip("CONFIG_DEV_DAX_KMEM", "by pfn: %s", by_pfn_tests[AS_RAM]);
		munmap(room, 6 * MIB);
		return;
	}
	ok = ok && !device_unbind(dev) && map_part(dev, NULL, memory) &&
		!iommu_map(memory, 2 * MIB) && !file_write(KMEM "new_id", dev->name) &&
		!memory_set(dev, "online_movable") && !iommu_unmap(2 * MIB) &&
		pins_left() == before && !memory_set(dev, "offline") &&
		!file_write(KMEM "unbind", dev->name) && !file_write(KMEM "remove_id", dev->name);
	if (!ok)
		note("by pfn: %s", device_error());
	kind_result(ok, "by pfn", by_pfn_tests[AS_RAM]);
	munmap(room, 6 * MIB);
}

static const struct {
	const char *map, *name, *row;
	unsigned long align, size;
} namespaces[] = {
	{ "mem", "static mem 4K", "static\tmem\t4K", BASE_PAGE, 256 * MIB },
	{ "mem", "static mem 2M", "static\tmem\t2M", 2 * MIB, 256 * MIB },
	{ "dev", "static dev 2M", "static\tdev\t2M", 2 * MIB, 256 * MIB },
	{ "mem", "static mem 1G", "static\tmem\t1G", GIB, GIB },
};

#define NAMESPACES	(sizeof(namespaces) / sizeof(*namespaces))

int main(int argc, char **argv)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
	const int access = PROT_READ | PROT_WRITE;
	unsigned long size;
	struct device dev;
	unsigned int i;
	int missing;

	measuring = argc && !strcmp(argv[0], "vfio-bench");
	plan(measuring ? 3 + NAMESPACES :
	     2 * TESTS + (NAMESPACES + 2) * (TESTS + 1) + 2 + BY_PFN_TESTS);
	if (open_edu() || static_setup()) {
		printf("Bail out! %s %s\n", trouble, device_error());
		return 1;
	}

	size = measuring ? GIB : 64 * MIB;
	memory_kind(measuring ? "hugetlb\t-\t2M" : "hugetlbfs 2M",
		    mmap(NULL, size, access, flags | MAP_HUGETLB, -1, 0), size, true);
	for (i = 0; i < NAMESPACES; i++) {
		size = measuring ? GIB : namespaces[i].size;
		missing = static_create(&dev, namespaces[i].map, namespaces[i].align,
					size + (measuring ? GIB : size));
		device_kind(measuring ? namespaces[i].row : namespaces[i].name, &dev,
			    missing, size);
		/* on a kernel that leaks pins it would wait for them */
		if (!missing && !pins_left())
			static_destroy(&dev);
	}
	missing = dynamic_find(&dev) || dynamic_resize(&dev, 2 * MIB, GIB) || device_bind(&dev);
	device_kind(measuring ? "dynamic\tmem\t2M" : "dynamic 2M", &dev, missing,
		    measuring ? GIB : 256 * MIB);
	/* the last one: what it leaves in the allocator costs those that follow */
	size = measuring ? GIB : 64 * MIB;
	memory_kind(measuring ? "anon\t-\t4K" : "anonymous 4K", scattered(size), size, true);
	if (!measuring) {
		test_pieces(&dev, missing);
		test_unbind(&dev, missing);
		test_zero_page();
		test_by_pfn(&dev, missing);
	}
	return failures() != 0;
}
