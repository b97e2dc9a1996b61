// SPDX-License-Identifier: GPL-2.0
/*
 * Give device-dax memory to a virtual machine: by the device's node, and by pfn, through
 * a mapping of /dev/mem that was made before the device was bound. In each page that is
 * tried the virtual machine runs a few bytes of code, which write to the same page.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devdax_device.h"
#include "ktap.h"
#include "struct_pages.h"

#define KIB	(1UL << 10)
#define MIB	(1UL << 20)
#define GIB	(1UL << 30)
#define PAGE	(4 * KIB)

#define MEMORY	(2 * MIB)	/* what a virtual machine has */

static const struct {
	const char *name;
	unsigned long align;
} kinds[] = {
	{ "4K", PAGE },
	{ "2M", 2 * MIB },
	{ "1G", GIB },
};

#define KINDS	(sizeof(kinds) / sizeof(*kinds))
#define TESTS	5

/* a head or a base page, the first tail, one in the middle, the last of what is mapped */
static const unsigned long offsets[] = { 0, PAGE, 123 * PAGE, MEMORY - PAGE };

struct machine {
	int kvm, vm, cpu;
	struct kvm_run *run;
	size_t run_size;
};

static bool machine_create(struct machine *m, char *memory)
{
	struct kvm_userspace_memory_region region = {
		.memory_size = MEMORY,
		.userspace_addr = (uintptr_t)memory,
	};

	m->vm = m->cpu = -1;
	m->run = MAP_FAILED;
	m->run_size = 0;
	m->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m->kvm < 0) {
		note("/dev/kvm: %s", strerror(errno));
		return false;
	}
	m->vm = ioctl(m->kvm, KVM_CREATE_VM, 0);
	if (m->vm >= 0 && !ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &region))
		m->cpu = ioctl(m->vm, KVM_CREATE_VCPU, 0);
	if (m->cpu >= 0) {
		m->run_size = ioctl(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
		m->run = mmap(NULL, m->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->cpu, 0);
	}
	if (m->run == MAP_FAILED)
		note("creating a virtual machine: %s", strerror(errno));
	return m->run != MAP_FAILED;
}

static void machine_destroy(struct machine *m)
{
	if (m->run != MAP_FAILED)
		munmap(m->run, m->run_size);
	close(m->cpu);
	close(m->vm);
	close(m->kvm);
}

/* Run code at an offset in its memory, until it halts. */
static bool runs_at(struct machine *m, char *memory, unsigned long offset)
{
	static const unsigned char code[] = {
		0xc6, 0x06, 0x80, 0x00, 0x5a,	/* movb $0x5a, 0x80 */
		0xf4,				/* hlt */
	};
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;

	memset(memory + offset, 0, PAGE);
	memcpy(memory + offset, code, sizeof(code));
	/* in real mode, where a segment need not be below 1 MiB */
	if (ioctl(m->cpu, KVM_GET_SREGS, &sregs))
		return false;
	sregs.cs.base = sregs.ds.base = offset;
	sregs.cs.selector = sregs.ds.selector = 0;
	if (ioctl(m->cpu, KVM_SET_SREGS, &sregs) || ioctl(m->cpu, KVM_SET_REGS, &regs))
		return false;
	if (ioctl(m->cpu, KVM_RUN, 0)) {
		note("offset %#lx: %s", offset, strerror(errno));
		return false;
	}
	if (m->run->exit_reason != KVM_EXIT_HLT || memory[offset + 0x80] != 0x5a) {
		note("offset %#lx: exit reason %u, byte %#x", offset, m->run->exit_reason,
		     memory[offset + 0x80]);
		return false;
	}
	return true;
}

/* Whether a virtual machine runs in each of the pages of @memory */
static bool machine_runs(char *memory)
{
	struct machine m;
	unsigned int i;
	bool ok;

	if (memory == MAP_FAILED)
		return false;
	ok = machine_create(&m, memory);
	for (i = 0; ok && i < sizeof(offsets) / sizeof(*offsets); i++)
		ok = runs_at(&m, memory, offsets[i]);
	machine_destroy(&m);
	return ok;
}

/* Map at a multiple of @len, so that the pages of a device are aligned. */
static char *map(const char *node, off_t start, unsigned long len)
{
	char *room = mmap(NULL, 2 * len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			  -1, 0);
	char *at = (char *)(((uintptr_t)room + len - 1) & ~(len - 1));
	int saved, fd = open(node, O_RDWR);

	at = mmap(at, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, start);
	saved = errno;
	if (at == MAP_FAILED)
		note("mmap of %s: %s", node, strerror(saved));
	close(fd);
	errno = saved;
	return at;
}

/*
 * With IO_STRICT_DEVMEM the kernel takes such a mapping away when the device is bound,
 * and allows no new one while it is. So try a new one.
 */
static bool is_taken_away(unsigned long start, unsigned long len)
{
	char *again = map("/dev/mem", start, len);

	if (again == MAP_FAILED)
		return errno == EPERM;
	munmap(again, len);
	return false;
}

static void test(struct device *dev, const char *kind, unsigned long align)
{
	static const char reason[] = "CONFIG_IO_STRICT_DEVMEM";
	static const char * const by_pfn_tests[] = {
		"a virtual machine runs in it", "its struct pages are right",
	};
	char *by_pfn = MAP_FAILED, *memory = MAP_FAILED, path[96];
	unsigned long start = 0;
	unsigned long len = align > MEMORY ? align : MEMORY;
	bool ok;

	ok = !dynamic_find(dev) && !dynamic_resize(dev, align, GIB);
	if (ok) {
		snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/mapping0/start", dev->name);
		start = file_number(path);
		by_pfn = map("/dev/mem", start, len);
		ok = !device_bind(dev);
	}
	if (!ok)
		note("%s", device_error());
	if (ok)
		memory = map(dev->node, 0, len);

	result(ok && machine_runs(memory), "%s: a virtual machine runs in it", kind);
	result(ok && struct_pages_are_right(start), "%s: its struct pages are right", kind);
	if (ok && is_taken_away(start, len)) {
		skip(reason, "%s by pfn: %s", kind, by_pfn_tests[0]);
		skip(reason, "%s by pfn: %s", kind, by_pfn_tests[1]);
	} else {
		result(ok && machine_runs(by_pfn), "%s by pfn: %s", kind, by_pfn_tests[0]);
		result(ok && struct_pages_are_right(start), "%s by pfn: %s", kind, by_pfn_tests[1]);
	}
	if (by_pfn != MAP_FAILED)
		munmap(by_pfn, len);
	if (memory != MAP_FAILED)
		munmap(memory, len);
	result(ok && !device_unbind(dev), "%s: the device can be unbound", kind);
}

int main(void)
{
	struct device dev;
	unsigned int i;

	plan(KINDS * TESTS);
	for (i = 0; i < KINDS; i++)
		test(&dev, kinds[i].name, kinds[i].align);
	return failures() != 0;
}
