// SPDX-License-Identifier: GPL-2.0
/*
 * Does device-dax work, on every kind of device? Prints KTAP. The names of the
 * tests are the same on every kernel; harness/jobs/smoke lists those that an
 * unpatched 5.10 fails.
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
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../mm/gup_test.h"
#include "devdax_device.h"
#include "ktap.h"
#include "struct_pages.h"

#define KIB	(1UL << 10)
#define MIB	(1UL << 20)
#define GIB	(1UL << 30)
#define BASE_PAGE	4096UL
#define COMPOUND	"/sys/module/device_dax/parameters/compound"
#define NO_COMPOUND	"the queue for this kernel brings no compound="

/* What test_device() tests. */
enum {
	MAPS, FAULTS, ORDER, STORES, KEEPS, PINS, PINS_LONG, FAILS, FAILS_EACH, DUMPS,
	UNBINDS, DEVICE_TESTS
};

static const char * const device_tests[DEVICE_TESTS] = {
	[MAPS] = "a shared mapping works",
	[FAULTS] = "a fault in the middle of a page works",
	[ORDER] = "its pages are of the order of its align",
	[STORES] = "its memmap is stored once a page, where the device says",
	[KEEPS] = "data survives unbind and bind",
	[PINS] = "pin and unpin, fast and slow",
	[PINS_LONG] = "pin and unpin, long-term",
	[FAILS] = "memory failure reports the page that failed",
	[FAILS_EACH] = "memory failure reaches each page of a range",
	[DUMPS] = "a page that is dumped is shown with its head",
	[UNBINDS] = "unbind while nothing is pinned",
};

/* 6 static devices, 4 dynamic ones, 1 at an offset, and tests of their own. */
#define PLAN	(11 * DEVICE_TESTS + 7 + 4 + 1 + 3 + 3 + 2 + 1)

static char *map_device(struct device *dev, size_t len, off_t offset)
{
	int fd = open(dev->node, O_RDWR);
	char *addr;
	int saved;

	if (fd < 0) {
		note("%s: %s", dev->node, strerror(errno));
		return NULL;
	}
	addr = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
	if (addr == MAP_FAILED)
		addr = NULL;
	saved = errno;
	close(fd);
	errno = saved;
	return addr;
}

/* ---- signals that an access or an injected failure brings ---- */

static sigjmp_buf escape;
static siginfo_t caught;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	caught = *info;
	siglongjmp(escape, 1);
}

static void catch_sigbus(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };

	sigaction(SIGBUS, &sa, NULL);
}

/* Bytes whose first and last pages can fail: two pages of any align, or more. */
static unsigned long failing_span(struct device *dev)
{
	return dev->align > MIB ? 2 * dev->align : 4 * MIB;
}

/* Fail the 4 KiB at @offset in a process of its own, and check the SIGBUS that it gets. */
static bool memory_failure_is_exact(struct device *dev, unsigned long offset)
{
	unsigned long span = failing_span(dev);
	int lsb = __builtin_ctzl(dev->align);
	int status;
	pid_t pid = fork();

	if (!pid) {
		char *addr = map_device(dev, span, 0);

		if (!addr)
			_exit(1);
		catch_sigbus();
		if (sigsetjmp(escape, 1)) {
			bool ok = caught.si_addr == addr + offset &&
				  caught.si_addr_lsb == lsb;
			unsigned char there = 1;

			if (mincore(addr + offset / BASE_PAGE * BASE_PAGE, BASE_PAGE, &there) ||
			    there & 1) {
				note("%#lx: still mapped", offset);
				ok = false;
			}
			if (!ok)
				note("%#lx: told %#lx, lsb %d", offset,
				     (unsigned long)((char *)caught.si_addr - addr),
				     caught.si_addr_lsb);
			fflush(stdout);
			_exit(!ok);
		}
		addr[offset] = 1;
		if (madvise(addr + offset, BASE_PAGE, MADV_HWPOISON))
			note("MADV_HWPOISON: %s", strerror(errno));
		else
			note("%#lx: no signal", offset);
		fflush(stdout);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* ---- one device ---- */

static uint64_t stamp(unsigned long offset)
{
	return offset * 0x9e3779b97f4a7c15UL + 1;
}

/* Every 64 KiB, and whatever is close to the end of the device. */
static void write_stamps(char *addr, unsigned long len)
{
	unsigned long at;

	for (at = 0; at < len; at += 64 * KIB)
		*(uint64_t *)(addr + at) = stamp(at);
	*(uint64_t *)(addr + len - 8) = stamp(len - 8);
}

static bool check_stamps(const char *addr, unsigned long len)
{
	unsigned long at;

	for (at = 0; at < len; at += 64 * KIB)
		if (*(uint64_t *)(addr + at) != stamp(at)) {
			note("wrong data at %#lx", at);
			return false;
		}
	return *(uint64_t *)(addr + len - 8) == stamp(len - 8);
}

/* The text of the next line of the log, NULL after the last one. */
static char *log_line(int fd)
{
	static char line[8192];
	ssize_t len;

	do
		len = read(fd, line, sizeof(line) - 1);
	while (len < 0 && errno == EPIPE);
	if (len <= 0)
		return NULL;
	line[len] = '\0';
	return line;
}

/* Does the last line of the log that has @start go on with @rest? */
static bool log_last(const char *start, const char *rest)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	bool found = false;
	char *line, *at;

	while ((line = log_line(fd))) {
		at = strstr(line, start);
		if (at)
			found = !strncmp(at + strlen(start), rest, strlen(rest));
	}
	close(fd);
	return found;
}

/* Is there @text in the log, after the last line with @start? */
static bool log_after(const char *start, const char *text)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	bool found = false;
	char *line;

	while ((line = log_line(fd)))
		found = !strstr(line, start) && (found || strstr(line, text));
	close(fd);
	return found;
}

/* Fail the last 4 KiB of a page and the first 8 of the next one. */
static bool each_page_fails(struct device *dev)
{
	static const char mark[] = "smoke: over a border";
	unsigned long border = dev->align;
	char text[2][64];
	int status, i;
	pid_t pid;

	file_write("/dev/kmsg", mark);
	pid = fork();
	if (!pid) {
		char *addr = map_device(dev, failing_span(dev), 0);

		if (!addr)
			_exit(1);
		addr[0] = addr[border] = 1;
		for (i = 0; i < 2; i++) {
			snprintf(text[i], sizeof(text[i]), "process virtual address %#lx\n",
				 (unsigned long)addr + border - (i ? 0 : BASE_PAGE));
		}
		catch_sigbus();
		if (!sigsetjmp(escape, 1))
			madvise(addr + border - BASE_PAGE, 3 * BASE_PAGE, MADV_HWPOISON);
		_exit(!log_after(mark, text[0]) || !log_after(mark, text[1]));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static long pin_with(unsigned long request, void *addr, unsigned long pages,
		     unsigned int test_flags)
{
	struct gup_test gup = {
		.addr = (uintptr_t)addr, .size = pages * BASE_PAGE,
		.nr_pages_per_call = pages, .gup_flags = 1, /* FOLL_WRITE */
		.test_flags = test_flags,
	};
	int fd = open("/sys/kernel/debug/gup_test", O_RDWR);
	int rc = ioctl(fd, request, &gup);

	rc = rc ? -errno : 0;
	close(fd);
	return rc ? rc : (long)(gup.size / BASE_PAGE);
}

static long pin(unsigned long request, void *addr, unsigned long pages)
{
	return pin_with(request, addr, pages, GUP_TEST_FLAG_CHECK);
}

/* Pages pinned since boot, with what each CPU has not added to the counter yet. */
static long pins(void)
{
	if (file_write("/proc/sys/vm/stat_refresh", "1"))
		note("%s", device_error());
	return file_counter("/proc/vmstat", "nr_foll_pin_acquired");
}

/* Dump the page at 5 MiB. */
static bool dump_is_right(struct device *dev)
{
	static const char mark[] = "smoke: dump";
	struct gup_test gup = {
		.size = 8 * MIB, .nr_pages_per_call = 2048, .which_pages = { 1281 },
	};
	char *addr = map_device(dev, dev->size, 0), text[48];
	unsigned int order = __builtin_ctzl(dev->align / BASE_PAGE);
	int fd = open("/sys/kernel/debug/gup_test", O_RDWR);
	bool ok = addr && !file_write("/dev/kmsg", mark);

	gup.addr = (uintptr_t)addr;
	ok = ok && !ioctl(fd, DUMP_USER_PAGES_TEST, &gup) &&
		log_after(mark, "page dumped because: gup_test");
	/* later kernels have other words after the order */
	snprintf(text, sizeof(text), "order:%u %s", order,
		 lacks("compound=") ? "" : "compound_mapcount:0");
	ok = ok && (order ? log_after(mark, text) : !log_after(mark, "order:"));
	close(fd);
	if (addr)
		munmap(addr, dev->size);
	return ok;
}

/* @pages per call: 123 divides no huge page, and the fast path takes many in several steps. */
static bool gup_test(struct device *dev, const char *how, unsigned long pages)
{
	char out[4096];
	unsigned long mib = dev->size / MIB > 1024 ? 1024 : dev->size / MIB;

	mib -= mib % (dev->align > MIB ? dev->align / MIB : 1);
	if (run(out, sizeof(out), "gup_test -f %s -m %lu -S %s -n %lu -w -k",
		dev->node, mib, how, pages)) {
		note("%s", device_error());
		return false;
	}
	if (strstr(out, "truncated")) {
		note("%s", out);
		return false;
	}
	return true;
}

static bool pin_and_unpin(struct device *dev, const char *how)
{
	return gup_test(dev, how, 123) && gup_test(dev, how, 262144);
}

static void device_result(bool ok, const char *kind, int test)
{
	result(ok, "%s: %s", kind, device_tests[test]);
}

static unsigned long address(struct device *dev)
{
	char path[128];

	device_path(dev, path, sizeof(path), "resource");
	return file_number(path);
}

/*
 * The memmap of a compound page is stored in two pages, which are on the device if its
 * memmap is there. The memmap of base pages is stored whole. The report has the lines
 * that are looked for here once for each range.
 */
static bool memmap_is_right(struct device *dev, bool on_device)
{
	const char *line = struct_pages_report(address(dev));
	long bases, heads, whole, ptes, larger, there;
	int ranges = 0;

	while ((line = strstr(line, "\npages: "))) {
		if (sscanf(line, "\npages: %ld base pages, %ld heads", &bases, &heads) != 2)
			return false;
		line = strstr(line, "\nmemmap pages: ");
		if (!line || sscanf(line, "\nmemmap pages: %ld by PTEs, %ld by larger",
				    &ptes, &larger) != 2)
			return false;
		line = strstr(line, "on the device: ");
		if (!line || sscanf(line, "on the device: %ld", &there) != 1)
			return false;
		/* 64 struct pages per page, and one page more if they begin in the middle */
		whole = bases / 64 + !!bases;
		if (ptes + larger < 2 * heads + bases / 64 || ptes + larger > 2 * heads + whole ||
		    (on_device ? there < 2 * heads : there)) {
			note("%ld base pages, %ld heads, memmap: %ld pages and %ld by larger entries, %ld on the device",
			     bases, heads, ptes, larger, there);
			return false;
		}
		ranges++;
	}
	return ranges > 0;
}

static bool order_is_right(struct device *dev)
{
	char start[64], order[16];

	snprintf(start, sizeof(start), "%s: pages of order ", dev->name);
	snprintf(order, sizeof(order), "%d,", __builtin_ctzl(dev->align / BASE_PAGE));
	return log_last(start, order) && struct_pages_are_right(address(dev));
}

/* @dev is bound when this starts, and when it ends. */
static void test_device(struct device *dev, const char *kind)
{
	unsigned long align = dev->align, len = dev->size, at;
	char *addr;
	bool ok;

	addr = map_device(dev, len, 0);
	device_result(addr, kind, MAPS);

	/* the first access to the second page is in its middle */
	at = align + align / 2;
	if (addr)
		*(uint64_t *)(addr + at) = stamp(at);
	device_result(addr && *(uint64_t *)(addr + at) == stamp(at), kind, FAULTS);

	result_with("devmap_check", order_is_right(dev), "%s: %s", kind, device_tests[ORDER]);
	result_with("devmap_check", memmap_is_right(dev, strstr(kind, "static dev")), "%s: %s",
		    kind, device_tests[STORES]);

	if (addr) {
		write_stamps(addr, len);
		munmap(addr, len);
	}
	ok = !device_unbind(dev) && !device_bind(dev);
	if (!ok)
		note("%s", device_error());
	addr = ok ? map_device(dev, len, 0) : NULL;
	device_result(addr && check_stamps(addr, len), kind, KEEPS);
	if (addr)
		munmap(addr, len);

	ok = pin_and_unpin(dev, "-a");
	device_result(pin_and_unpin(dev, "-b") && ok, kind, PINS);
	ok = pin_and_unpin(dev, "-l");
	device_result(pin_and_unpin(dev, "-L") && ok, kind, PINS_LONG);

	/* where no page was touched before, the first touch is in the middle of one */
	ok = !device_unbind(dev) && !device_bind(dev);
	ok = ok && memory_failure_is_exact(dev, failing_span(dev) / 4 * 3 + BASE_PAGE);
	ok &= memory_failure_is_exact(dev, 0);
	ok &= memory_failure_is_exact(dev, 0x101000);
	ok &= memory_failure_is_exact(dev, failing_span(dev) - BASE_PAGE);
	device_result(ok, kind, FAILS);
	device_result(each_page_fails(dev), kind, FAILS_EACH);
	device_result(dump_is_right(dev), kind, DUMPS);

	ok = !device_unbind(dev) && !device_bind(dev);
	if (!ok)
		note("%s", device_error());
	device_result(ok, kind, UNBINDS);
}

/* If there is no device, all of its tests fail, under their names. */
static void fail_device(const char *kind, const char *why)
{
	int test;

	note("%s: %s", kind, why);
	for (test = 0; test < DEVICE_TESTS; test++)
		device_result(false, kind, test);
}

static const struct {
	const char *name;
	unsigned long align;
} aligns[] = {
	{ "4K", BASE_PAGE }, { "2M", 2 * MIB }, { "1G", GIB },
};

static void test_static(void)
{
	static const char * const maps[] = { "mem", "dev" };
	struct device dev;
	char kind[32];
	unsigned int m, a;

	for (m = 0; m < 2; m++) {
		for (a = 0; a < 3; a++) {
			snprintf(kind, sizeof(kind), "static %s %s", maps[m], aligns[a].name);
			if (static_create(&dev, maps[m], aligns[a].align, 3 * GIB)) {
				fail_device(kind, device_error());
				continue;
			}
			test_device(&dev, kind);
			static_destroy(&dev);
		}
	}
}

/*
 * A namespace with an align of 1 GiB after one of 512 MiB. Its memmap starts 512 MiB
 * after a multiple of 1 GiB. The neighbours must stay as they are.
 */
static void test_offset_namespace(void)
{
	struct device before, dev, after;
	char *first, *third;

	if (static_create(&before, "mem", 2 * MIB, 512 * MIB) ||
	    static_create(&dev, "mem", GIB, 3 * GIB) ||
	    static_create(&after, "mem", 2 * MIB, 512 * MIB)) {
		fail_device("offset mem 1G", device_error());
		result(false, "offset: neighbours keep their data");
		result(false, "offset: neighbours can be pinned");
		result(false, "offset: neighbours keep their struct pages");
		result(false, "offset: all three can be unbound");
		return;
	}
	first = map_device(&before, before.size, 0);
	third = map_device(&after, after.size, 0);
	if (first && third) {
		write_stamps(first, before.size);
		write_stamps(third, after.size);
	}
	test_device(&dev, "offset mem 1G");
	result(first && third && check_stamps(first, before.size) &&
	       check_stamps(third, after.size), "offset: neighbours keep their data");
	result(pin_and_unpin(&before, "-a") && pin_and_unpin(&after, "-a"),
	       "offset: neighbours can be pinned");
	result_with("devmap_check", struct_pages_are_right(address(&before)) &&
		    struct_pages_are_right(address(&after)),
		    "offset: neighbours keep their struct pages");
	if (first)
		munmap(first, before.size);
	if (third)
		munmap(third, after.size);
	result(!static_destroy(&after) && !static_destroy(&dev) &&
	       !static_destroy(&before), "offset: all three can be unbound");
}

static void test_offset_in_file(void)
{
	struct device dev;

	bool ok = !static_create(&dev, "mem", 2 * MIB, 512 * MIB);
	char *at, *addr = MAP_FAILED;
	int fd;

	if (!ok)
		note("%s", device_error());
	fd = open(dev.node, O_RDWR);
	/* an address of the kernel's choice could be unaligned, and refused for that */
	at = mmap(NULL, 4 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	at += -(uintptr_t)at % (2 * MIB);
	errno = 0;
	if (fd >= 0)
		addr = mmap(at, 2 * MIB, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_FIXED, fd, BASE_PAGE);
	result(ok && addr == MAP_FAILED && errno == EINVAL,
	       "a file offset that is no multiple of align is refused");
	if (addr != MAP_FAILED) {
		char *right = map_device(&dev, 2 * MIB, 0);

		if (right) {
			*(uint64_t *)right = stamp(0);
			note("offset 4096 shows the data of offset %s",
			     *(uint64_t *)addr == stamp(0) ? "0" : "4096");
			munmap(right, 2 * MIB);
		}
		munmap(addr, 2 * MIB);
	}
	close(fd);
	if (ok)
		static_destroy(&dev);
}

/*
 * Fill memory with a secret in another process and count the pages of it that
 * show up in the 256 MiB before the dynamic region, read through the device.
 */
static unsigned long foreign_pages_read(struct device *dev, unsigned long start,
					unsigned long end)
{
	static const char secret[] = "this page belongs to somebody else";
	unsigned long size = 3 * GIB, seen = 0, there = 0, at;
	int ready[2], done[2];
	char *addr;
	pid_t pid;

	if (pipe(ready) || pipe(done))
		return 0;
	pid = fork();
	if (!pid) {
		int pagemap = open("/proc/self/pagemap", O_RDONLY);
		char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		for (at = 0; at < size; at += BASE_PAGE) {
			uint64_t entry = 0;

			memcpy(mem + at, secret, sizeof(secret));
			if (pread(pagemap, &entry, 8, ((uintptr_t)mem + at) / BASE_PAGE * 8) == 8) {
				uint64_t phys = (entry & ((1UL << 55) - 1)) * BASE_PAGE;

				there += phys >= start && phys < end;
			}
		}
		if (write(ready[1], &there, sizeof(there)) != sizeof(there) ||
		    read(done[0], &at, 1) != 1)
			_exit(1);
		_exit(0);
	}
	if (read(ready[0], &there, sizeof(there)) != sizeof(there))
		there = 0;
	addr = map_device(dev, GIB, 0);
	for (at = 0; addr && at < end - start; at += BASE_PAGE)
		seen += !memcmp(addr + at, secret, sizeof(secret));
	if (addr)
		munmap(addr, GIB);
	if (write(done[1], "x", 1) != 1)
		kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	note("%lu of %lu pages of another process read through %s", seen, there, dev->name);
	return seen;
}

/* The region starts 256 MiB above a multiple of 1 GiB, see harness/scripts/boot. */
static void test_dynamic(void)
{
	struct device dev;
	char path[128], kind[32];
	unsigned long start;
	unsigned int a;
	bool ok;

	if (dynamic_find(&dev))
		note("%s", device_error());
	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/resource", dev.name);

	for (a = 0; a < 3; a++) {
		snprintf(kind, sizeof(kind), "dynamic %s", aligns[a].name);
		if (dynamic_resize(&dev, aligns[a].align, 2 * GIB) || device_bind(&dev)) {
			fail_device(kind, device_error());
			continue;
		}
		start = file_number(path);
		if (start % dev.align) {
			/* reading shows the hole, writing would do harm */
			foreign_pages_read(&dev, start - start % GIB, start);
			fail_device(kind, "it maps foreign memory");
			continue;
		}
		test_device(&dev, kind);
	}

	if (dynamic_split(&dev, 2 * MIB, 512 * MIB) || device_bind(&dev))
		fail_device("dynamic two ranges 2M", device_error());
	else
		test_device(&dev, "dynamic two ranges 2M");
	if (dynamic_unsplit(&dev))
		note("%s", device_error());

	/* the device now starts where the region does, off a multiple of 1 GiB */
	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/align", dev.name);
	result(!dynamic_resize(&dev, 2 * MIB, 2 * GIB) && file_write(path, "1073741824"),
	       "dynamic: an align that a range is no multiple of is refused");
	ok = !dynamic_resize(&dev, GIB, 0);
	result(ok, "dynamic: an empty device takes any align");
	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/mapping", dev.name);
	result(ok && file_write(path, "190000000-1cfffffff"),
	       "dynamic: a mapping that is no multiple of align is refused");
	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/resource", dev.name);
	ok = !dynamic_resize(&dev, GIB, GIB);
	result(ok && file_number(path) % GIB == 0,
	       "dynamic: a GiB is placed on a multiple of itself");

	/* the second device is 1.25 GiB into the region, without a whole aligned GiB before it */
	ok = !dynamic_split(&dev, 2 * MIB, 1280 * MIB) && !dynamic_resize(&dev, GIB, 2 * GIB) &&
		dynamic_is_aligned(&dev);
	if (!ok)
		note("%s", device_error());
	result(ok, "dynamic: space that holds no whole page is passed over");

	/* of the three GiB that are free by their sum, two can be placed */
	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/size", dev.name);
	ok = !dynamic_resize(&dev, GIB, GIB) && file_write(path, "3221225472") &&
		errno == ENOSPC && file_number(path) == GIB;
	result(ok, "dynamic: a resize that does not fit takes nothing");
	if (dynamic_unsplit(&dev))
		note("%s", device_error());
	ok = !dynamic_resize(&dev, 2 * MIB, 512 * MIB) && !device_bind(&dev);
	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/mapping", dev.name);
	result(ok && file_write(path, "1c0000000-1cfffffff") && errno == EBUSY,
	       "dynamic: a device that is bound takes no mapping");
	device_unbind(&dev);
}

static bool bound_with_order(struct device *dev, const char *order)
{
	char start[64];

	snprintf(start, sizeof(start), "%s: pages of order ", dev->name);
	return log_last(start, order);
}

/* A distribution can turn compound pages off: a device bound like this has base pages. */
static void test_compound_off(void)
{
	static const char * const names[] = {
		"compound=0: a device is made of base pages",
		"compound=0: memory failure reports the page that failed",
		"compound=0: what counts is the setting of the last bind",
	};
	struct device dev = { 0 };
	unsigned int i;
	bool ok;

	if (lacks("compound=")) {
		for (i = 0; i < 3; i++)
			skip(NO_COMPOUND, "%s", names[i]);
		return;
	}
	ok = !file_write(COMPOUND, "0") && !static_create(&dev, "mem", 2 * MIB, 512 * MIB);
	if (!ok)
		note("%s", device_error());
	result(ok && bound_with_order(&dev, "0,") && pin_and_unpin(&dev, "-a") &&
	       pin_and_unpin(&dev, "-b") && pin_and_unpin(&dev, "-l"), "%s", names[0]);
	result(ok && memory_failure_is_exact(&dev, 0x301000) &&
	       memory_failure_is_exact(&dev, 0x1000), "%s", names[1]);

	/* the same device, bound anew */
	ok = ok && !file_write(COMPOUND, "1") && !device_unbind(&dev) && !device_bind(&dev) &&
		bound_with_order(&dev, "9,");
	ok = ok && !file_write(COMPOUND, "0") && !device_unbind(&dev) && !device_bind(&dev) &&
		bound_with_order(&dev, "0,");
	result(ok, "%s", names[2]);
	file_write(COMPOUND, "1");
	if (dev.namespace[0])
		static_destroy(&dev);
}

/* ---- fsdax, which goes on as it is ---- */

static void test_fsdax(void)
{
	static const char * const names[] = {
		"fsdax: pin and unpin, fast and slow",
		"fsdax: a long-term pin is refused, fast and slow",
		"fsdax: a long-term pin is refused behind other memory as well",
	};
	char out[4096], device[32];
	char *addr = MAP_FAILED;
	int fd = -1, i;
	long behind, pinned;

	if (run(out, sizeof(out), "ndctl create-namespace -m fsdax -M mem -s %lu", 512 * MIB) ||
	    sscanf(strstr(out, "\"blockdev\":\"") ?: "", "\"blockdev\":\"%20[^\"]", device) != 1 ||
	    run(out, sizeof(out), "mke2fs -q -F -t ext4 -b 4096 -m 0 /dev/%s", device))
		note("%s", device_error());
	snprintf(out, sizeof(out), "/dev/%s", device);
	if (!mount(out, "/mnt", "ext4", 0, "dax"))
		fd = open("/mnt/file", O_RDWR | O_CREAT, 0600);
	if (fd >= 0 && !posix_fallocate(fd, 0, 16 * MIB)) {
		/* anonymous memory, and the file right after it */
		addr = mmap(NULL, 8 * MIB, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		mmap(addr + 4 * MIB, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		     fd, 0);
		memset(addr, 1, 8 * MIB);
	}
	if (addr == MAP_FAILED) {
		note("no file on fsdax");
		for (i = 0; i < 3; i++)
			result(false, "%s", names[i]);
		return;
	}
	result(pin(PIN_FAST_BENCHMARK, addr + 4 * MIB, 1024) == 1024 &&
	       pin(PIN_BASIC_TEST, addr + 4 * MIB, 1024) == 1024, "%s", names[0]);
	result(pin(PIN_FAST_LONGTERM_BENCHMARK, addr + 4 * MIB, 16) == -EOPNOTSUPP &&
	       pin(PIN_LONGTERM_BENCHMARK, addr + 4 * MIB, 16) == -EOPNOTSUPP, "%s", names[1]);
	/*
	 * Later kernels pin what is in front of the file, and return that. gup_test then
	 * says how far the last call was to go.
	 */
	pinned = pins();
	behind = pin(PIN_LONGTERM_BENCHMARK, addr + 4 * MIB - 8 * BASE_PAGE, 16);
	pinned = pins() - pinned;
	result((behind == -EOPNOTSUPP || (behind == 16 && pinned == 8 && lacks("compound="))) &&
	       pin(PIN_LONGTERM_BENCHMARK, addr + 4 * MIB - 8 * BASE_PAGE, 8) == 8, "%s", names[2]);
	munmap(addr, 8 * MIB);
	close(fd);
	umount("/mnt");
}

/* ---- other huge pages, which are taken by the same code ---- */

static void test_other_memory(void)
{
	char out[4096];
	static const struct {
		const char *name, *how;
	} kinds[] = {
		{ "THP", "-t" }, { "hugetlbfs", "-H" },
	};
	unsigned int i;
	bool ok;

	for (i = 0; i < 2; i++) {
		ok = !run(out, sizeof(out), "gup_test %s -m 32 -a -n 123 -w -k", kinds[i].how) &&
			!run(out, sizeof(out), "gup_test %s -m 32 -b -n 8192 -w -k", kinds[i].how) &&
			!run(out, sizeof(out), "gup_test %s -m 32 -L -n 123 -w -k", kinds[i].how);
		if (!ok)
			note("%s: %s", device_error(), out);
		result(ok, "%s: pin and unpin, fast and slow", kinds[i].name);
	}
}

/* ---- a reference count that is full ---- */

static long pin_full(unsigned long request, void *addr, unsigned long pages)
{
	return pin_with(request, addr, pages, GUP_TEST_FLAG_CHECK | GUP_TEST_FLAG_FULL);
}

/* Less than a page is left for the last call, which then asks for none. */
static bool takes_none(char *addr)
{
	struct gup_test gup = {
		.addr = (uintptr_t)addr, .size = 2 * MIB + 1,
		.nr_pages_per_call = 512, .gup_flags = 1, /* FOLL_WRITE */
	};
	int fd = open("/sys/kernel/debug/gup_test", O_RDWR);
	bool ok = !ioctl(fd, PIN_FAST_BENCHMARK, &gup) && gup.size == 2 * MIB;

	close(fd);
	return ok;
}

/* If a reference on the devmap was lost, unbinding would wait for it for ever. */
static bool unbinds_in_time(struct device *dev)
{
	int status = -1, i;
	pid_t pid = fork();

	if (!pid)
		_exit(!!static_destroy(dev));
	for (i = 0; i < 200 && !waitpid(pid, &status, WNOHANG); i++)
		usleep(100000);
	return i < 200 && !status;
}

/* A device of 2 MiB pages, or of base pages that are mapped 2 MiB at a time. */
static void test_full(const char *kind, bool first)
{
	struct device dev;
	char *addr = NULL;

	if (static_create(&dev, "mem", 2 * MIB, 512 * MIB))
		note("%s", device_error());
	else
		addr = map_device(&dev, 4 * MIB, 0);
	if (addr)
		memset(addr, 1, 4 * MIB);
	/*
	 * Each path warns once per boot, see harness/jobs/refcount-overflow. If the fast
	 * path fails, the kernel tries the slow path.
	 */
	if (first)
		file_write("/dev/kmsg", "full: pin a page with a full count, slow");
	result(addr && pin_full(PIN_BASIC_TEST, addr, 512) == -ENOMEM &&
	       pin_full(PIN_LONGTERM_BENCHMARK, addr + BASE_PAGE, 511) == -ENOMEM,
	       "%s: a page with as many references as can be counted is not pinned, slow", kind);
	if (first)
		file_write("/dev/kmsg", "full: pin a page with a full count, fast");
	result(addr && pin_full(PIN_FAST_BENCHMARK, addr, 512) == -ENOMEM &&
	       pin_full(PIN_FAST_LONGTERM_BENCHMARK, addr + BASE_PAGE, 511) == -ENOMEM,
	       "%s: a page with as many references as can be counted is not pinned, fast", kind);
	result(addr && pin(PIN_FAST_BENCHMARK, addr, 1024) == 1024 &&
	       pin(PIN_BASIC_TEST, addr, 1024) == 1024, "%s: afterwards it can be pinned", kind);
	result(addr && takes_none(addr), "%s: who asks for no page gets none", kind);
	if (addr)
		munmap(addr, 4 * MIB);
	result(addr && unbinds_in_time(&dev), "%s: the device can be unbound", kind);
}

/* Run as "refcount-overflow". Where references are lost, the guest cannot even power off. */
static int with_a_full_count(void)
{
	bool both = !lacks("compound=");

	plan(both ? 10 : 5);
	if (static_setup())
		note("%s", device_error());
	test_full("full 2M", true);
	/* base pages that are mapped 2 MiB at a time: what compound=0 makes */
	if (both && !file_write(COMPOUND, "0"))
		test_full("full 2M of base pages", false);
	return failures() != 0;
}

/*
 * Run as "cpu-no-1g" and "cpu-no-2m", on a CPU that has no pages of that size. No
 * device may use them, and the next smaller align works.
 */
static int without_pages_of(int missing)
{
	const char *name = aligns[missing].name;
	unsigned long align = aligns[missing].align, smaller = aligns[missing - 1].align;
	char path[128];
	struct device dev;
	bool ok;

	plan(missing == 2 ? 4 : 3);
	if (static_setup())
		note("%s", device_error());
	ok = !static_create(&dev, "mem", smaller, 2 * GIB);
	if (ok)
		static_destroy(&dev);
	/* a device that no driver binds has a node, which cannot be opened */
	result(ok && (static_create(&dev, "mem", align, 2 * GIB) || open(dev.node, O_RDWR) < 0),
	       "no %s pages: a namespace with an align of %s is refused", name, name);
	if (missing == 2) {
		snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/size", dev.name);
		result(ok && dev.name[0] && file_number(path) == GIB,
		       "no %s pages: its device is there for other drivers", name);
	}
	ok = !dynamic_find(&dev);
	result(ok && (dynamic_resize(&dev, align, GIB) || device_bind(&dev)),
	       "no %s pages: a dynamic device with an align of %s is refused", name, name);
	result(ok && !dynamic_resize(&dev, smaller, GIB) && !device_bind(&dev),
	       "no %s pages: an align of %s works", name, aligns[missing - 1].name);
	return failures() != 0;
}

int main(int argc, char **argv)
{
	long acquired, released;

	if (argc && !strcmp(argv[0], "cpu-no-1g"))
		return without_pages_of(2);
	if (argc && !strcmp(argv[0], "cpu-no-2m"))
		return without_pages_of(1);
	if (argc && !strcmp(argv[0], "refcount-overflow"))
		return with_a_full_count();

	plan(PLAN);
	if (static_setup())
		note("%s", device_error());
	test_static();
	test_dynamic();
	test_offset_namespace();
	test_offset_in_file();
	test_compound_off();
	test_fsdax();
	test_other_memory();

	acquired = pins();
	released = file_counter("/proc/vmstat", "nr_foll_pin_released");
	note("%ld pins, %ld released", acquired, released);
	result(acquired > 0 && acquired == released, "every pin was released");
	return failures() != 0;
}
