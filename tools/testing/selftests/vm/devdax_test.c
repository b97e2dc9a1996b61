// SPDX-License-Identifier: GPL-2.0
/*
 * What a process can do with device-dax, on each kind of device and each size
 * of page.
 *
 * The devices are made here, by ndctl and sysfs, and whatever was there before is
 * destroyed. So everything is skipped unless the environment says:
 *
 *   DEVDAX_DESTROY=1      all namespaces and all dynamic devices may go
 *   DEVDAX_DISK=/dev/...  a block device that may be written to, for direct_io
 *   DEVDAX_REPEAT=N       how often a device becomes system memory and comes back,
 *                         default 2; namespaces come and go ten times as often
 *
 * A device lives until a test needs another one. If a test spoils it, or does
 * not get to its end, the next test makes a new one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/futex.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "../../../../mm/gup_test.h"
#include "devdax_device.h"

#define KIB	(1UL << 10)
#define MIB	(1UL << 20)
#define GIB	(1UL << 30)
#define BASE_PAGE	4096UL

/* what mm.h calls FOLL_WRITE */
#define GUP_WRITE	1

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

/* An emulated machine takes a while. */
#define LIMIT	600
#define TEST_DEVDAX(name)	TEST_F_TIMEOUT(devdax, name, LIMIT)

/* The harness does not print the name of a skipped test: put it into the reason. */
#define SKIP_BECAUSE(statement, fmt, ...) \
	SKIP(statement, "%s: " fmt, _metadata->name, ##__VA_ARGS__)

/* The harness goes on after a SKIP() in a setup, and takes this status for a skip. */
#define SKIP_STATUS	255

#define NEED_FILE(path, symbol) do { \
	if (access(path, F_OK)) \
		SKIP_BECAUSE(return, "no " path ", set " symbol); \
} while (0)

__attribute__((format(printf, 1, 2)))
static void note(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
}

static long repeats(void)
{
	const char *text = getenv("DEVDAX_REPEAT");
	long n = text ? strtol(text, NULL, 10) : 2;

	return n > 0 ? n : 2;
}

/* ---- mappings and what is in them ---- */

/* Reserve unused addresses, the first of which is a multiple of @align. */
static char *reserve(unsigned long len, unsigned long align)
{
	char *at = mmap(NULL, len + align, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at + -(uintptr_t)at % align;
}

/* Map at @at, or where the kernel likes. NULL, and errno, if that fails. */
static char *map_with(struct device *dev, char *at, size_t len, off_t offset, int flags)
{
	int fd = open(dev->node, O_RDWR);
	char *addr;
	int saved;

	if (fd < 0)
		return NULL;
	addr = mmap(at, len, PROT_READ | PROT_WRITE, flags | (at ? MAP_FIXED : 0),
		    fd, offset);
	saved = errno;
	close(fd);
	errno = saved;
	return addr == MAP_FAILED ? NULL : addr;
}

static char *map(struct device *dev, size_t len, off_t offset)
{
	char *addr = map_with(dev, NULL, len, offset, MAP_SHARED);

	if (!addr)
		note("mmap of %#zx at %#lx of %s: %s", len, (long)offset, dev->node,
		     strerror(errno));
	return addr;
}

static uint64_t stamp(unsigned long offset)
{
	return offset * 0x9e3779b97f4a7c15UL + 1;
}

static volatile uint64_t *word(char *addr, unsigned long at)
{
	return (volatile uint64_t *)(addr + at);
}

/* Where the next stamp is: there is one each 64 KiB. */
static unsigned long stamp_from(unsigned long at)
{
	return at + -at % (64 * KIB);
}

/* Stamp what is mapped at @addr, from @first to @end of the device. */
static void write_stamps(char *addr, unsigned long first, unsigned long end)
{
	unsigned long at;

	for (at = stamp_from(first); at < end; at += 64 * KIB)
		*word(addr, at - first) = stamp(at);
}

static bool check_stamps(char *addr, unsigned long first, unsigned long end)
{
	unsigned long at;

	for (at = stamp_from(first); at < end; at += 64 * KIB)
		if (*word(addr, at - first) != stamp(at)) {
			note("wrong data at %#lx", at);
			return false;
		}
	return true;
}

/* Bytes that differ from place to place, without a period of a page. */
static void fill(char *to, size_t len, unsigned int seed)
{
	size_t i;

	for (i = 0; i < len; i++) {
		seed = seed * 1103515245 + 12345;
		to[i] = seed >> 16;
	}
}

/* ---- signals ---- */

static sigjmp_buf escape;
static siginfo_t caught;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	caught = *info;
	siglongjmp(escape, sig);
}

/* Access a byte. Returns 0, or the signal that it caused. */
static int touch(char *addr, bool write)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	struct sigaction bus, segv;
	volatile char *at = addr;
	int sig;

	sigaction(SIGBUS, &sa, &bus);
	sigaction(SIGSEGV, &sa, &segv);
	sig = sigsetjmp(escape, 1);
	if (!sig) {
		char byte = *at;

		if (write)
			*at = byte;
	}
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return sig;
}

/* ---- other processes ---- */

/* How a process ended: its exit status, or 128 plus the signal. */
static int ended(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A process that does not outlive the test. */
static pid_t start(void)
{
	pid_t pid = fork();

	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static pid_t start_idle(void)
{
	pid_t pid = start();

	if (pid)
		return pid;
	for (;;)
		pause();
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void *shared_memory(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

/* ---- pins ---- */

static int open_gup_test(void)
{
	return open("/sys/kernel/debug/gup_test", O_RDWR);
}

static bool pin(int gup_test, unsigned long how, char *addr, unsigned long len,
		bool write, unsigned int pages_per_call)
{
	struct gup_test gup = {
		.addr = (uintptr_t)addr,
		.size = len,
		.nr_pages_per_call = pages_per_call,
		.gup_flags = write ? GUP_WRITE : 0,
	};

	if (ioctl(gup_test, how, &gup)) {
		note("pin %#lx by %u: %s", len, pages_per_call, strerror(errno));
		return false;
	}
	if (gup.size != len)
		note("pin %#lx by %u: only %#llx", len, pages_per_call, gup.size);
	return gup.size == len;
}

/* How many pins there were, -1 if not all of them are gone. */
static long pins_released(void)
{
	long acquired, released;

	/* what each CPU has not added to the counters yet */
	if (file_write("/proc/sys/vm/stat_refresh", "1")) {
		note("%s", device_error());
		return -1;
	}
	acquired = file_counter("/proc/vmstat", "nr_foll_pin_acquired");
	released = file_counter("/proc/vmstat", "nr_foll_pin_released");
	if (acquired == released)
		return acquired;
	note("%ld pins, %ld released", acquired, released);
	return -1;
}

/* ---- the device of a fixture ---- */

enum kind { STATIC_MEM, STATIC_DEV, DYNAMIC, RANGES };

FIXTURE_VARIANT(devdax) {
	enum kind kind;
	unsigned long align;
	unsigned long size;
};

/* The device that exists. Each test is a process, so this is in shared memory. */
static struct {
	struct device dev;
	const FIXTURE_VARIANT(devdax) *is;
	bool good;
	bool labelled;
} *kept;

static bool is_static(enum kind kind)
{
	return kind == STATIC_MEM || kind == STATIC_DEV;
}

static void give_back(void)
{
	const FIXTURE_VARIANT(devdax) *is = kept->is;
	int rc;

	if (!is)
		return;
	if (is_static(is->kind))
		rc = static_destroy(&kept->dev);
	else
		rc = dynamic_unsplit(&kept->dev);
	if (rc)
		note("%s", device_error());
	kept->is = NULL;
	kept->good = false;
}

static int take_static(struct device *dev, const char *map, unsigned long align,
		       unsigned long size)
{
	if (!kept->labelled && static_setup())
		return -1;
	kept->labelled = true;
	return static_create(dev, map, align, size);
}

static int take_dynamic(struct device *dev, bool split, unsigned long align,
			unsigned long size)
{
	if (dynamic_find(dev))
		return -1;
	if (split ? dynamic_split(dev, align, size / 2) : dynamic_resize(dev, align, size))
		return -1;
	/* never map foreign memory, not even to show that it can be mapped */
	return dynamic_is_aligned(dev) ? device_bind(dev) : -1;
}

static int take(const FIXTURE_VARIANT(devdax) *what)
{
	int rc;

	give_back();
	if (is_static(what->kind))
		rc = take_static(&kept->dev, what->kind == STATIC_MEM ? "mem" : "dev",
				 what->align, what->size);
	else
		rc = take_dynamic(&kept->dev, what->kind == RANGES, what->align,
				  what->size);
	/* a device that is only half made has to be given back as well */
	if (!rc || kept->dev.name[0])
		kept->is = what;
	return rc;
}

/* Why there can be no such device, NULL if there can. */
static const char *missing(enum kind kind, unsigned long align)
{
	static char cpuinfo[65536];
	const char *destroy = getenv("DEVDAX_DESTROY");
	struct device dev;

	if (!destroy || strcmp(destroy, "1"))
		return "DEVDAX_DESTROY is not 1, devices are left alone";
	if (geteuid())
		return "needs root";
	if (align == GIB && (file_read("/proc/cpuinfo", cpuinfo, sizeof(cpuinfo)) < 0 ||
			     !strstr(cpuinfo, "pdpe1gb")))
		return "the CPU has no pages of 1 GiB";
	if (is_static(kind)) {
		if (access("/sys/bus/nd/devices/region0", F_OK))
			return "there is no nvdimm region";
		if (!kept->labelled && run(NULL, 0, "ndctl --version"))
			return "ndctl is missing, install it";
	} else if (dynamic_find(&dev)) {
		return "there is no dynamic device";
	}
	return NULL;
}

__attribute__((constructor)) static void share_kept(void)
{
	kept = shared_memory(sizeof(*kept));
	if (!kept)
		abort();
}

/*
 * Of a fixture:
 * @dev: the device, bound
 * @align: the size of its pages
 * @span: bytes that tests of several offsets use: one page, or 2 MiB of small
 *	pages. The device has two spans at least.
 * @len: bytes in the device
 * @spoilt: no other test can use it
 */
FIXTURE(devdax) {
	struct device *dev;
	unsigned long align;
	unsigned long span;
	unsigned long len;
	bool spoilt;
};

FIXTURE_SETUP(devdax)
{
	const char *why = missing(variant->kind, variant->align);

	if (why)
		SKIP_BECAUSE(_exit(SKIP_STATUS), "%s", why);
	if (!kept->good || kept->is != variant) {
		ASSERT_EQ(0, take(variant)) TH_LOG("%s", device_error());
	}
	/* a test that fails an ASSERT does not get to the teardown */
	kept->good = false;
	self->dev = &kept->dev;
	self->align = variant->align;
	self->span = variant->align > MIB ? variant->align : 2 * MIB;
	self->len = kept->dev.size;
	ASSERT_GE(self->len, 2 * self->span);
}

/* later harnesses say it in another word */
#ifdef FIXTURE_TEARDOWN_PARENT
#define PASSED(test) ((test)->exit_code == KSFT_PASS)
#else
#define PASSED(test) ((test)->passed)
#endif

FIXTURE_TEARDOWN(devdax)
{
	kept->good = !self->spoilt && PASSED(_metadata);
}

#define VARIANT(name, what, page, bytes) \
	FIXTURE_VARIANT_ADD(devdax, name) { .kind = what, .align = page, .size = bytes }

/* The metadata of a namespace takes its part. */
VARIANT(static_mem_4K, STATIC_MEM, BASE_PAGE, 64 * MIB);
VARIANT(static_mem_2M, STATIC_MEM, 2 * MIB, 64 * MIB);
VARIANT(static_mem_1G, STATIC_MEM, GIB, 3 * GIB);
VARIANT(static_dev_4K, STATIC_DEV, BASE_PAGE, 64 * MIB);
VARIANT(static_dev_2M, STATIC_DEV, 2 * MIB, 64 * MIB);
VARIANT(static_dev_1G, STATIC_DEV, GIB, 3 * GIB);
VARIANT(dynamic_4K, DYNAMIC, BASE_PAGE, 64 * MIB);
VARIANT(dynamic_2M, DYNAMIC, 2 * MIB, 64 * MIB);
VARIANT(dynamic_1G, DYNAMIC, GIB, 2 * GIB);
VARIANT(ranges_4K, RANGES, BASE_PAGE, 64 * MIB);
VARIANT(ranges_2M, RANGES, 2 * MIB, 64 * MIB);
VARIANT(ranges_1G, RANGES, GIB, 2 * GIB);

/* ---- mappings ---- */

TEST_DEVDAX(shared_mapping)
{
	char *addr = map(self->dev, self->len, 0);
	char *again = map(self->dev, self->len, 0);

	ASSERT_TRUE(addr && again);
	write_stamps(addr, 0, self->len);
	EXPECT_TRUE(check_stamps(again, 0, self->len));

	errno = 0;
	EXPECT_TRUE(!map_with(self->dev, NULL, self->align, 0, MAP_PRIVATE));
	EXPECT_EQ(EINVAL, errno);
}

TEST_DEVDAX(unaligned_refused)
{
	char *at = reserve(3 * self->align, self->align);
	int flags = MAP_SHARED;

	ASSERT_TRUE(at != NULL);
	EXPECT_TRUE(map_with(self->dev, at, self->align, 0, flags) == at);
	munmap(at, self->align);

	errno = 0;
	EXPECT_TRUE(!map_with(self->dev, at + self->align / 2, self->align, 0, flags));
	EXPECT_EQ(EINVAL, errno);
	/* the length of a mapping of base pages is rounded up */
	if (self->align > BASE_PAGE) {
		errno = 0;
		EXPECT_TRUE(!map_with(self->dev, at, self->align + BASE_PAGE, 0, flags));
		EXPECT_EQ(EINVAL, errno);
	}
}

TEST_DEVDAX(unaligned_offset_refused)
{
	char *at = reserve(2 * self->align, self->align);

	ASSERT_TRUE(at != NULL);
	errno = 0;
	EXPECT_TRUE(!map_with(self->dev, at, self->align, self->align / 2, MAP_SHARED));
	EXPECT_EQ(EINVAL, errno);
}

TEST_DEVDAX(data_survives_rebind)
{
	char *addr = map(self->dev, self->len, 0);

	ASSERT_TRUE(addr != NULL);
	write_stamps(addr, 0, self->len);
	munmap(addr, self->len);

	ASSERT_EQ(0, device_unbind(self->dev)) TH_LOG("%s", device_error());
	ASSERT_EQ(0, device_bind(self->dev)) TH_LOG("%s", device_error());

	addr = map(self->dev, self->len, 0);
	ASSERT_TRUE(addr != NULL);
	EXPECT_TRUE(check_stamps(addr, 0, self->len));
}

/* The first access of each mapping to a page is in its middle. */
TEST_DEVDAX(fault_in_middle)
{
	char *writer = map(self->dev, self->len, 0);
	char *reader = map(self->dev, self->len, 0);
	unsigned long at;

	ASSERT_TRUE(writer && reader);
	for (at = self->align / 2; at < 2 * self->align; at += self->align) {
		*word(writer, at) = stamp(at);
		EXPECT_EQ(stamp(at), *word(reader, at));
		*word(reader, at - self->align / 2) = ~stamp(at);
		EXPECT_EQ(~stamp(at), *word(writer, at - self->align / 2));
	}
	for (at = self->align / 2; at < 2 * self->align; at += self->align)
		EXPECT_EQ(stamp(at), *word(writer, at));
}

TEST_DEVDAX(fork_shares)
{
	unsigned long tail = self->align / 2;
	char *addr = map(self->dev, 2 * self->align, 0);
	pid_t pid;

	ASSERT_TRUE(addr != NULL);
	*word(addr, tail) = 1;
	pid = start();
	if (!pid) {
		/* a page that the parent touched, and one that it did not */
		if (*word(addr, tail) != 1)
			_exit(2);
		*word(addr, tail) = 3;
		*word(addr, self->align + tail) = 4;
		_exit(0);
	}
	EXPECT_EQ(0, ended(pid));
	EXPECT_EQ(3UL, *word(addr, tail));
	EXPECT_EQ(4UL, *word(addr, self->align + tail));
}

TEST_DEVDAX(mremap_moves)
{
	unsigned long len = 2 * self->span;
	char *addr = map(self->dev, len, 0);
	char *to = reserve(len, self->align);

	ASSERT_TRUE(addr && to);
	write_stamps(addr, 0, len);
	*word(addr, self->align) = 1;
	/* fill the TLB: this entry must not be of use after the move */
	EXPECT_EQ(0, touch(addr, true));
	ASSERT_TRUE(mremap(addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	EXPECT_EQ(SIGSEGV, touch(addr, false));
	EXPECT_EQ(1UL, *word(to, self->align));
	*word(to, self->align) = stamp(self->align);
	EXPECT_TRUE(check_stamps(to, 0, len));

	/* the second page alone */
	ASSERT_TRUE(mremap(to + self->align, self->align, self->align,
			   MREMAP_MAYMOVE | MREMAP_FIXED, addr) == addr);
	EXPECT_EQ(stamp(self->align), *word(addr, 0));
	EXPECT_EQ(stamp(0), *word(to, 0));
	EXPECT_EQ(SIGSEGV, touch(to + self->align, false));
}

TEST_DEVDAX(partial_munmap)
{
	char *addr = map(self->dev, 2 * self->align, 0);

	ASSERT_TRUE(addr != NULL);
	*word(addr, self->align) = 9;
	EXPECT_EQ(-1, munmap(addr + self->align / 2, self->align));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, touch(addr + self->align / 2, true));

	EXPECT_EQ(0, munmap(addr, self->align));
	EXPECT_EQ(SIGSEGV, touch(addr, false));
	EXPECT_EQ(9UL, *word(addr, self->align));
}

TEST_DEVDAX(mprotect_read_only)
{
	char *addr = map(self->dev, 2 * self->align, 0);
	unsigned long tail = self->align / 2;

	ASSERT_TRUE(addr != NULL);
	*word(addr, tail) = 5;
	*word(addr, self->align + tail) = 6;
	EXPECT_EQ(-1, mprotect(addr + self->align / 2, self->align, PROT_READ));
	EXPECT_EQ(EINVAL, errno);

	ASSERT_EQ(0, mprotect(addr, self->align, PROT_READ));
	EXPECT_EQ(SIGSEGV, touch(addr + tail, true));
	EXPECT_TRUE(caught.si_addr == addr + tail);
	EXPECT_EQ(0, touch(addr + tail, false));
	EXPECT_EQ(5UL, *word(addr, tail));
	EXPECT_EQ(0, touch(addr + self->align + tail, true));

	ASSERT_EQ(0, mprotect(addr, self->align, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, touch(addr + tail, true));
	EXPECT_EQ(5UL, *word(addr, tail));
	EXPECT_EQ(6UL, *word(addr, self->align + tail));

	EXPECT_EQ(0, munmap(addr, 2 * self->align));
	EXPECT_EQ(SIGSEGV, touch(addr + tail, false));
}

/* ---- pins ---- */

static bool pin_ranges(FIXTURE_DATA(devdax) *self, int gup_test, unsigned long how)
{
	const unsigned long span = self->span;
	const struct {
		unsigned long at, len;
	} ranges[] = {
		{ 0, span },					/* a page */
		{ 0, BASE_PAGE },				/* its head */
		{ BASE_PAGE, 123 * BASE_PAGE },			/* tails, an odd number */
		{ span / 2, span / 4 },
		{ span - BASE_PAGE, BASE_PAGE },		/* its last tail */
		{ span - 3 * BASE_PAGE, 123 * BASE_PAGE },	/* into the next one */
		{ span / 2 + BASE_PAGE, span },			/* half of two */
	};
	static const unsigned int per_call[] = { 512, 123, 1 };
	unsigned int i, call, write, again;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		for (call = 0; call < ARRAY_SIZE(per_call); call++) {
			/* page by page takes too long for a GiB */
			if (per_call[call] == 1 && ranges[i].len > 4 * MIB)
				continue;
			for (write = 0; write < 2; write++) {
				/* the pins are the first to touch it */
				char *addr = map(self->dev, 2 * span, 0);
				bool ok = addr;

				for (again = 0; ok && again < 2; again++)
					ok = pin(gup_test, how, addr + ranges[i].at,
						 ranges[i].len, write, per_call[call]);
				if (addr)
					munmap(addr, 2 * span);
				if (!ok) {
					note("the range was %#lx at %#lx", ranges[i].len,
					     ranges[i].at);
					return false;
				}
			}
		}
	}
	return true;
}

static void test_pins(struct __test_metadata *_metadata, FIXTURE_DATA(devdax) *self,
		      unsigned long how)
{
	int gup_test = open_gup_test();
	long before;

	if (gup_test < 0)
		SKIP_BECAUSE(return, "no gup_test in debugfs, set CONFIG_GUP_TEST");
	before = pins_released();
	EXPECT_LE(0, before);
	EXPECT_TRUE(pin_ranges(self, gup_test, how));
	EXPECT_LT(before, pins_released());
}

TEST_DEVDAX(pin_fast)
{
	test_pins(_metadata, self, PIN_FAST_BENCHMARK);
}

TEST_DEVDAX(pin_slow)
{
	test_pins(_metadata, self, PIN_BASIC_TEST);
}

TEST_DEVDAX(pin_longterm)
{
	test_pins(_metadata, self, PIN_LONGTERM_BENCHMARK);
}

/* ---- access from another process ---- */

TEST_DEVDAX(process_vm)
{
	unsigned long at = self->span - 2 * BASE_PAGE + 24, len = 4 * BASE_PAGE;
	char *mine = map(self->dev, 2 * self->span, 0);
	char *theirs = map(self->dev, 2 * self->span, 0);
	char buf[4 * BASE_PAGE];
	struct iovec local = { buf, len }, remote = { theirs + at, len };
	pid_t pid;

	ASSERT_TRUE(mine && theirs);
	fill(mine + at, len, 7);
	pid = start_idle();
	errno = 0;
	if (process_vm_readv(pid, &local, 1, &remote, 1, 0) < 0 && errno == ENOSYS) {
		stop(pid);
		SKIP_BECAUSE(return, "no process_vm_readv(), set CONFIG_CROSS_MEMORY_ATTACH");
	}
	EXPECT_EQ(0, errno);
	EXPECT_EQ(0, memcmp(buf, mine + at, len));

	fill(buf, len, 8);
	EXPECT_EQ((ssize_t)len, process_vm_writev(pid, &local, 1, &remote, 1, 0));
	EXPECT_EQ(0, memcmp(buf, mine + at, len));
	stop(pid);
}

TEST_DEVDAX(ptrace)
{
	unsigned long at = self->align / 2 + 8;
	char *mine = map(self->dev, 2 * self->align, 0);
	char *theirs = map(self->dev, 2 * self->align, 0);
	char path[64];
	uint64_t value = 0;
	pid_t pid;
	int mem;

	ASSERT_TRUE(mine && theirs);
	*word(mine, at) = 11;
	*word(mine, self->align + at) = 12;
	pid = start_idle();
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, pid, NULL, NULL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));

	EXPECT_EQ(11, ptrace(PTRACE_PEEKDATA, pid, theirs + at, NULL));
	EXPECT_EQ(0, ptrace(PTRACE_POKEDATA, pid, theirs + at, (void *)13));
	EXPECT_EQ(13UL, *word(mine, at));

	at += self->align;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDWR);
	ASSERT_LE(0, mem);
	EXPECT_EQ((ssize_t)sizeof(value),
		  pread(mem, &value, sizeof(value), (off_t)(theirs + at)));
	EXPECT_EQ(12UL, value);
	value = 14;
	EXPECT_EQ((ssize_t)sizeof(value),
		  pwrite(mem, &value, sizeof(value), (off_t)(theirs + at)));
	EXPECT_EQ(14UL, *word(mine, at));
	close(mem);
	stop(pid);
}

/* ---- futexes ---- */

static long futex(volatile uint64_t *at, int op, int value, struct timespec *timeout)
{
	return syscall(SYS_futex, at, op, value, timeout, NULL, 0);
}

/* Sleep until woken. Returns 0, or 1 if no wake-up came. */
static int futex_sleep(volatile uint64_t *at)
{
	struct timespec limit = { .tv_sec = 60 };

	for (;;) {
		if (!futex(at, FUTEX_WAIT, 0, &limit))
			return 0;
		if (errno != EINTR)
			return 1;
	}
}

/*
 * One process sleeps at a word, another wakes it by a mapping at another
 * address. Either can be the first to touch the page.
 */
static void test_futex(struct __test_metadata *_metadata, FIXTURE_DATA(devdax) *self,
		       bool sleeper_first)
{
	const unsigned long offsets[] = {
		BASE_PAGE / 2, self->align / 2, self->align - 8, self->align + self->align / 2,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		char *waker = map(self->dev, 2 * self->align, 0);
		char *sleeper = map(self->dev, 2 * self->align, 0);
		unsigned long at = offsets[i];
		int turn[2], status = 0;
		pid_t pid = 0;
		char byte = 0;

		ASSERT_TRUE(waker && sleeper);
		ASSERT_EQ(0, pipe(turn));
		if (!sleeper_first)
			*word(waker, at) = 0;
		pid = start();
		if (!pid) {
			if (sleeper_first)
				*word(sleeper, at) = 0;
			if (write(turn[1], &byte, 1) != 1)
				_exit(2);
			_exit(futex_sleep(word(sleeper, at)));
		}
		close(turn[1]);
		EXPECT_EQ(1, read(turn[0], &byte, 1));
		close(turn[0]);
		/* repeat until the other process sleeps and is woken */
		while (futex(word(waker, at), FUTEX_WAKE, 1, NULL) != 1) {
			if (waitpid(pid, &status, WNOHANG) == pid) {
				TH_LOG("nobody woke the sleeper at %#lx", at);
				pid = 0;
				break;
			}
			usleep(1000);
		}
		EXPECT_TRUE(pid && !ended(pid));
		munmap(waker, 2 * self->align);
		munmap(sleeper, 2 * self->align);
	}
}

TEST_DEVDAX(futex_sleeper_touches_first)
{
	self->spoilt = true;	/* "first" is once in a device's life */
	test_futex(_metadata, self, true);
}

TEST_DEVDAX(futex_waker_touches_first)
{
	self->spoilt = true;
	test_futex(_metadata, self, false);
}

/*
 * Pages that no process has touched since the device was bound.
 * @turn: the current page, counted from 1; one after the last ends the race
 * @slept: the last page in which the sleeper slept and was woken
 * @lost: the page in which the sleeper was not woken, 0 if there is none
 * @error: errno of the waker's futex call, if that failed
 */
struct race {
	char *waker;
	unsigned long align;
	unsigned long pages;
	volatile unsigned long turn;
	volatile unsigned long slept;
	volatile unsigned long lost;
	volatile int error;
};

static unsigned long race_at(struct race *race, unsigned long turn)
{
	return (turn - 1) * race->align + race->align / 2;
}

static void *wake(void *arg)
{
	struct race *race = arg;
	unsigned long turn;

	while ((turn = race->turn) <= race->pages) {
		if (turn && futex(word(race->waker, race_at(race, turn)), FUTEX_WAKE, 1, NULL) < 0)
			race->error = errno;
		sched_yield();
	}
	return NULL;
}

static void sleep_at_each(struct race *race, char *addr)
{
	unsigned long turn;

	for (turn = 1; turn <= race->pages && !race->lost; turn++) {
		while (race->turn < turn)
			sched_yield();
		*word(addr, race_at(race, turn)) = 0;
		if (futex_sleep(word(addr, race_at(race, turn))))
			race->lost = turn;
		else
			race->slept = turn;
	}
}

/*
 * Two processes touch a page at the same time, while a second thread of one of them
 * looks for sleepers there. The page must have its mapping and index by then.
 */
TEST_DEVDAX(futex_touched_at_once)
{
	struct race *race = shared_memory(sizeof(*race));
	unsigned long turn;
	pthread_t thread;
	char *sleeper;
	pid_t pid;

	self->spoilt = true;
	ASSERT_TRUE(race != NULL);
	ASSERT_EQ(0, device_unbind(self->dev)) TH_LOG("%s", device_error());
	ASSERT_EQ(0, device_bind(self->dev)) TH_LOG("%s", device_error());
	race->align = self->align;
	race->pages = self->len / self->align < 16 ? self->len / self->align : 16;
	race->waker = map(self->dev, self->len, 0);
	sleeper = map(self->dev, self->len, 0);
	ASSERT_TRUE(race->waker && sleeper);
	pid = start();
	if (!pid) {
		sleep_at_each(race, sleeper);
		_exit(0);
	}
	ASSERT_EQ(0, pthread_create(&thread, NULL, wake, race));

	for (turn = 1; turn <= race->pages && !race->lost; turn++) {
		race->turn = turn;
		*word(race->waker, race_at(race, turn)) = 0;
		while (race->slept < turn && !race->lost)
			sched_yield();
	}
	race->turn = race->pages + 1;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, ended(pid));
	EXPECT_EQ(0UL, race->lost) TH_LOG("nobody woke the sleeper in page %lu", race->lost);
	EXPECT_EQ(0, race->error) TH_LOG("futex: %s", strerror(race->error));
}

/* ---- pages that go elsewhere ---- */

TEST_DEVDAX(vmsplice)
{
	unsigned long at = self->span - 2 * BASE_PAGE + 16, len = 4 * BASE_PAGE;
	char *addr = map(self->dev, 2 * self->span, 0);
	struct iovec iov = { addr + at, len };
	char buf[4 * BASE_PAGE];
	size_t got = 0;
	ssize_t n;
	int fds[2];

	ASSERT_TRUE(addr != NULL);
	ASSERT_EQ(0, pipe(fds));
	fill(addr + at, len, 21);
	ASSERT_EQ((ssize_t)len, vmsplice(fds[1], &iov, 1, 0));
	/* the pipe has the pages, not a copy */
	addr[at] ^= 0x55;
	close(fds[1]);
	while (got < len && (n = read(fds[0], buf + got, len - got)) > 0)
		got += n;
	EXPECT_EQ(len, got);
	EXPECT_EQ(0, memcmp(buf, addr + at, len));
	close(fds[0]);
}

static int loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int rc;

	if (fd < 0)
		return -1;
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	rc = ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
	return rc;
}

/* A connection to ourselves. */
static int tcp_pair(int fds[2])
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&addr, size) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&addr, &size) ||
	    connect(fds[0], (struct sockaddr *)&addr, size))
		return -1;
	fds[1] = accept(listener, NULL, NULL);
	close(listener);
	return fds[1] < 0 ? -1 : 0;
}

/* Wait for notice that the kernel is done with sends up to @last. */
static bool zerocopy_done(int fd, uint32_t last)
{
	char control[128];
	struct msghdr msg;
	struct cmsghdr *cmsg;
	struct sock_extended_err *err;
	struct pollfd poller = { .fd = fd };

	for (;;) {
		memset(&msg, 0, sizeof(msg));
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		if (recvmsg(fd, &msg, MSG_ERRQUEUE) < 0) {
			if (errno == EAGAIN && poll(&poller, 1, 60000) > 0)
				continue;
			note("no notice: %s", strerror(errno));
			return false;
		}
		cmsg = CMSG_FIRSTHDR(&msg);
		if (!cmsg)
			return false;
		err = (struct sock_extended_err *)CMSG_DATA(cmsg);
		if (err->ee_errno || err->ee_origin != SO_EE_ORIGIN_ZEROCOPY) {
			note("errno %u, origin %u", err->ee_errno, err->ee_origin);
			return false;
		}
		if (err->ee_data == last)
			return true;
	}
}

TEST_DEVDAX(zerocopy_send)
{
	const unsigned long len = 5 * BASE_PAGE;
	const unsigned long offsets[] = {
		0, BASE_PAGE, self->span / 2 + 123, self->span - 2 * BASE_PAGE,
	};
	char *addr = map(self->dev, 2 * self->span, 0);
	char buf[5 * BASE_PAGE];
	int fds[2], one = 1;
	unsigned int i;

	if (loopback_up())
		SKIP_BECAUSE(return, "no loopback interface, set CONFIG_INET");
	ASSERT_TRUE(addr != NULL);
	ASSERT_EQ(0, tcp_pair(fds));
	ASSERT_EQ(0, setsockopt(fds[0], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)));
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		fill(addr + offsets[i], len, i);
		ASSERT_EQ((ssize_t)len, send(fds[0], addr + offsets[i], len, MSG_ZEROCOPY));
		ASSERT_EQ((ssize_t)len, recv(fds[1], buf, len, MSG_WAITALL));
		EXPECT_EQ(0, memcmp(buf, addr + offsets[i], len));
		EXPECT_TRUE(zerocopy_done(fds[0], i));
	}
	close(fds[0]);
	close(fds[1]);
}

TEST_DEVDAX(direct_io)
{
	const char *path = getenv("DEVDAX_DISK");
	const unsigned long span = self->span;
	const struct {
		unsigned long at, len;
	} parts[] = {
		{ 0, BASE_PAGE },				/* head */
		{ BASE_PAGE, 3 * BASE_PAGE },			/* tails */
		{ span / 2 + 512, 64 * KIB },			/* not page aligned */
		{ span - BASE_PAGE, BASE_PAGE },		/* last tail */
		{ span - 64 * KIB, 128 * KIB },			/* into the next one */
	};
	char *addr = map(self->dev, 2 * span, 0);
	char *copy = malloc(128 * KIB);
	unsigned int i;
	int disk;

	if (!path)
		SKIP_BECAUSE(return, "DEVDAX_DISK names no block device that may be written to");
	/* exclusive: not one that is mounted */
	disk = open(path, O_RDWR | O_DIRECT | O_EXCL);
	if (disk < 0)
		SKIP_BECAUSE(return, "%s: %s", path, strerror(errno));
	ASSERT_TRUE(addr && copy);
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		char *part = addr + parts[i].at;
		unsigned long len = parts[i].len;
		off_t where = i * MIB;

		fill(part, len, i + 31);
		memcpy(copy, part, len);
		EXPECT_EQ((ssize_t)len, pwrite(disk, part, len, where));
		memset(part, 0, len);
		EXPECT_EQ((ssize_t)len, pread(disk, part, len, where));
		EXPECT_EQ(0, memcmp(part, copy, len));
	}
	/* what was written from tails comes back where the head is */
	EXPECT_EQ((ssize_t)parts[1].len, pread(disk, addr, parts[1].len, MIB));
	fill(copy, parts[1].len, 1 + 31);
	EXPECT_EQ(0, memcmp(addr, copy, parts[1].len));
	close(disk);
	free(copy);
}

/* ---- what procfs says ---- */

/* Bytes that smaps counts as Rss for the mapping at @addr, -1 if it has none. */
static long smaps_rss(char *addr)
{
	char line[256], want[32];
	bool here = false;
	long rss = -1;
	FILE *f = fopen("/proc/self/smaps", "r");

	snprintf(want, sizeof(want), "%lx-", (unsigned long)addr);
	while (f && fgets(line, sizeof(line), f)) {
		here = here || !strncmp(line, want, strlen(want));
		if (here && sscanf(line, "Rss: %ld kB", &rss) == 1)
			break;
	}
	if (f)
		fclose(f);
	return rss < 0 ? rss : rss * (long)KIB;
}

/* smaps counts what the process as a whole does: nothing, until v6.15. */
TEST_DEVDAX(smaps_rss)
{
	char *addr = map(self->dev, 2 * self->align, 0);
	long rss, before;

	NEED_FILE("/proc/self/smaps", "CONFIG_PROC_PAGE_MONITOR");
	ASSERT_TRUE(addr != NULL);
	/* before the second look, so that no page of this program is new in it */
	EXPECT_EQ(0, smaps_rss(addr));
	before = file_counter("/proc/self/status", "RssFile");
	*word(addr, self->align / 2) = 41;
	rss = smaps_rss(addr);
	EXPECT_EQ(file_counter("/proc/self/status", "RssFile") - before, rss / (long)KIB);
	EXPECT_EQ(41UL, *word(addr, self->align / 2));
}

#define PAGEMAP_PRESENT	(1UL << 63)
#define PAGEMAP_PFN	((1UL << 55) - 1)

TEST_DEVDAX(pagemap)
{
	unsigned long nr = self->span / BASE_PAGE, at, seen = 0, i;
	char *addr = map(self->dev, self->span, 0);
	uint64_t *entries = calloc(nr, sizeof(*entries));
	int pagemap = open("/proc/self/pagemap", O_RDONLY);
	char path[128];

	NEED_FILE("/proc/self/pagemap", "CONFIG_PROC_PAGE_MONITOR");
	ASSERT_TRUE(addr && entries);
	ASSERT_LE(0, pagemap);
	for (at = 0; at < self->span; at += self->align)
		*word(addr, at + self->align / 2) = at;
	ASSERT_EQ((ssize_t)(nr * sizeof(*entries)),
		  pread(pagemap, entries, nr * sizeof(*entries),
			(uintptr_t)addr / BASE_PAGE * sizeof(*entries)));
	close(pagemap);

	device_path(self->dev, path, sizeof(path), "resource");
	for (i = 0; i < nr; i++) {
		if (!(entries[i] & PAGEMAP_PRESENT))
			continue;
		if (!seen++) {
			EXPECT_EQ(file_number(path) / BASE_PAGE, entries[i] & PAGEMAP_PFN);
		}
		ASSERT_EQ((entries[0] & PAGEMAP_PFN) + i, entries[i] & PAGEMAP_PFN);
	}
	EXPECT_TRUE(seen == nr || (self->align == GIB && !seen));
	for (at = 0; at < self->span; at += self->align)
		ASSERT_EQ(at, *word(addr, at + self->align / 2));
	free(entries);
}

static bool numa_maps_has(char *addr)
{
	char line[512], want[32];
	bool found = false;
	FILE *f = fopen("/proc/self/numa_maps", "r");

	snprintf(want, sizeof(want), "%lx ", (unsigned long)addr);
	while (f && fgets(line, sizeof(line), f))
		found = found || (!strncmp(line, want, strlen(want)) &&
				  strstr(line, "file=/dev/dax"));
	if (f)
		fclose(f);
	return found;
}

TEST_DEVDAX(numa_maps_and_mincore)
{
	unsigned long nr = self->align / BASE_PAGE, in = 0, i;
	char *addr = map(self->dev, 2 * self->align, 0);
	unsigned char *vec = calloc(2, nr);

	ASSERT_TRUE(addr && vec);
	*word(addr, self->align / 2) = 51;
	ASSERT_EQ(0, mincore(addr, 2 * self->align, vec));
	for (i = 0; i < nr; i++)
		in += vec[i] & 1;
	EXPECT_TRUE(in == nr || (self->align == GIB && !in));
	/* the second one was never touched here */
	for (i = nr, in = 0; i < 2 * nr; i++)
		in += vec[i] & 1;
	EXPECT_EQ(0UL, in);

	EXPECT_TRUE(access("/proc/self/numa_maps", F_OK) || numa_maps_has(addr));
	EXPECT_EQ(51UL, *word(addr, self->align / 2));
	free(vec);
}

/* ---- memory failure ---- */

/* What a process was told by SIGBUS. */
struct told {
	int times;
	int code;
	int lsb;
	unsigned long offset;
};

/*
 * A process that maps a part of the device at an address of its own, and takes
 * its orders from a pipe.
 */
struct member {
	unsigned long first, len;
	struct told *told;
	int orders, answers;
	pid_t pid;
};

enum { TOUCH, POISON, CHECK, QUIT };

struct order {
	int what;
	unsigned long offset;
};

static struct told *my_told;
static char *my_addr;
static unsigned long my_first;

static void on_failure(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	my_told->times++;
	my_told->code = info->si_code;
	my_told->lsb = info->si_addr_lsb;
	my_told->offset = (char *)info->si_addr - my_addr + my_first;
}

static void obey(struct device *dev, struct member *me, int nr)
{
	struct sigaction sa = {
		.sa_sigaction = on_failure,
		.sa_flags = SA_SIGINFO | SA_RESTART,
	};
	struct order order;
	unsigned long at;
	char *room = reserve((nr + 1) * me->len, dev->align);

	my_told = me->told;
	my_first = me->first;
	my_addr = room ? map_with(dev, room + nr * me->len, me->len, me->first,
				  MAP_SHARED) : NULL;
	if (!my_addr)
		_exit(2);
	sigaction(SIGBUS, &sa, NULL);
	while (read(me->orders, &order, sizeof(order)) == sizeof(order) &&
	       order.what != QUIT) {
		unsigned long page = order.offset - order.offset % dev->align;
		int answer = 0;

		switch (order.what) {
		case TOUCH:
			for (at = 0; at < me->len; at += dev->align)
				(void)*word(my_addr, at);
			break;
		case POISON:
			if (madvise(my_addr + order.offset - me->first, BASE_PAGE,
				    MADV_HWPOISON))
				answer = errno;
			break;
		case CHECK:
			/* all pages but the one that failed */
			for (at = me->first; at < me->first + me->len; at += dev->align)
				if (at != page &&
				    !check_stamps(my_addr + at - me->first, at,
						  at + dev->align))
					answer = 1;
			break;
		}
		if (write(me->answers, &answer, sizeof(answer)) != sizeof(answer))
			break;
	}
	_exit(0);
}

static bool enlist(struct device *dev, struct member *m, int nr)
{
	int orders[2], answers[2];

	m->told = shared_memory(sizeof(*m->told));
	if (!m->told || pipe(orders) || pipe(answers))
		return false;
	m->pid = start();
	if (!m->pid) {
		m->orders = orders[0];
		m->answers = answers[1];
		close(orders[1]);
		close(answers[0]);
		obey(dev, m, nr);
	}
	m->orders = orders[1];
	m->answers = answers[0];
	close(orders[0]);
	close(answers[1]);
	return m->pid > 0;
}

/* Returns the member's answer: 0 is good, -1 means that it has ended. */
static int tell(struct member *m, int what, unsigned long offset)
{
	struct order order = { .what = what, .offset = offset };
	int answer = -1;

	if (write(m->orders, &order, sizeof(order)) != sizeof(order) ||
	    read(m->answers, &answer, sizeof(answer)) != sizeof(answer))
		return -1;
	return answer;
}

/* In kB; -1 if the kernel does not handle memory failures. */
static long corrupted(void)
{
	return file_counter("/proc/meminfo", "HardwareCorrupted");
}

#define NEED_MEMORY_FAILURE() do { \
	if (corrupted() < 0) \
		SKIP_BECAUSE(return, "no memory failures, set CONFIG_MEMORY_FAILURE"); \
} while (0)

static bool dismiss(struct member *m)
{
	struct order order = { .what = QUIT };

	return write(m->orders, &order, sizeof(order)) == sizeof(order) && !ended(m->pid);
}

/*
 * Two processes map the page that fails, a third one maps another page. Each of
 * the two injects the failure once, and has to be told. 5.10 does not tell a
 * process that was not about to use the page; the test accepts that.
 */
static void test_poison(struct __test_metadata *_metadata, FIXTURE_DATA(devdax) *self,
			unsigned long offset)
{
	struct member members[3] = {
		{ .len = self->span },
		{ .len = self->span },
		{ .first = self->span, .len = self->span },
	};
	char *addr = map(self->dev, 2 * self->span, 0);
	int turn, i;

	NEED_MEMORY_FAILURE();
	self->spoilt = true;
	signal(SIGPIPE, SIG_IGN);
	ASSERT_TRUE(addr != NULL);
	write_stamps(addr, 0, 2 * self->span);
	munmap(addr, 2 * self->span);
	for (i = 0; i < 3; i++)
		ASSERT_TRUE(enlist(self->dev, &members[i], i));

	for (turn = 0; turn < 2; turn++) {
		for (i = 0; i < 3; i++) {
			memset(members[i].told, 0, sizeof(*members[i].told));
			ASSERT_EQ(0, tell(&members[i], TOUCH, 0));
		}
		EXPECT_EQ(0, tell(&members[turn], POISON, offset));
		for (i = 0; i < 3; i++)
			EXPECT_EQ(0, tell(&members[i], CHECK, offset));
		for (i = 0; i < 2; i++) {
			struct told *told = members[i].told;

			if (i != turn && !told->times)
				continue;
			EXPECT_EQ(1, told->times);
			EXPECT_EQ(i == turn ? BUS_MCEERR_AR : BUS_MCEERR_AO, told->code);
			EXPECT_EQ(offset, told->offset);
			EXPECT_EQ(__builtin_ctzl(self->align), told->lsb);
		}
		EXPECT_EQ(0, members[2].told->times);
	}
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(dismiss(&members[i]));
}

TEST_DEVDAX(poison_first)
{
	test_poison(_metadata, self, 0);
}

TEST_DEVDAX(poison_middle)
{
	test_poison(_metadata, self, self->span / 2 + BASE_PAGE);
}

TEST_DEVDAX(poison_last)
{
	test_poison(_metadata, self, self->span - BASE_PAGE);
}

TEST_DEVDAX(poison_then_unbind)
{
	const unsigned long offsets[] = { 0, BASE_PAGE, self->span - BASE_PAGE };
	struct member member = { .len = 2 * self->span };
	long before = corrupted();
	unsigned int i;

	NEED_MEMORY_FAILURE();
	self->spoilt = true;
	signal(SIGPIPE, SIG_IGN);
	ASSERT_TRUE(enlist(self->dev, &member, 0));
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		ASSERT_EQ(0, tell(&member, TOUCH, 0));
		EXPECT_EQ(0, tell(&member, POISON, offsets[i]));
	}
	EXPECT_EQ(3, member.told->times);
	EXPECT_TRUE(dismiss(&member));

	EXPECT_EQ(0, device_unbind(self->dev)) TH_LOG("%s", device_error());
	EXPECT_EQ(before, corrupted());
	EXPECT_EQ(0, device_bind(self->dev)) TH_LOG("%s", device_error());
	EXPECT_EQ(before, corrupted());
}

/* The data of a device page has nowhere to go. */
TEST_DEVDAX(soft_offline_refused)
{
	char *addr = map(self->dev, 2 * self->align, 0);
	unsigned long at;

	NEED_MEMORY_FAILURE();
	ASSERT_TRUE(addr != NULL);
	for (at = 0; at < self->align; at += self->align / 2) {
		*word(addr, at) = 61;
		EXPECT_EQ(-1, madvise(addr + at - at % BASE_PAGE, BASE_PAGE,
				      MADV_SOFT_OFFLINE));
		EXPECT_EQ(EIO, errno);
		EXPECT_EQ(61UL, *word(addr, at));
	}
}

/* ---- the end of a device ---- */

TEST_DEVDAX(access_after_unbind)
{
	char *addr = map(self->dev, 2 * self->align, 0);

	ASSERT_TRUE(addr != NULL);
	self->spoilt = true;
	EXPECT_EQ(0, touch(addr + self->align / 2, true));
	ASSERT_EQ(0, device_unbind(self->dev)) TH_LOG("%s", device_error());
	EXPECT_EQ(SIGBUS, touch(addr + self->align / 2, false));
	EXPECT_EQ(SIGBUS, touch(addr + self->align, true));
	munmap(addr, 2 * self->align);
	EXPECT_EQ(0, device_bind(self->dev)) TH_LOG("%s", device_error());
}

TEST_DEVDAX(unbind_waits_for_pins)
{
	unsigned long at = self->span - 2 * BASE_PAGE, len = 2 * BASE_PAGE, i;
	char *addr = map(self->dev, self->span, 0);
	struct iovec iov = { addr + at, len };
	char want[2 * BASE_PAGE], got[2 * BASE_PAGE];
	int fds[2];
	pid_t pid;

	ASSERT_TRUE(addr != NULL);
	self->spoilt = true;
	ASSERT_EQ(0, pipe(fds));
	fill(want, len, 71);
	memcpy(addr + at, want, len);
	ASSERT_EQ((ssize_t)len, vmsplice(fds[1], &iov, 1, 0));

	pid = start();
	if (!pid)
		_exit(device_unbind(self->dev) ? 1 : 0);
	/* mappings go first, pages after that */
	for (i = 0; i < 60000 && !touch(addr, false); i++)
		usleep(1000);
	EXPECT_EQ(SIGBUS, touch(addr, false));
	usleep(500000);
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));

	EXPECT_EQ((ssize_t)len, read(fds[0], got, len));
	EXPECT_EQ(0, memcmp(want, got, len));
	EXPECT_EQ(0, ended(pid));
	munmap(addr, self->span);
	EXPECT_EQ(0, device_bind(self->dev)) TH_LOG("%s", device_error());
}

/* ---- all at once ---- */

#define NR_THREADS	8
#define ROUNDS		200

struct worker {
	pthread_t thread;
	struct device *dev;
	char *addr;
	unsigned long len;
	int gup_test;
	unsigned int nr;
	bool ok;
};

/* Each thread has a word of its own in each base page. */
static void *work(void *arg)
{
	static const unsigned long hows[] = {
		PIN_FAST_BENCHMARK, PIN_BASIC_TEST, PIN_LONGTERM_BENCHMARK,
	};
	struct worker *w = arg;
	unsigned long pages = w->len / BASE_PAGE, page, nr;
	unsigned int seed = w->nr + 1, i;
	uint32_t *wrote = calloc(pages, sizeof(*wrote));

	w->ok = wrote;
	for (i = 1; w->ok && i <= ROUNDS; i++) {
		page = rand_r(&seed) % pages;
		wrote[page] = i;
		*word(w->addr, page * BASE_PAGE + w->nr * 8) = i;
		if (w->gup_test < 0)
			continue;
		page = rand_r(&seed) % pages;
		nr = 1 + rand_r(&seed) % 700;
		if (nr > pages - page)
			nr = pages - page;
		w->ok = pin(w->gup_test, hows[rand_r(&seed) % 3], w->addr + page * BASE_PAGE,
			    nr * BASE_PAGE, rand_r(&seed) % 2, 1 + rand_r(&seed) % 600);
	}
	for (page = 0; w->ok && page < pages; page++)
		if (wrote[page])
			w->ok = *word(w->addr, page * BASE_PAGE + w->nr * 8) == wrote[page];
	if (!w->ok)
		note("thread %u failed in round %u", w->nr, i);
	free(wrote);
	return NULL;
}

TEST_DEVDAX(threads)
{
	unsigned long len = 2 * self->span;
	struct worker workers[NR_THREADS];
	char *addr[2];
	long before = pins_released();
	int gup_test = open_gup_test();
	int i;

	/* two mappings, so that there are faults of the same page as well */
	addr[0] = map(self->dev, len, 0);
	addr[1] = map(self->dev, len, 0);
	ASSERT_TRUE(addr[0] && addr[1]);
	for (i = 0; i < NR_THREADS; i++) {
		workers[i] = (struct worker) {
			.dev = self->dev, .addr = addr[i % 2], .len = len,
			.gup_test = gup_test, .nr = i,
		};
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL, work, &workers[i]));
	}
	for (i = 0; i < NR_THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		EXPECT_TRUE(workers[i].ok);
	}
	if (gup_test >= 0) {
		EXPECT_LT(before, pins_released());
	}
}

/* ---- devices of their own ---- */

FIXTURE(devices) {
	struct device dev;
};

FIXTURE_SETUP(devices)
{
	give_back();
}

FIXTURE_TEARDOWN(devices)
{
}

#define TEST_DEVICES(name)	TEST_F_TIMEOUT(devices, name, LIMIT)

#define NEED(kind) do { \
	const char *why = missing(kind, BASE_PAGE); \
	if (why) \
		SKIP_BECAUSE(return, "%s", why); \
} while (0)

static int dax_write(struct device *dev, const char *attr, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/%s", dev->name, attr);
	return file_write(path, text);
}

static unsigned long first_range(struct device *dev, const char *attr)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/mapping0/%s", dev->name, attr);
	return file_number(path);
}

/* Bind a device and see if its first page keeps what is written to it. */
static bool bind_and_try(struct device *dev)
{
	char *addr;
	bool ok;

	if (device_bind(dev)) {
		note("%s", device_error());
		return false;
	}
	addr = map(dev, dev->align, 0);
	if (!addr)
		return false;
	*word(addr, dev->align / 2) = 81;
	ok = *word(addr, dev->align / 2) == 81;
	munmap(addr, dev->align);
	return ok;
}

/* Place a GiB at the start of the region: only a range shows where that is. */
static bool at_misaligned_start(struct device *dev)
{
	if (dynamic_find(dev) || dynamic_resize(dev, 2 * MIB, GIB)) {
		note("%s", device_error());
		return false;
	}
	return first_range(dev, "start") % GIB;
}

#define NEED_MISALIGNED_REGION() do { \
	NEED(DYNAMIC); \
	if (!at_misaligned_start(&self->dev)) \
		SKIP_BECAUSE(return, "the dynamic region starts on a multiple of 1 GiB"); \
} while (0)

TEST_DEVICES(misaligned_align_refused)
{
	NEED_MISALIGNED_REGION();
	errno = 0;
	EXPECT_NE(0, dax_write(&self->dev, "align", "1073741824"));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, dynamic_resize(&self->dev, 2 * MIB, 0));
	EXPECT_EQ(0, dax_write(&self->dev, "align", "1073741824"));
}

TEST_DEVICES(misaligned_mapping_refused)
{
	char range[64];
	unsigned long first;

	NEED_MISALIGNED_REGION();
	first = first_range(&self->dev, "start");
	ASSERT_EQ(0, dynamic_resize(&self->dev, GIB, 0)) TH_LOG("%s", device_error());
	snprintf(range, sizeof(range), "%lx-%lx", first, first + GIB - 1);
	EXPECT_NE(0, dax_write(&self->dev, "mapping", range));
	first += GIB - first % GIB;
	snprintf(range, sizeof(range), "%lx-%lx", first, first + GIB - 1);
	EXPECT_EQ(0, dax_write(&self->dev, "mapping", range)) TH_LOG("%s", device_error());
	EXPECT_EQ(0, dynamic_resize(&self->dev, 2 * MIB, 0));
}

TEST_DEVICES(gib_is_placed_on_multiple)
{
	NEED_MISALIGNED_REGION();
	ASSERT_EQ(0, dynamic_resize(&self->dev, GIB, GIB)) TH_LOG("%s", device_error());
	EXPECT_TRUE(dynamic_is_aligned(&self->dev)) TH_LOG("%s", device_error());
	EXPECT_EQ(0, dynamic_resize(&self->dev, 2 * MIB, 0));
}

/* A distribution can turn compound pages off. smaps tells the size of a page. */
TEST_DEVICES(compound_off)
{
	static const char parameter[] = "/sys/module/device_dax/parameters/compound";
	char *addr = NULL, was[8] = "1";
	int gup_test = open_gup_test();

	NEED(STATIC_MEM);
	if (access(parameter, F_OK))
		SKIP_BECAUSE(return, "device-dax has no parameter compound");
	EXPECT_LT(0, file_read(parameter, was, sizeof(was)));
	EXPECT_EQ(0, file_write(parameter, "0")) TH_LOG("%s", device_error());
	EXPECT_EQ(0, take_static(&self->dev, "mem", 2 * MIB, 64 * MIB))
		TH_LOG("%s", device_error());
	file_write(parameter, was);
	addr = map(&self->dev, 4 * MIB, 0);
	ASSERT_TRUE(addr != NULL);
	EXPECT_EQ(0, touch(addr + MIB, true));
	if (gup_test >= 0) {
		EXPECT_TRUE(pin(gup_test, PIN_FAST_BENCHMARK, addr, 4 * MIB, true, 123));
		EXPECT_LE(0, pins_released());
	}
	munmap(addr, 4 * MIB);
	EXPECT_EQ(0, static_destroy(&self->dev)) TH_LOG("%s", device_error());
}

TEST_DEVICES(namespace_round_trips)
{
	long i;

	NEED(STATIC_MEM);
	for (i = 0; i < 10 * repeats(); i++) {
		ASSERT_EQ(0, take_static(&self->dev, i % 2 ? "dev" : "mem", 2 * MIB, 64 * MIB))
			TH_LOG("%s", device_error());
		ASSERT_EQ(0, device_unbind(&self->dev)) TH_LOG("%s", device_error());
		ASSERT_TRUE(bind_and_try(&self->dev));
		ASSERT_EQ(0, static_destroy(&self->dev)) TH_LOG("%s", device_error());
	}
}

static long mem_total(void)
{
	return file_counter("/proc/meminfo", "MemTotal");
}

static long mem_free(void)
{
	/* what is cached is not lost */
	file_write("/proc/sys/vm/drop_caches", "3");
	return file_counter("/proc/meminfo", "MemFree");
}

/* From device-dax to system memory and back. */
static bool system_ram_and_back(struct device *dev)
{
	long before = mem_total(), online;
	long kib = dev->size / KIB;

	if (device_unbind(dev) || file_write(KMEM "new_id", dev->name)) {
		note("%s", device_error());
		return false;
	}
	if (memory_set(dev, "online_movable")) {
		note("%s", device_error());
		return false;
	}
	online = mem_total();
	if (memory_set(dev, "offline") || file_write(KMEM "unbind", dev->name) ||
	    file_write(KMEM "remove_id", dev->name)) {
		note("%s", device_error());
		return false;
	}
	if (online != before + kib || mem_total() != before) {
		note("%ld kB of memory became %ld and %ld, the device has %ld", before,
		     online, mem_total(), kib);
		return false;
	}
	return bind_and_try(dev);
}

TEST_DEVICES(system_ram_round_trips)
{
	const unsigned long size = GIB;
	/* half of one of the memmaps that come and go */
	const long allowed = size / BASE_PAGE * 64 / 2 / KIB;
	long i, total, before, lost, tries = 0;

	NEED(DYNAMIC);
	NEED_FILE(KMEM "new_id", "CONFIG_DEV_DAX_KMEM");
	ASSERT_EQ(0, dynamic_find(&self->dev));
	ASSERT_EQ(0, dynamic_resize(&self->dev, 2 * MIB, size)) TH_LOG("%s", device_error());
	ASSERT_TRUE(bind_and_try(&self->dev));

	/* the first time, caches and counters of a zone are made */
	ASSERT_TRUE(system_ram_and_back(&self->dev));
	total = mem_total();
	/* a leak shows each time, what the lists of each CPU keep shows once */
	do {
		before = mem_free();
		for (i = 0; i < repeats(); i++)
			ASSERT_TRUE(system_ram_and_back(&self->dev));
		lost = before - mem_free();
	} while (lost >= allowed && ++tries < 3);
	EXPECT_EQ(total, mem_total());
	EXPECT_GT(allowed, lost);
	EXPECT_EQ(0, dynamic_resize(&self->dev, 2 * MIB, 0)) TH_LOG("%s", device_error());
}

/* Leave no device behind. The processes of the tests do not come here. */
__attribute__((destructor)) static void leave_none(void)
{
	give_back();
}

TEST_HARNESS_MAIN
