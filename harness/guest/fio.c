// SPDX-License-Identifier: GPL-2.0
/*
 * fio on device-dax: with its engine for such devices, and with buffers in one for
 * direct I/O to an NVMe disk. fio checks what it reads by crc32c.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devdax_device.h"
#include "ktap.h"

#define KIB	(1UL << 10)
#define MIB	(1UL << 20)
#define GIB	(1UL << 30)
#define SECTOR	512UL

#define DISK	"/dev/nvme0n1"
#define MAGIC	0xacca		/* the first two bytes of a block that fio verifies */

/* A path, since this test program is called fio as well. */
#define FIO	"/usr/bin/fio --name=t --thread --minimal --allow_file_create=0 "

enum {
	ENGINE, NOTICES, DIRECT, IN_DEVICE, UNBINDS, TESTS
};

static const char * const names[TESTS] = {
	[ENGINE] = "the dev-dax engine writes and verifies",
	[NOTICES] = "a flipped bit is noticed",
	[DIRECT] = "direct I/O to an NVMe disk from its memory, verified",
	[IN_DEVICE] = "what the disk sent is in the device",
	[UNBINDS] = "unbind after fio",
};

/*
 * fio maps depth * block bytes plus two base pages minus two bytes, and device-dax
 * takes only multiples of align. So a block is an odd number of sectors. Blocks start
 * and end anywhere in base pages and cross the borders of huge pages.
 */
static const struct kind {
	const char *name, *map;
	unsigned long align, used, block, depth;
} kinds[] = {
	{ "static mem 2M", "mem", 2 * MIB, 64 * MIB, 255 * SECTOR, 16 },
	{ "static mem 1G", "mem", GIB, GIB, 633 * SECTOR, 3313 },
	{ "static dev 2M", "dev", 2 * MIB, 64 * MIB, 255 * SECTOR, 16 },
	{ "static dev 1G", "dev", GIB, GIB, 633 * SECTOR, 3313 },
};

#define KINDS	(sizeof(kinds) / sizeof(*kinds))

/* the output of the last run of fio */
static char said[8192];

static char *map_head(struct device *dev, size_t len)
{
	int fd = open(dev->node, O_RDWR);
	char *addr = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	return addr == MAP_FAILED ? NULL : addr;
}

/* Run the engine with blocks of 64 KiB in the used part; @how says what to do. */
static int fio_engine(struct device *dev, const struct kind *kind, const char *how)
{
	return run(said, sizeof(said), FIO "--ioengine=dev-dax --filename=%s --size=%lu "
		   "--io_size=32M --bs=64k --verify=crc32c --verify_fatal=1 %s",
		   dev->node, kind->used, how);
}

static bool engine_works(struct device *dev, const struct kind *kind)
{
	if (!fio_engine(dev, kind, "--rw=randwrite"))
		return true;
	note("%s: fio failed: %s", kind->name, said);
	return false;
}

/* Write one block, flip a bit in the middle of it, and have it verified. */
static bool fio_notices(struct device *dev, const struct kind *kind)
{
	char *addr = map_head(dev, kind->align);
	bool ok = false;

	if (!addr)
		return false;
	if (!fio_engine(dev, kind, "--rw=write --number_ios=1 --do_verify=0")) {
		addr[32 * KIB] ^= 1;
		ok = fio_engine(dev, kind, "--rw=read --number_ios=1") &&
		     strstr(said, "verify failed");
	}
	if (!ok)
		note("%s: fio: %s", kind->name, said);
	munmap(addr, kind->align);
	return ok;
}

static bool fio_direct(struct device *dev, const struct kind *kind)
{
	if (!run(said, sizeof(said), FIO "--ioengine=libaio --direct=1 --filename=" DISK
		 " --size=64M --rw=randwrite --bs=%lu --iodepth=%lu --mem=mmapshared:%s"
		 " --verify=crc32c --verify_fatal=1",
		 kind->block, kind->depth, dev->node))
		return true;
	note("%s: fio failed: %s", kind->name, said);
	return false;
}

/* Does any buffer hold a block that fio wrote? The first one is at the start of the device. */
static bool buffers_used(const char *addr, const struct kind *kind)
{
	unsigned long i, nr = 0;
	uint16_t first;

	for (i = 0; i < kind->depth; i++) {
		memcpy(&first, addr + i * kind->block, sizeof(first));
		nr += first == MAGIC;
	}
	note("%s: %lu of %lu buffers were used", kind->name, nr, kind->depth);
	return nr;
}

static void test_kind(struct device *dev, const struct kind *kind)
{
	char *addr;
	bool ok;

	result(engine_works(dev, kind), "%s: %s", kind->name, names[ENGINE]);
	result(fio_notices(dev, kind), "%s: %s", kind->name, names[NOTICES]);

	addr = map_head(dev, kind->align);
	if (addr)
		memset(addr, 0, kind->align);
	result(fio_direct(dev, kind), "%s: %s", kind->name, names[DIRECT]);
	result(addr && buffers_used(addr, kind), "%s: %s", kind->name, names[IN_DEVICE]);
	if (addr)
		munmap(addr, kind->align);

	ok = !device_unbind(dev) && !device_bind(dev);
	if (!ok)
		note("%s: %s", kind->name, device_error());
	result(ok, "%s: %s", kind->name, names[UNBINDS]);
}

int main(void)
{
	struct device dev;
	struct stat st;
	size_t i;
	int test;

	plan(KINDS * TESTS);
	if (static_setup())
		note("%s", device_error());
	/* fio would make a file of this name */
	if (stat(DISK, &st))
		note("there is no " DISK "; see harness/scripts/boot");
	for (i = 0; i < KINDS; i++) {
		/* 1 GiB more than is used, for what stands before the data */
		if (static_create(&dev, kinds[i].map, kinds[i].align, kinds[i].used + GIB)) {
			note("%s: %s", kinds[i].name, device_error());
			for (test = 0; test < TESTS; test++)
				result(false, "%s: %s", kinds[i].name, names[test]);
			continue;
		}
		test_kind(&dev, &kinds[i]);
		static_destroy(&dev);
	}
	return failures() != 0;
}
