// SPDX-License-Identifier: GPL-2.0
/*
 * Bind a device while one allocation fails: the first, the second, and so on, until
 * no allocation fails any more. A failed bind must not disturb the next one. Needs a
 * kernel with fault injection and debug_pagealloc=off, see devices().
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devdax_device.h"
#include "ktap.h"

#define MIB	(1UL << 20)
#define GIB	(1UL << 30)

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define DAX_DRIVER	"/sys/bus/dax/drivers/device_dax"
#define ND_DEVICES	"/sys/bus/nd/devices"
#define ND_DRIVER	"/sys/bus/nd/drivers/dax_pmem"

#define MIN_FAULTS	10
/* KiB that may be elsewhere afterwards: the CPUs keep free pages for themselves */
#define TOLERANCE	2048

enum {
	UNBOUND, NEXT_BIND, MEMORY, FAULTS, TARGET_TESTS
};

static const char * const target_tests[TARGET_TESTS] = {
	[UNBOUND] = "a bind that fails leaves the device unbound",
	[NEXT_BIND] = "the next bind works",
	[MEMORY] = "what a bind took of the memory comes back",
	[FAULTS] = "more than 10 allocations failed",
};

#define PLAN	(6 * TARGET_TESTS + 1)

/*
 * struct target - what is bound by one write to a file of sysfs
 * @driver: folder of the driver in sysfs
 * @name: the device as that driver's bus knows it
 * @dev: the device-dax device that the bind makes, which may have another name
 */
struct target {
	char driver[64];
	char name[64];
	struct device dev;
};

static void target_result(bool ok, const char *kind, int test)
{
	result(ok, "%s: %s", kind, target_tests[test]);
}

/* Fail allocations of every kind, without a report. fail-nth decides which one. */
static int inject_everywhere(void)
{
	static const char * const settings[][2] = {
		{ "/sys/kernel/debug/failslab/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/failslab/verbose", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "/sys/kernel/debug/fail_page_alloc/min-order", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/verbose", "0" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (file_write(settings[i][0], settings[i][1]))
			return -1;
	return 0;
}

static int control(struct target *target, const char *file)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", target->driver, file);
	return file_write(path, target->name);
}

/* Bind while the @nth allocation fails. Returns whether it is bound; sets @fault if one failed. */
static bool bind_failing(struct target *target, unsigned int nth, bool *fault)
{
	char path[128], text[16] = "";
	int nth_fd = open(FAIL_NTH, O_RDWR), bind_fd;
	ssize_t done;

	snprintf(path, sizeof(path), "%s/bind", target->driver);
	bind_fd = open(path, O_WRONLY);
	snprintf(text, sizeof(text), "%u", nth);
	if (nth_fd < 0 || bind_fd < 0 || pwrite(nth_fd, text, strlen(text), 0) < 0) {
		note("%s or %s: %s", FAIL_NTH, path, strerror(errno));
		exit(1);
	}
	done = write(bind_fd, target->name, strlen(target->name));
	memset(text, 0, sizeof(text));
	if (pread(nth_fd, text, sizeof(text) - 1, 0) < 0 || pwrite(nth_fd, "0", 1, 0) < 0) {
		note("%s: %s", FAIL_NTH, strerror(errno));
		exit(1);
	}
	*fault = !strtoul(text, NULL, 10);
	close(bind_fd);
	close(nth_fd);
	return done > 0;
}

static bool has_driver(const char *bus, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/%s/devices/%s/driver", bus, name);
	return !access(path, F_OK);
}

static bool is_usable(struct device *dev)
{
	char *addr = MAP_FAILED;
	int fd = -1, i;

	/* devtmpfs is late with the node of a new device */
	for (i = 0; i < 200 && fd < 0; i++) {
		fd = open(dev->node, O_RDWR);
		if (fd < 0)
			usleep(50000);
	}
	if (fd >= 0)
		addr = mmap(NULL, dev->align, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (addr != MAP_FAILED) {
		*(volatile char *)(addr + dev->align / 2) = 1;
		munmap(addr, dev->align);
	}
	if (fd >= 0)
		close(fd);
	return addr != MAP_FAILED;
}

/* KiB that are free, or that slab has: what slab keeps for later is not lost. */
static long memory(void)
{
	file_write("/proc/sys/vm/drop_caches", "3");
	return file_counter("/proc/meminfo", "MemFree") + file_counter("/proc/meminfo", "Slab");
}

/* Unbound when this starts, and when it ends. */
static void test_target(struct target *target, const char *kind)
{
	unsigned int nth, faults = 0, binds_failed = 0;
	bool fault, bound, unbound = true, next = true;
	long before, bound_memory = 0, after;

	/* what the first bind of all takes for good is no leak */
	if (control(target, "bind") || !is_usable(&target->dev) ||
	    !(bound_memory = memory()) || control(target, "unbind")) {
		note("%s: %s", kind, device_error());
		for (nth = 0; nth < TARGET_TESTS; nth++)
			target_result(false, kind, nth);
		return;
	}

	before = memory();
	for (nth = 1; ; nth++) {
		bound = bind_failing(target, nth, &fault);
		faults += fault;
		if (!bound) {
			binds_failed++;
			if (has_driver("dax", target->dev.name)) {
				note("%s: still bound after allocation %u failed", kind, nth);
				unbound = false;
			}
		}
		/* the bind of a namespace succeeds even if its device-dax device fails */
		if (bound)
			control(target, "unbind");
		if (control(target, "bind") || !is_usable(&target->dev) ||
		    control(target, "unbind")) {
			note("%s: allocation %u failed, and then: %s", kind, nth,
			     device_error());
			next = false;
			break;
		}
		if (!fault)
			break;
	}
	after = memory();
	note("%s: %u allocations and %u binds failed; %ld KiB are gone, one bind takes %ld KiB",
	     kind, faults, binds_failed, before - after, before - bound_memory);

	target_result(unbound && binds_failed, kind, UNBOUND);
	target_result(next, kind, NEXT_BIND);
	/* this sees a bind that loses a memmap, if that is stored whole */
	target_result(before - after < TOLERANCE, kind, MEMORY);
	target_result(faults > MIN_FAULTS, kind, FAULTS);
}

/* A device of one range, or of two with a hole between them */
static void test_dynamic(unsigned long align, unsigned long size, bool split, const char *kind)
{
	struct target target = { .driver = DAX_DRIVER };
	int test;

	if (dynamic_find(&target.dev) ||
	    (split ? dynamic_split(&target.dev, align, size) :
	     dynamic_resize(&target.dev, align, size))) {
		note("%s: %s", kind, device_error());
		for (test = 0; test < TARGET_TESTS; test++)
			target_result(false, kind, test);
		return;
	}
	strcpy(target.name, target.dev.name);
	snprintf(target.dev.node, sizeof(target.dev.node), "/dev/%s", target.dev.name);
	test_target(&target, kind);
	if (split && dynamic_unsplit(&target.dev))
		note("%s: %s", kind, device_error());
}

/* The device of the nvdimm bus that has claimed a namespace */
static int claim_of(const char *namespace, char *name, size_t size)
{
	struct dirent *entry;
	DIR *dir = opendir(ND_DEVICES);
	int rc = -1;

	while (rc && dir && (entry = readdir(dir))) {
		char path[300], text[64] = "";

		if (strncmp(entry->d_name, "dax", 3))
			continue;
		snprintf(path, sizeof(path), ND_DEVICES "/%s/namespace", entry->d_name);
		file_read(path, text, sizeof(text));
		text[strcspn(text, "\n")] = '\0';
		if (!strcmp(text, namespace)) {
			snprintf(name, size, "%.31s", entry->d_name);
			rc = 0;
		}
	}
	if (dir)
		closedir(dir);
	return rc;
}

static void test_static(const char *map, unsigned long align, unsigned long size,
			const char *kind)
{
	struct target target = { .driver = ND_DRIVER };
	int test;

	if (static_create(&target.dev, map, align, size) ||
	    claim_of(target.dev.namespace, target.name, sizeof(target.name)) ||
	    control(&target, "unbind")) {
		note("%s: %s", kind, device_error());
		for (test = 0; test < TARGET_TESTS; test++)
			target_result(false, kind, test);
		return;
	}
	test_target(&target, kind);
	if (static_destroy(&target.dev))
		note("%s: %s", kind, device_error());
}

/*
 * When x86 adds memory and has no page for its page tables, it crashes. So all of
 * the devices are where the direct map has these pages already: whole multiples
 * of 1 GiB need none, the others have a neighbour in the same GiB.
 */
static void devices(void)
{
	struct device neighbour;

	test_dynamic(2 * MIB, 256 * MIB, false, "dynamic 2M");
	test_dynamic(2 * MIB, 128 * MIB, true, "dynamic two ranges 2M");
	test_dynamic(GIB, GIB, false, "dynamic 1G");
	if (static_create(&neighbour, "mem", 2 * MIB, 512 * MIB))
		note("%s", device_error());
	test_static("mem", 2 * MIB, 256 * MIB, "static 2M");
	test_static("dev", 2 * MIB, 256 * MIB, "static dev 2M");
	static_destroy(&neighbour);
	test_static("mem", GIB, 2 * GIB, "static 1G");
}

static void leaks(void)
{
	static const char name[] = "nothing that a bind allocated is lost";
	static char report[1 << 20];
	int found = 0;
	char *at;

	/* a kernel without kmemleak has no such file; with it, a failed scan fails the test */
	if (access(KMEMLEAK, F_OK)) {
		skip("a kernel without kmemleak", name);
		return;
	}
	/* what is younger than five seconds is not reported */
	sleep(6);
	if (file_write(KMEMLEAK, "scan") || file_write(KMEMLEAK, "scan") ||
	    file_read(KMEMLEAK, report, sizeof(report)) < 0) {
		note("%s", device_error());
		result(false, name);
		return;
	}
	for (at = report; (at = strstr(at, "comm \"alloc-failure\"")); at++)
		found++;
	if (found)
		note("%s", report);
	result(!found, name);
}

int main(void)
{
	plan(PLAN);
	if (inject_everywhere()) {
		printf("Bail out! no fault injection: %s\n", device_error());
		return 1;
	}
	if (static_setup())
		note("%s", device_error());
	devices();
	leaks();
	return failures() != 0;
}
