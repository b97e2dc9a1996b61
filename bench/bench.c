// SPDX-License-Identifier: GPL-2.0
/*
 * Measure pinning, unpinning, faulting and setting up on every kind of memory.
 * Prints what gup_test says as it is, behind "# ", and a row for each figure:
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
#include <time.h>
#include <unistd.h>

#include "device.h"

#define MIB		(1UL << 20)
#define GIB		(1UL << 30)
#define BASE_PAGE	4096UL
#define PAGES		(GIB / BASE_PAGE)
#define REPEATS		3

#define KINDS		13	/* of memory: three, six static, three dynamic, fsdax */

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

/* One run of gup_test over 1 GiB: the medians of what pages cost, per 4 KiB. */
static int measure(const char *args, const char *how, unsigned long count,
		   double *get, double *put)
{
	double gets[REPEATS], puts[REPEATS];
	char out[4096], *line;
	int i = 0;

	printf("# gup_test %s %s -m 1024 -r %d -n %lu -w\n", args, how, REPEATS, count);
	if (run(out, sizeof(out), "gup_test %s %s -m 1024 -r %d -n %lu -w",
		args, how, REPEATS, count)) {
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
			gets[i] = us_get * 1000.0 / PAGES;
			puts[i++] = us_put * 1000.0 / PAGES;
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

static void measure_pins(const char *what, const char *args, bool longterm)
{
	static const struct {
		const char *how, *metric;
	} modes[] = {
		{ "-a", "pin_fast" }, { "-L", "pin_longterm" }, { "-b", "pin_slow" },
	};
	double get, put;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		if (i == 1 && !longterm)
			continue;
		if (measure(args, modes[i].how, 512, &get, &put)) {
			printf("# %s: %s could not be measured\n", what, modes[i].metric);
			failed = true;
			continue;
		}
		row(what, modes[i].metric, get, 512);
		/* gup_test gives all pages back in one call */
		if (i == 0)
			row(what, "unpin", put, PAGES);
	}
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/* The first touch of every page of 1 GiB. */
static void measure_fault(const char *what, struct device *dev)
{
	int fd = open(dev->node, O_RDWR);
	volatile char *addr;
	unsigned long at;
	double start;

	addr = mmap(NULL, GIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (addr == MAP_FAILED) {
		printf("# %s: mmap failed\n", what);
		failed = true;
		return;
	}
	start = now();
	for (at = 0; at < GIB; at += dev->align)
		addr[at] = 1;
	row(what, "fault", (now() - start) / PAGES, dev->align / BASE_PAGE);
	munmap((void *)addr, GIB);
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

static void measure_device(const char *what, struct device *dev)
{
	char args[128];

	measure_setup(what);
	measure_fault(what, dev);
	snprintf(args, sizeof(args), "-f %s -S", dev->node);
	measure_pins(what, args, true);
}

static const struct {
	const char *name;
	unsigned long align;
} aligns[] = {
	{ "4K", BASE_PAGE }, { "2M", 2 * MIB }, { "1G", GIB },
};

static void bench_static(void)
{
	static const char * const maps[] = { "mem", "dev" };
	struct device dev;
	unsigned int m, a;
	char what[64];

	for (m = 0; m < 2; m++) {
		for (a = 0; a < 3; a++) {
			snprintf(what, sizeof(what), "static\t%s\t%s", maps[m], aligns[a].name);
			if (static_create(&dev, maps[m], aligns[a].align, 4 * GIB)) {
				printf("# %s: %s\n", what, device_error());
				failed = true;
			} else {
				measure_device(what, &dev);
				static_destroy(&dev);
			}
			result(what);
		}
	}
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
	measure_pins("fsdax\tmem\t4K", "-f /mnt/file -S", false);
	umount("/mnt");
	return;
fail:
	printf("# fsdax: %s\n", device_error());
	failed = true;
}

static const struct {
	const char *what, *args;
} plain[] = {
	{ "anon\t-\t4K", "-T" }, { "thp\t-\t2M", "-t" }, { "hugetlb\t-\t2M", "-H" },
};

int main(void)
{
	unsigned int i;

	printf("1..%d\n", KINDS);
	for (i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
		measure_pins(plain[i].what, plain[i].args, true);
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
