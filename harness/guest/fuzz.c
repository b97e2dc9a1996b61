// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls on device-dax by several processes, while devices are unbound, bound
 * otherwise and hit by memory failure. Prints KTAP. The order within each process comes
 * from seed= on the kernel's command line, which the first comment of a run names; how
 * the processes meet does not. What must hold: a word that a process wrote is there
 * when it reads it, every pin is given back, the struct pages are right at the end, each
 * process ends, and so does each unbind.
 *
 * seconds= says for how long, default 100.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../mm/gup_test.h"
#include "devdax_device.h"
#include "ktap.h"
#include "struct_pages.h"

#define MIB	(1UL << 20)
#define GIB	(1UL << 30)
#define BASE_PAGE	4096UL
#define DRIVER	"/sys/bus/dax/drivers/device_dax/"
#define COMPOUND	"/sys/module/device_dax/parameters/compound"

#ifndef MADV_COLD
#define MADV_COLD	20
#define MADV_PAGEOUT	21
#endif

#define PROCESSES	3
#define DEVICES	5	/* the last one is dynamic, and loses what it holds */
#define MAPPINGS	6
#define GRACE	90	/* seconds until a process counts as stuck */

static struct device devices[DEVICES];
static const struct {
	const char *map;
	unsigned long align, size;
} shapes[DEVICES - 1] = {
	{ "mem", GIB, 3 * GIB },
	{ "dev", 2 * MIB, 256 * MIB },
	{ "mem", BASE_PAGE, 64 * MIB },
	{ "mem", 2 * MIB, 256 * MIB },
};

/* Shared by all */
static struct shared {
	time_t deadline;
	unsigned long calls[PROCESSES + 1];
	unsigned long binds;
} *shared;

static unsigned long seed;
static uint64_t state;
static unsigned int me;

static uint64_t random_word(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static unsigned long below(unsigned long n)
{
	return n ? random_word() % n : 0;
}

/* ---- accesses that may end in a signal ---- */

static sigjmp_buf escape;
static volatile sig_atomic_t armed;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	/* a failure of memory that another process consumed is advice */
	if (sig == SIGBUS && info->si_code == BUS_MCEERR_AO)
		return;
	if (armed) {
		armed = 0;
		siglongjmp(escape, sig);
	}
	_exit(100 + sig);
}

/* Whether an access went well */
static bool store(volatile uint64_t *word, uint64_t value)
{
	if (sigsetjmp(escape, 1))
		return false;
	armed = 1;
	*word = value;
	armed = 0;
	return true;
}

static bool load(volatile uint64_t *word, volatile uint64_t *value)
{
	if (sigsetjmp(escape, 1))
		return false;
	armed = 1;
	*value = *word;
	armed = 0;
	return true;
}

static void poison(char *addr)
{
	if (sigsetjmp(escape, 1))
		return;
	armed = 1;
	madvise(addr, BASE_PAGE, MADV_HWPOISON);
	armed = 0;
}

/* ---- what this process has mapped, and wrote ---- */

static struct mapping {
	char *addr;
	size_t len;
	unsigned long offset;
	unsigned int device;
} mappings[MAPPINGS];

/* The word that this process owns in each page of a device, 0 if never written */
static uint64_t *written[DEVICES - 1];
static const char *wrong;
static int disk, gup, pipes[2];

static volatile uint64_t *own_word(struct mapping *m, unsigned long page)
{
	return (uint64_t *)(m->addr + page * BASE_PAGE) + 8 * (1 + me);
}

static uint64_t *shadow(struct mapping *m, unsigned long page)
{
	return m->device == DEVICES - 1 ? NULL :
		&written[m->device][m->offset / BASE_PAGE + page];
}

static void write_word(struct mapping *m, unsigned long page)
{
	uint64_t value = random_word() | 1;

	if (store(own_word(m, page), value) && shadow(m, page))
		*shadow(m, page) = value;
}

static void read_word(struct mapping *m, unsigned long page)
{
	uint64_t *wrote = shadow(m, page);
	uint64_t value;

	if (load(own_word(m, page), &value) && wrote && *wrote && value != *wrote)
		wrong = "a word changed";
}

static void unmap(struct mapping *m)
{
	munmap(m->addr, m->len);
	m->addr = NULL;
}

static void map(struct mapping *m)
{
	unsigned int d = below(DEVICES);
	unsigned long align = devices[d].align, size = devices[d].size;
	unsigned long pages = size / align, first = below(pages);
	size_t len = (1 + below(pages - first)) * align;
	int fd = open(devices[d].node, O_RDWR);
	char *addr;

	if (fd < 0)
		return;
	addr = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | (below(8) ? 0 : MAP_POPULATE),
		    fd, first * align);
	close(fd);
	if (addr != MAP_FAILED)
		*m = (struct mapping){ addr, len, first * align, d };
}

/* A range of it, now and then one that no page of the device begins at */
static void part(struct mapping *m, char **addr, size_t *len)
{
	unsigned long unit = below(4) ? devices[m->device].align : BASE_PAGE;
	unsigned long units, first;

	if (unit > m->len)
		unit = BASE_PAGE;
	units = m->len / unit;
	first = below(units);
	*addr = m->addr + first * unit;
	*len = (1 + below(below(2) ? units - first : 1)) * unit;
}

static void unmap_a_part(struct mapping *m)
{
	size_t keep = below(m->len / devices[m->device].align + 1) * devices[m->device].align;

	if (keep && keep < m->len && !munmap(m->addr + keep, m->len - keep))
		m->len = keep;
}

static void move(struct mapping *m)
{
	unsigned long align = devices[m->device].align;
	size_t size = m->len + 2 * align;
	char *room = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *to;

	if (room == MAP_FAILED)
		return;
	to = (char *)(((uintptr_t)room + align) / align * align);
	if (!below(4))
		to += BASE_PAGE;
	if (mremap(m->addr, m->len, m->len, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to) {
		munmap(room, to - room);
		munmap(to + m->len, room + size - to - m->len);
		m->addr = to;
	} else {
		munmap(room, size);
	}
}

static void cut(struct mapping *m)
{
	size_t len = below(m->len) / BASE_PAGE * BASE_PAGE;
	void *addr = mremap(m->addr, len, len + BASE_PAGE, MREMAP_MAYMOVE);

	/* 4 KiB pages may be cut */
	if (addr != MAP_FAILED && addr != m->addr) {
		munmap(addr, len + BASE_PAGE);
		unmap(m);
	}
}

static void protect(struct mapping *m)
{
	char *addr;
	size_t len;

	part(m, &addr, &len);
	if (mprotect(addr, len, below(2) ? PROT_READ : PROT_NONE))
		return;
	write_word(m, (addr - m->addr) / BASE_PAGE);
	mprotect(addr, len, PROT_READ | PROT_WRITE);
}

static void advise(struct mapping *m)
{
	static const int advice[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_WILLNEED, MADV_DONTNEED, MADV_DONTNEED,
		MADV_FREE, MADV_REMOVE, MADV_COLD, MADV_PAGEOUT, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_MERGEABLE, MADV_DONTFORK, MADV_DOFORK, MADV_DONTDUMP,
	};
	char *addr;
	size_t len;

	part(m, &addr, &len);
	madvise(addr, len, advice[below(sizeof(advice) / sizeof(*advice))]);
}

static void fail(struct mapping *m)
{
	char *addr;
	size_t len;

	if (below(20))
		return;
	part(m, &addr, &len);
	poison(addr);
}

static void pin(struct mapping *m)
{
	static const unsigned long requests[] = {
		GUP_FAST_BENCHMARK, PIN_FAST_BENCHMARK, PIN_LONGTERM_BENCHMARK,
		GUP_BASIC_TEST, PIN_BASIC_TEST, PIN_FAST_LONGTERM_BENCHMARK,
	};
	static const unsigned long pages[] = { 1, 2, 511, 512, 513, 4096, 262144 };
	struct gup_test test = { .gup_flags = below(2), };
	char *addr;
	size_t len;

	part(m, &addr, &len);
	if (!below(2)) {
		addr += BASE_PAGE * below(len / BASE_PAGE);
		len = BASE_PAGE * (1 + below((m->addr + m->len - addr) / BASE_PAGE));
	}
	test.addr = (uintptr_t)addr;
	test.size = len;
	test.nr_pages_per_call = pages[below(sizeof(pages) / sizeof(*pages))];
	ioctl(gup, requests[below(sizeof(requests) / sizeof(*requests))], &test);
}

static void copy(struct mapping *m)
{
	unsigned long page = below(m->len / BASE_PAGE);
	uint64_t value = random_word() | 1, buf[8];
	struct iovec local = { &value, sizeof(value) };
	struct iovec remote = { (void *)own_word(m, page), sizeof(value) };

	if (below(2)) {
		local = (struct iovec){ buf, sizeof(buf) };
		process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	} else if (process_vm_writev(getpid(), &local, 1, &remote, 1, 0) == sizeof(value) &&
		   shadow(m, page)) {
		*shadow(m, page) = value;
	}
}

static void splice_out(struct mapping *m)
{
	char *addr, buf[BASE_PAGE];
	struct iovec iov;
	ssize_t len;
	size_t size;

	part(m, &addr, &size);
	iov = (struct iovec){ addr, size < 16 * BASE_PAGE ? size : 16 * BASE_PAGE };
	len = vmsplice(pipes[1], &iov, 1, SPLICE_F_NONBLOCK);
	while (len > 0) {
		ssize_t got = read(pipes[0], buf, sizeof(buf));

		if (got <= 0)
			break;
		len -= got;
	}
}

static void write_to_disk(struct mapping *m)
{
	char *addr;
	size_t len;

	part(m, &addr, &len);
	if (disk >= 0 && pwrite(disk, addr, len < MIB ? len : MIB, below(100) * MIB) < 0)
		return;
}

static void wake(struct mapping *m)
{
	syscall(SYS_futex, own_word(m, below(m->len / BASE_PAGE)), FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void ask(struct mapping *m)
{
	static const char * const files[] = { "smaps", "numa_maps", "smaps_rollup", "maps" };
	static unsigned char there[1 << 15];
	char path[64], buf[BASE_PAGE], *addr;
	void *at[4];
	int i, fd, status[4];
	size_t len;

	part(m, &addr, &len);
	if (len > sizeof(there) * BASE_PAGE)
		len = sizeof(there) * BASE_PAGE;
	switch (below(4)) {
	case 0:
		mincore(addr, len, there);
		return;
	case 1:
		for (i = 0; i < 4; i++)
			at[i] = addr + below(len);
		syscall(SYS_move_pages, 0, 4UL, at, NULL, status, 0);
		return;
	case 2:
		fd = open("/proc/self/pagemap", O_RDONLY);
		if (pread(fd, buf, sizeof(buf), (uintptr_t)addr / BASE_PAGE * 8) < 0)
			break;
		break;
	default:
		snprintf(path, sizeof(path), "/proc/self/%s", files[below(4)]);
		fd = open(path, O_RDONLY);
		while (fd >= 0 && read(fd, buf, sizeof(buf)) > 0)
			;
	}
	if (fd >= 0)
		close(fd);
}

static void clear_refs(struct mapping *m)
{
	(void)m;
	file_write("/proc/self/clear_refs", below(2) ? "1" : "4");
}

/* A child reads the word, or is stopped while its parent reads it there. */
static void fork_one(struct mapping *m)
{
	unsigned long page = below(m->len / BASE_PAGE);
	bool traced = below(2);
	int status;
	pid_t pid;

	if (below(10))
		return;
	pid = fork();
	if (!pid) {
		if (traced) {
			ptrace(PTRACE_TRACEME, 0, 0, 0);
			raise(SIGSTOP);
		}
		read_word(m, page);
		_exit(!!wrong);
	}
	while (pid > 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		long value;

		errno = 0;
		value = ptrace(PTRACE_PEEKDATA, pid, own_word(m, page), 0);
		if (!errno && shadow(m, page) && *shadow(m, page) &&
		    (uint64_t)value != *shadow(m, page))
			wrong = "ptrace() read another word";
		ptrace(PTRACE_CONT, pid, 0, WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status));
	}
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 1)
		wrong = "a child read another word";
}

static void write_one(struct mapping *m)
{
	write_word(m, below(m->len / BASE_PAGE));
}

static void read_one(struct mapping *m)
{
	read_word(m, below(m->len / BASE_PAGE));
}

static void (* const calls[])(struct mapping *m) = {
	write_one, write_one, write_one, read_one, read_one, unmap, unmap_a_part, move, cut,
	protect, advise, advise, fail, pin, pin, copy, splice_out, write_to_disk, wake, ask,
	clear_refs, fork_one,
};

static void catch_signals(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
}

static void use_devices(void)
{
	int d;

	catch_signals();
	disk = open("/dev/nvme0n1", O_RDWR | O_DIRECT);
	gup = open("/sys/kernel/debug/gup_test", O_RDWR);
	if (pipe2(pipes, O_NONBLOCK))
		_exit(1);
	for (d = 0; d < DEVICES - 1; d++) {
		written[d] = calloc(devices[d].size / BASE_PAGE, sizeof(**written));
		if (!written[d])
			_exit(1);
	}
	while (time(NULL) < shared->deadline && !wrong) {
		struct mapping *m = &mappings[below(MAPPINGS)];

		if (m->addr)
			calls[below(sizeof(calls) / sizeof(*calls))](m);
		else
			map(m);
		shared->calls[me]++;
	}
	if (wrong)
		note("process %u: %s, after %lu calls", me, wrong, shared->calls[me]);
	fflush(stdout);
	_exit(!!wrong);
}

static unsigned long address(struct device *dev)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%.31s/resource", dev->name);
	return file_number(path);
}

/* A failure of a range that is not there, or of a bind that others hinder, is all right. */
static void change_devices(void)
{
	static const unsigned long aligns[] = { BASE_PAGE, 2 * MIB, GIB };
	char text[32];

	while (time(NULL) < shared->deadline) {
		struct device *dev = &devices[below(DEVICES)];

		usleep(below(50000));
		if (!below(4))
			file_write(COMPOUND, below(2) ? "1" : "0");
		if (!below(8) && address(dev) > 4 * GIB) {
			snprintf(text, sizeof(text), "%#lx", address(dev) + below(dev->size));
			file_write("/sys/devices/system/memory/hard_offline_page", text);
			continue;
		}
		file_write(DRIVER "unbind", dev->name);
		if (dev == &devices[DEVICES - 1])
			dynamic_resize(dev, aligns[below(3)], below(2) ? GIB : 2 * GIB);
		if (!file_write(DRIVER "bind", dev->name))
			shared->binds++;
		shared->calls[me]++;
	}
	file_write(COMPOUND, "1");
	_exit(0);
}

static bool start_and_wait(void)
{
	pid_t pid[PROCESSES + 1];
	bool ok = true;
	int i, status;

	shared->deadline += time(NULL);
	fflush(stdout);
	for (i = 0; i <= PROCESSES; i++) {
		pid[i] = fork();
		if (pid[i])
			continue;
		me = i;
		state = (seed + i + 1) * 0x9e3779b97f4a7c15UL;
		if (i < PROCESSES)
			use_devices();
		change_devices();
	}
	for (i = 0; i <= PROCESSES; i++) {
		pid_t ended;

		while (!(ended = waitpid(pid[i], &status, WNOHANG)) &&
		       time(NULL) < shared->deadline + GRACE)
			usleep(50000);
		if (!ended)
			note("process %d does not end", i);
		else if (status)
			note("process %d ended with %#x", i, status);
		ok = ok && ended && !status;
	}
	return ok;
}

static unsigned long parameter(const char *name, unsigned long otherwise)
{
	char text[2048];
	const char *at;

	if (file_read("/proc/cmdline", text, sizeof(text)) < 0)
		return otherwise;
	at = strstr(text, name);
	return at ? strtoul(at + strlen(name), NULL, 0) : otherwise;
}

int main(void)
{
	long acquired, released;
	bool ok, right = true;
	char kcsan[1024];
	int d;

	plan(5);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || static_setup())
		note("%s", device_error());
	seed = parameter(" seed=", time(NULL));
	shared->deadline = parameter(" seconds=", 100);
	note("seed=%lu seconds=%lu", seed, (unsigned long)shared->deadline);

	ok = !dynamic_find(&devices[DEVICES - 1]) &&
		!dynamic_resize(&devices[DEVICES - 1], 2 * MIB, GIB) &&
		!device_bind(&devices[DEVICES - 1]);
	if (ok)
		snprintf(devices[DEVICES - 1].node, sizeof(devices->node), "/dev/%s",
			 devices[DEVICES - 1].name);
	for (d = 0; ok && d < DEVICES - 1; d++)
		ok = !static_create(&devices[d], shapes[d].map, shapes[d].align, shapes[d].size);
	if (!ok)
		note("%s", device_error());
	result(ok, "there are devices");
	result(ok && start_and_wait(), "each process ends, and finds what it wrote");
	for (d = 0; d <= PROCESSES; d++)
		note("process %d: %lu calls", d, shared->calls[d]);
	note("%lu binds", shared->binds);
	/* how much it has looked at, where the kernel looks for races */
	if (file_read("/sys/kernel/debug/kcsan", kcsan, sizeof(kcsan)) > 0)
		note("%s", kcsan);

	file_write("/proc/sys/vm/stat_refresh", "1");
	acquired = file_counter("/proc/vmstat", "nr_foll_pin_acquired");
	released = file_counter("/proc/vmstat", "nr_foll_pin_released");
	note("%ld pins, %ld released", acquired, released);
	result(acquired > 0 && acquired == released, "every pin was released");

	for (d = 0; ok && d < DEVICES; d++) {
		file_write(DRIVER "bind", devices[d].name);
		right = struct_pages_are_right(address(&devices[d])) && right;
	}
	result(ok && right, "struct pages are right");
	for (d = 0; ok && d < DEVICES; d++)
		if (file_write(DRIVER "unbind", devices[d].name)) {
			note("%s", device_error());
			ok = false;
		}
	result(ok, "each device can be unbound");
	return failures() != 0;
}
