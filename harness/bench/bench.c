// SPDX-License-Identifier: GPL-2.0
/*
 * Measure pinning, unpinning, faulting and setting up on every kind of memory.
 * Prints the output of gup_test after "# ", and a row for each figure:
 *
 *	row kind map align metric unit value count
 *
 * and a test result for each kind of memory, which fails if a figure is missing.
 *
 * Under -icount shift=0 a nanosecond of the guest is an instruction, and what
 * gup_test calls a microsecond is a thousand of them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "devdax_device.h"

#define MIB		(1UL << 20)
#define GIB		(1UL << 30)
#define BASE_PAGE	4096UL
#define PAGES		(GIB / BASE_PAGE)
#define REPEATS		3

/* of memory: three, six static and one of base pages, three dynamic, fsdax */
#define KINDS		14

/* Run as "counts": what a call costs by the number of pages that it asks for. */
static bool counts_only;
static bool failed, any_failed;
static int results;

/* Whether all of one kind of memory could be measured. */
static void result(const char *what)
{
	char name[64];
	char *tab;

	snprintf(name, sizeof(name), "%s", what);
	while ((tab = strchr(name, '\t')))
		*tab = ' ';
	printf("%s %d measured: %s\n", failed ? "not ok" : "ok", ++results, name);
	fflush(stdout);
	any_failed |= failed;
	failed = false;
}

static void row(const char *what, const char *metric, double value, unsigned long count)
{
	printf("row\t%s\t%s\tinstructions/page\t%.3f\t%lu\n", what, metric, value, count);
	fflush(stdout);
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* One run of gup_test: the medians of what pages cost, per 4 KiB. */
static int measure(const char *args, unsigned long mib, const char *how,
		   unsigned long count, double *get, double *put)
{
	double gets[REPEATS], puts[REPEATS], pages = mib * MIB / BASE_PAGE;
	char out[4096], line_args[256], *line;
	int i = 0;

	snprintf(line_args, sizeof(line_args), "%s %s -m %lu -r %d -n %lu -w",
		 args, how, mib, REPEATS, count);
	printf("# gup_test %s\n", line_args);
	if (run(out, sizeof(out), "gup_test %s", line_args)) {
		printf("# %s\n", device_error());
		return -1;
	}
	for (line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
		char *at = strstr(line, "get:");
		long us_get, us_put;

		printf("# %s\n", line);
		if (strstr(line, "truncated"))
			return -1;
		if (i < REPEATS && at && sscanf(at, "get:%ld put:%ld", &us_get, &us_put) == 2) {
			gets[i] = us_get * 1000.0 / pages;
			puts[i++] = us_put * 1000.0 / pages;
		}
	}
	if (i != REPEATS)
		return -1;
	qsort(gets, REPEATS, sizeof(*gets), compare);
	qsort(puts, REPEATS, sizeof(*puts), compare);
	*get = gets[REPEATS / 2];
	*put = puts[REPEATS / 2];
	return 0;
}

enum { FAST, FAST_LONGTERM, LONGTERM, SLOW, MODES };

static const struct {
	const char *how, *metric;
	bool longterm;
} modes[MODES] = {
	[FAST] = { "-a", "pin_fast", false },
	[FAST_LONGTERM] = { "-l", "pin_fast_longterm", true },
	[LONGTERM] = { "-L", "pin_longterm", true },
	[SLOW] = { "-b", "pin_slow", false },
};

static double measure_mode(const char *what, const char *args, unsigned long mib,
			   int mode, unsigned long count)
{
	double get = 0, put = 0;

	if (measure(args, mib, modes[mode].how, count, &get, &put)) {
		printf("# %s: %s could not be measured\n", what, modes[mode].metric);
		failed = true;
	} else {
		row(what, modes[mode].metric, get, count);
	}
	return put;
}

static void measure_pins(const char *what, const char *args, bool longterm)
{
	double get, put;
	int mode;

	for (mode = 0; mode < MODES; mode++) {
		if (modes[mode].longterm && !longterm)
			continue;
		put = measure_mode(what, args, 1024, mode, 512);
		/* gup_test gives all pages back in one call */
		if (mode == FAST && !failed)
			row(what, "unpin", put, PAGES);
	}
	/* a kernel without this call refuses the option */
	if (!measure(args, 1024, "-a -R", 512, &get, &put))
		row(what, "unpin_range", put, PAGES);
}

static void measure_counts(const char *what, const char *args, bool longterm,
			   unsigned long align)
{
	static const unsigned long counts[] = { 1, 16, 512, 4096, 262144 };
	unsigned int i;
	int mode;

	for (mode = 0; mode < MODES; mode++) {
		if (modes[mode].longterm && !longterm)
			continue;
		/* gup_test touches all before, which takes long page by page */
		for (i = 0; i < sizeof(counts) / sizeof(*counts); i++)
			measure_mode(what, args, counts[i] > 4096 || align == GIB ? 1024 : 128,
				     mode, counts[i]);
	}
}

static void measure_memory(const char *what, const char *args, bool longterm,
			   unsigned long align)
{
	if (counts_only)
		measure_counts(what, args, longterm, align);
	else
		measure_pins(what, args, longterm);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/* The first touch of every page of 1 GiB, then all of it by one mmap(). */
static void measure_fault(const char *what, struct device *dev)
{
	int fd = open(dev->node, O_RDWR);
	volatile char *addr;
	unsigned long at;
	double start;

	addr = mmap(NULL, GIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (addr == MAP_FAILED) {
		close(fd);
		printf("# %s: mmap failed\n", what);
		failed = true;
		return;
	}
	start = now();
	for (at = 0; at < GIB; at += dev->align)
		addr[at] = 1;
	row(what, "fault", (now() - start) / PAGES, dev->align / BASE_PAGE);
	munmap((void *)addr, GIB);

	start = now();
	addr = mmap(NULL, GIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	row(what, "populate", (now() - start) / PAGES, PAGES);
	munmap((void *)addr, GIB);
	close(fd);
}

/* What memmap_init_zone_device() logged last, in milliseconds. */
static void measure_setup(const char *what)
{
	static char line[8192];
	unsigned long pages = 0, found_pages = 0;
	unsigned int ms, found_ms = 0;
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	ssize_t len;

	while ((len = read(fd, line, sizeof(line) - 1)) > 0) {
		char *at;

		line[len] = '\0';
		at = strstr(line, "initialised ");
		if (at && sscanf(at, "initialised %lu pages in %ums", &pages, &ms) == 2) {
			found_pages = pages;
			found_ms = ms;
		}
	}
	close(fd);
	if (found_pages)
		row(what, "memmap_setup", found_ms * 1e6 / found_pages, found_pages);
}

/* Without what is spent waiting, for RCU for example. */
static double worked(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/*
 * What binding and unbinding a device cost, the memmap included, and how much memory
 * a bound device takes. This writes to the driver's files, without other programs.
 */
static void measure_bind(const char *what, struct device *dev)
{
	static const char driver[] = "/sys/bus/dax/drivers/device_dax";
	unsigned long pages = dev->size / BASE_PAGE;
	char path[64], number[32], report[1024], *at;
	long free_kib, by_ptes, larger, tables;
	double start, unbound, bound;

	snprintf(path, sizeof(path), "%s/unbind", driver);
	start = worked();
	failed |= file_write(path, dev->name);
	unbound = worked();
	free_kib = file_counter("/proc/meminfo", "MemFree");
	snprintf(path, sizeof(path), "%s/bind", driver);
	bound = worked();
	failed |= file_write(path, dev->name);
	row(what, "bind", (worked() - bound) / pages, pages);
	row(what, "unbind", (unbound - start) / pages, pages);
	free_kib -= file_counter("/proc/meminfo", "MemFree");
	printf("row\t%s\tmemory\tbytes/page\t%.3f\t%lu\n", what, free_kib * 1024.0 / pages,
	       pages);

	/* exact, where the kernel can tell: pages and tables that no other memmap has */
	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/resource", dev->name);
	snprintf(number, sizeof(number), "%#lx", file_number(path));
	if (file_write("/sys/kernel/debug/devmap_check/addr", number) ||
	    file_read("/sys/kernel/debug/devmap_check/report", report, sizeof(report)) < 0)
		return;
	at = strstr(report, "memmap pages:");
	if (at && sscanf(at, "memmap pages: %ld by PTEs, %ld by larger entries, page tables: %ld",
			 &by_ptes, &larger, &tables) == 3)
		printf("row\t%s\tmemmap\tbytes/page\t%.4f\t%lu\n", what,
		       (by_ptes + larger + tables) * (double)BASE_PAGE / pages, pages);
	for (at = strtok(report, "\n"); at; at = strtok(NULL, "\n"))
		printf("# %s\n", at);
}

static void measure_device(const char *what, struct device *dev)
{
	char args[128];

	if (!counts_only) {
		measure_setup(what);
		measure_bind(what, dev);
		measure_fault(what, dev);
	}
	snprintf(args, sizeof(args), "-f %s -S", dev->node);
	measure_memory(what, args, true, dev->align);
}

static const struct {
	const char *name;
	unsigned long align;
} aligns[] = {
	{ "4K", BASE_PAGE }, { "2M", 2 * MIB }, { "1G", GIB },
};

static void bench_namespace(const char *map, const char *align_name, unsigned long align)
{
	struct device dev;
	char what[64];

	snprintf(what, sizeof(what), "static\t%s\t%s", map, align_name);
	if (static_create(&dev, map, align, 4 * GIB)) {
		printf("# %s: %s\n", what, device_error());
		failed = true;
	} else {
		measure_device(what, &dev);
		static_destroy(&dev);
	}
	result(what);
}

static bool before_v5_17(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	uname(&name);
	sscanf(name.release, "%u.%u", &major, &minor);
	return major < 5 || (major == 5 && minor < 17);
}

static void bench_static(void)
{
	static const char compound[] = "/sys/module/device_dax/parameters/compound";
	static const char * const maps[] = { "mem", "dev" };
	unsigned int m, a;

	for (m = 0; m < 2; m++)
		for (a = 0; a < 3; a++)
			bench_namespace(maps[m], aligns[a].name, aligns[a].align);

	/* kernels before v5.17 have base pages only, later ones cannot turn compound pages off */
	if (access(compound, W_OK) && !before_v5_17()) {
		printf("ok %d measured: static mem 2M of base pages # SKIP this kernel has none\n",
		       ++results);
		return;
	}
	file_write(compound, "0");
	bench_namespace("mem", "2M of base pages", 2 * MIB);
	file_write(compound, "1");
}

static void bench_dynamic(void)
{
	struct device dev;
	unsigned int a;
	char what[64];
	int missing = dynamic_find(&dev);

	for (a = 0; a < 3; a++) {
		snprintf(what, sizeof(what), "dynamic\tmem\t%s", aligns[a].name);
		if (missing || dynamic_resize(&dev, aligns[a].align, 2 * GIB) ||
		    device_bind(&dev)) {
			printf("# %s: %s\n", what, device_error());
			failed = true;
		} else {
			measure_device(what, &dev);
		}
		result(what);
	}
}

static void bench_fsdax(void)
{
	char out[4096], name[16];
	int fd;

	if (run(out, sizeof(out), "ndctl create-namespace -m fsdax -M mem -s %lu", 3 * GIB))
		goto fail;
	snprintf(name, sizeof(name), "%s", strstr(out, "\"blockdev\":\"") ?: "");
	if (sscanf(strstr(out, "\"blockdev\":\"") ?: "", "\"blockdev\":\"%15[^\"]", name) != 1)
		goto fail;
	if (run(out, sizeof(out), "mke2fs -q -F -t ext4 -b 4096 -m 0 /dev/%s", name))
		goto fail;
	snprintf(out, sizeof(out), "/dev/%s", name);
	if (mount(out, "/mnt", "ext4", 0, "dax"))
		goto fail;
	fd = open("/mnt/file", O_RDWR | O_CREAT, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, GIB))
		goto fail;
	close(fd);
	measure_memory("fsdax\tmem\t4K", "-f /mnt/file -S", false, BASE_PAGE);
	umount("/mnt");
	return;
fail:
	printf("# fsdax: %s\n", device_error());
	failed = true;
}

/* Run as "published-case": the two cases that were posted with the idea, with 8 GiB. */
static void bench_published(void)
{
	static const char * const maps[] = { "mem", "dev" };
	struct device dev;
	char what[64], args[64];
	double get, put;
	unsigned int m;

	for (m = 0; m < 2; m++) {
		snprintf(what, sizeof(what), "static\t%s\t2M, 8 GiB", maps[m]);
		if (static_create(&dev, maps[m], 2 * MIB, 9 * GIB)) {
			printf("# %s: %s\n", what, device_error());
			failed = true;
			result(what);
			continue;
		}
		snprintf(args, sizeof(args), "-f %s -S", dev.node);
		failed |= measure(args, 8192, "-a", 512, &get, &put) != 0;
		if (!failed) {
			row(what, "pin_fast", get, 512);
			row(what, "unpin", put, 8 * PAGES);
		}
		static_destroy(&dev);
		result(what);
	}
}

static const struct {
	const char *what, *args;
} plain[] = {
	{ "anon\t-\t4K", "-T" }, { "thp\t-\t2M", "-t" }, { "hugetlb\t-\t2M", "-H" },
};

int main(int argc, char **argv)
{
	unsigned int i;

	if (argc && !strcmp(argv[0], "published-case")) {
		printf("1..2\n");
		if (static_setup())
			printf("# %s\n", device_error());
		bench_published();
		return any_failed;
	}
	counts_only = argc && !strcmp(argv[0], "counts");
	printf("1..%d\n", KINDS);
	for (i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
		measure_memory(plain[i].what, plain[i].args, true, BASE_PAGE);
		result(plain[i].what);
	}
	if (static_setup())
		printf("# %s\n", device_error());
	bench_static();
	bench_dynamic();
	bench_fsdax();
	result("fsdax\tmem\t4K");
	return any_failed;
}
