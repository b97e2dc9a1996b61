// SPDX-License-Identifier: GPL-2.0
/*
 * What an unprivileged process, or two commands at once, could do to a kernel through
 * device-dax. Prints KTAP. Each test tries for some seconds, on two CPUs. What a process
 * or the log must not show is a failure; so is a process that never ends.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "devdax_device.h"
#include "ktap.h"
#include "struct_pages.h"

#define MIB	(1UL << 20)
#define GIB	(1UL << 30)
#define BASE_PAGE	4096UL

/* ndctl would take the node away as well */
#define DRIVER	"/sys/bus/dax/drivers/device_dax/"
#define BUDGET	8	/* seconds per race */
#define GRACE	60	/* seconds after that until a process counts as stuck */

#ifndef MADV_COLD
#define MADV_COLD	20
#define MADV_PAGEOUT	21
#endif

static struct device dev;

static char *map_node(size_t len, off_t offset)
{
	int fd = open(dev.node, O_RDWR);
	char *addr = fd < 0 ? MAP_FAILED :
		mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	if (fd >= 0)
		close(fd);
	return addr == MAP_FAILED ? NULL : addr;
}

/* ---- accesses that may end in a signal ---- */

static __thread sigjmp_buf escape;
static __thread volatile sig_atomic_t armed;

static void on_signal(int sig)
{
	if (armed)
		siglongjmp(escape, sig);
}

/* Writes a byte; returns the signal that this brings, 0 if none */
static int write_byte(volatile char *addr)
{
	int sig = sigsetjmp(escape, 1);

	armed = !sig;
	if (!sig)
		*addr = 1;
	armed = 0;
	return sig;
}

/* ---- two or more things at once ---- */

static time_t deadline;

static bool time_is_left(void)
{
	return time(NULL) < deadline;
}

static pid_t start(void (*what)(void))
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		what();
		_exit(0);
	}
	return pid;
}

/* Whether all of them end well. Who is stuck in the kernel is left behind. */
static bool all_end(const pid_t *pid, int nr)
{
	bool ok = true;
	int i, status;

	for (i = 0; i < nr; i++) {
		pid_t ended;

		while (!(ended = waitpid(pid[i], &status, WNOHANG)) && time(NULL) < deadline + GRACE)
			usleep(50000);
		if (!ended)
			note("process %d does not end", i);
		else if (status)
			note("process %d ended with %#x", i, status);
		ok = ok && ended && !status;
	}
	return ok;
}

static bool at_once(void (*const what[])(void), int nr)
{
	pid_t pid[8];
	int i;

	deadline = time(NULL) + BUDGET;
	fflush(stdout);
	for (i = 0; i < nr; i++)
		pid[i] = start(what[i]);
	return all_end(pid, nr);
}

#define AT_ONCE(...) at_once((void (*const [])(void)){ __VA_ARGS__ }, \
	sizeof((void (*const [])(void)){ __VA_ARGS__ }) / sizeof(void *))

/* ---- entries that map 1 GiB are split and set again ---- */

static char *page;

static void *touch(void *arg)
{
	(void)arg;
	while (time_is_left())
		write_byte(page + GIB / 2);
	return NULL;
}

static void *drop_a_part(void *arg)
{
	(void)arg;
	while (time_is_left())
		madvise(page + GIB / 4, 2 * MIB, MADV_DONTNEED);
	return NULL;
}

/* mincore() of device-dax says 0, unless it reads entries that the page holds as data. */
static void walk_beside_faults(void)
{
	uint64_t *words = (uint64_t *)page;
	unsigned long walks, hits = 0;
	unsigned char there = 0;
	pthread_t thread;
	int i;

	for (i = 0; i < 512; i++)
		words[i] = 0xe7; /* present, writable, user, accessed, dirty, huge */
	pthread_create(&thread, NULL, touch, NULL);
	for (walks = 0; time_is_left(); walks++) {
		if (!mincore(page + walks % 512 * 2 * MIB, BASE_PAGE, &there))
			hits += there & 1;
	}
	pthread_join(thread, NULL);
	note("%lu of %lu walks read the page's data", hits, walks);
	fflush(stdout);
	_exit(hits || !walks);
}

/*
 * Who takes an entry that is gone for a table reads physical page 0 as PMDs, of which only
 * the first ones are not zero: the firmware's interrupt vectors. So read everywhere.
 */
static void pin_beside_faults(void)
{
	char buf[64];
	struct iovec local = { buf, sizeof(buf) };
	struct iovec remote = { page, sizeof(buf) };
	pthread_t thread[2];
	unsigned long reads;

	pthread_create(&thread[0], NULL, touch, NULL);
	pthread_create(&thread[1], NULL, drop_a_part, NULL);
	for (reads = 0; time_is_left(); reads++) {
		remote.iov_base = page + reads % 128 * 2 * MIB;
		process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	}
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	_exit(!reads);
}

static void test_splits(void)
{
	static const char walk[] = "1G: a walk of page tables reads no data";
	bool ok = !static_create(&dev, "mem", GIB, 2 * GIB);
	unsigned char there = 0;

	if (!ok)
		note("%s", device_error());
	page = ok ? map_node(GIB, 0) : NULL;
	ok = page && !write_byte(page);
	/* on 5.10 it is hit a few times in millions of walks, or not at all: try for longer */
	if (ok && !mincore(page, BASE_PAGE, &there) && there & 1)
		skip("mincore() knows device pages", walk);
	else
		result(ok && AT_ONCE(walk_beside_faults) && AT_ONCE(walk_beside_faults) &&
		       AT_ONCE(walk_beside_faults), walk);
	result(ok && AT_ONCE(pin_beside_faults), "1G: a page is pinned beside a split");
	if (page)
		munmap(page, GIB);
	result(ok && !static_destroy(&dev), "1G: the device can be unbound");
}

/* ---- unbinding beside what uses the device ---- */

static void unbind_and_bind(void)
{
	int rounds;

	for (rounds = 0; time_is_left(); rounds++)
		if (file_write(DRIVER "unbind", dev.name) || file_write(DRIVER "bind", dev.name)) {
			note("%s", device_error());
			fflush(stdout);
			_exit(1);
		}
	_exit(!rounds);
}

static unsigned long address(void)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/resource", dev.name);
	return file_number(path);
}

/* The last page: its section is there for longest. */
static void fail_by_pfn(void)
{
	char text[32];

	snprintf(text, sizeof(text), "%#lx", address() + dev.size - BASE_PAGE);
	while (time_is_left()) {
		file_write("/sys/devices/system/memory/hard_offline_page", text);
		usleep(2000);
	}
}

static void fail_by_address(void)
{
	while (time_is_left()) {
		char *addr = map_node(dev.size, 0);

		if (!addr)
			continue;
		if (!write_byte(addr + dev.size - BASE_PAGE) && !sigsetjmp(escape, 1)) {
			armed = 1;
			madvise(addr + dev.size - BASE_PAGE, BASE_PAGE, MADV_HWPOISON);
		}
		armed = 0;
		munmap(addr, dev.size);
		usleep(2000);
	}
}

static void open_and_map(void)
{
	while (time_is_left()) {
		char *addr = map_node(dev.size, 0);

		if (addr) {
			write_byte(addr);
			munmap(addr, dev.size);
		}
	}
}

static void keep_a_file_open(void)
{
	while (time_is_left()) {
		int fd = open(dev.node, O_RDWR);

		usleep(1000 * (rand() % 100));
		if (fd >= 0)
			close(fd);
	}
}

static void test_unbinding(void)
{
	bool ok = !static_create(&dev, "mem", 2 * MIB, 256 * MIB);

	if (!ok)
		note("%s", device_error());
	result(ok && AT_ONCE(unbind_and_bind, open_and_map, open_and_map),
	       "unbind beside open() and mmap()");
	result(ok && AT_ONCE(unbind_and_bind, keep_a_file_open, keep_a_file_open),
	       "unbind beside files that stay open");
	result(ok && AT_ONCE(unbind_and_bind, fail_by_pfn), "unbind beside a memory failure");
	/* one has to fail between the look-up of a page and that of its devmap */
	result(ok && AT_ONCE(unbind_and_bind, fail_by_address, fail_by_address, fail_by_address),
	       "unbind beside MADV_HWPOISON");
	result_with("devmap_check", ok && struct_pages_are_right(address()),
		    "struct pages are right after that");
	result(ok && !static_destroy(&dev), "the device can be unbound");
}

/* ---- attributes ---- */

static char region[128];

static void read_attributes(const char *dir)
{
	struct dirent *entry;
	char path[512], buf[256];
	DIR *at = opendir(dir);

	while (at && (entry = readdir(at))) {
		if (entry->d_name[0] == '.' || entry->d_type == DT_LNK)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (entry->d_type == DT_DIR)
			read_attributes(path);
		else
			file_read(path, buf, sizeof(buf));
	}
	if (at)
		closedir(at);
}

static void read_all_attributes(void)
{
	while (time_is_left())
		read_attributes(region);
}

static void resize(void)
{
	int rounds;

	for (rounds = 0; time_is_left(); rounds++)
		if (dynamic_split(&dev, 2 * MIB, 128 * MIB) || dynamic_unsplit(&dev)) {
			note("%s", device_error());
			fflush(stdout);
			_exit(1);
		}
	_exit(!rounds);
}

/* It may be refused where the region is just going. */
static void resize_if_there(void)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/size", dev.name);
	while (time_is_left()) {
		file_write(path, "134217728");
		file_write(path, "0");
	}
}

#define HMEM	"/sys/bus/platform/drivers/hmem/"

static void unbind_region(void)
{
	const char *name = strrchr(region, '/') + 1;
	int rounds;

	for (rounds = 0; time_is_left(); rounds++) {
		if (file_write(HMEM "unbind", name) || file_write(HMEM "bind", name)) {
			note("%s", device_error());
			fflush(stdout);
			_exit(1);
		}
		usleep(20000);
	}
	_exit(!rounds);
}

static void test_attributes(void)
{
	char path[128], real[256];
	bool ok = !dynamic_find(&dev);

	if (ok)
		file_write(DRIVER "unbind", dev.name);
	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/..", dev.name);
	ok = ok && realpath(path, real) && strlen(real) < sizeof(region);
	if (ok)
		strcpy(region, real);
	result(ok && AT_ONCE(resize, read_all_attributes, read_all_attributes),
	       "attributes are read while a device is resized");
	result(ok && AT_ONCE(unbind_region, read_all_attributes, resize_if_there),
	       "attributes are used while the region is unbound");
}

/* ---- System RAM of which only a part could be added ---- */

#define MEMORY	"/sys/devices/system/memory/"

static bool memory_block(unsigned long nr, const char *state)
{
	char path[128];

	snprintf(path, sizeof(path), MEMORY "memory%lu/state", nr);
	if (!file_write(path, state))
		return true;
	note("%s", device_error());
	return false;
}

/*
 * A block of the second range is online when the driver is unbound, so its range stays
 * reserved. The next bind has the first range alone, and so has the unbind after it.
 */
static void unbind_what_was_added(void)
{
	char path[128], text[32];
	unsigned long size, block;

	if (file_read(MEMORY "block_size_bytes", text, sizeof(text)) < 0)
		_exit(1);
	size = strtoul(text, NULL, 16);
	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/mapping1/start", dev.name);
	block = (file_number(path) + size - 1) / size;
	file_write(MEMORY "auto_online_blocks", "offline");
	if (file_write(KMEM "new_id", dev.name) || !memory_block(block, "online_movable"))
		_exit(1);
	file_write(KMEM "unbind", dev.name);
	if (!memory_block(block, "offline"))
		_exit(1);
	if (file_write(KMEM "bind", dev.name) || file_write(KMEM "unbind", dev.name))
		_exit(1);
}

static void test_system_ram(void)
{
	bool ok = !dynamic_find(&dev) && !dynamic_split(&dev, 2 * MIB, 256 * MIB);

	if (!ok)
		note("%s", device_error());
	result(ok && AT_ONCE(unbind_what_was_added), "System RAM: only what was added is removed");
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	long acquired, released;

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	plan(3 + 6 + 2 + 1 + 1);
	if (static_setup())
		note("%s", device_error());
	test_splits();
	test_unbinding();
	test_attributes();
	test_system_ram();
	file_write("/proc/sys/vm/stat_refresh", "1");
	acquired = file_counter("/proc/vmstat", "nr_foll_pin_acquired");
	released = file_counter("/proc/vmstat", "nr_foll_pin_released");
	note("%ld pins, %ld released", acquired, released);
	result(acquired == released, "every pin was released");
	return failures() != 0;
}
