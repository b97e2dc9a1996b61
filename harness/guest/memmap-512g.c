// SPDX-License-Identifier: GPL-2.0
/*
 * 512 GiB of device-dax in a guest that has 4 GiB of RAM. The memmap of base pages would
 * take 8 GiB. The device is sparse: what no test touches takes no memory of the host.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devdax_device.h"
#include "ktap.h"

#define KIB	(1UL << 10)
#define MIB	(1UL << 20)
#define GIB	(1UL << 30)

/* What the guest's other business may have taken or given back meanwhile */
#define TOLERANCE	(16 * MIB)

static const struct {
	const char *name;
	unsigned long align;
	unsigned long most;	/* bytes of memmap for the whole device */
} kinds[] = {
	/* 4.03 GiB and 40 MiB per TiB, for half a TiB, plus what the CPUs keep */
	{ "2M", 2 * MIB, 2064 * MIB + TOLERANCE },
	{ "1G", GIB, 20 * MIB + TOLERANCE },
};

#define KINDS	(sizeof(kinds) / sizeof(*kinds))
#define TESTS	4

static long mem_free(void)
{
	return file_counter("/proc/meminfo", "MemFree") * (long)KIB;
}

/* Write to a page at each end and in the middle, and read it all back. */
static bool can_be_used(struct device *dev)
{
	unsigned long places[] = { 0, dev->size / 2 / dev->align * dev->align + 5 * KIB,
				   dev->size - sizeof(uint64_t) };
	int fd = open(dev->node, O_RDWR);
	char *addr = mmap(NULL, dev->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	bool ok = addr != MAP_FAILED;
	unsigned int i;

	close(fd);
	for (i = 0; ok && i < 3; i++)
		*(volatile uint64_t *)(addr + places[i]) = places[i] + 1;
	for (i = 0; ok && i < 3; i++)
		ok = *(volatile uint64_t *)(addr + places[i]) == places[i] + 1;
	if (addr != MAP_FAILED)
		munmap(addr, dev->size);
	return ok;
}

int main(void)
{
	char out[4096];
	struct device dev;
	unsigned int i;
	long before, taken;
	bool ok;

	plan(KINDS * TESTS);
	if (static_setup())
		note("%s", device_error());
	for (i = 0; i < KINDS; i++) {
		before = mem_free();
		ok = !static_create(&dev, "mem", kinds[i].align, 508 * GIB);
		if (!ok)
			note("%s", device_error());
		result(ok && dev.size > 500 * GIB, "large %s: the device is bound", kinds[i].name);
		taken = before - mem_free();
		note("%ld MiB of memory for %lu GiB", taken / (long)MIB, dev.size / GIB);
		result(ok && taken > 0 && (unsigned long)taken < kinds[i].most,
		       "large %s: the memmap fits", kinds[i].name);
		result(ok && can_be_used(&dev) &&
		       !run(out, sizeof(out), "gup_test -f %s -m 1024 -S -a -k -n 512 -w",
			    dev.node),
		       "large %s: pages at both ends and in the middle can be used",
		       kinds[i].name);
		ok = ok && !static_destroy(&dev);
		taken = before - mem_free();
		note("%ld KiB are not back", taken / (long)KIB);
		result(ok && taken < (long)TOLERANCE, "large %s: the memory is back after unbind",
		       kinds[i].name);
	}
	return failures() != 0;
}
