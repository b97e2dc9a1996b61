// SPDX-License-Identifier: GPL-2.0
/*
 * Namespaces that store their memmap on the device, on an NVDIMM that is kept from one
 * boot to the next. The first kernel makes them; each one after that finds them bound,
 * with the data that the one before has left, and leaves its own.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devdax_device.h"
#include "ktap.h"

#define MIB	(1UL << 20)
#define GIB	(1UL << 30)
#define DEVICES	"/sys/bus/dax/devices"

static const struct {
	const char *name;
	unsigned long align, size;
} kinds[] = {
	{ "2M", 2 * MIB, 2 * GIB },
	{ "1G", GIB, 3 * GIB },
};

#define KINDS	(sizeof(kinds) / sizeof(*kinds))
#define TESTS	3

#define COUNT	2

/* A namespace that was there when this kernel booted */
static bool find(struct device *dev, unsigned long align)
{
	DIR *dir = opendir(DEVICES);
	struct dirent *entry;
	char path[320];

	memset(dev, 0, sizeof(*dev));
	while (dir && !dev->align && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), DEVICES "/%s/mapping", entry->d_name);
		if (entry->d_name[0] == '.' || !access(path, F_OK))
			continue;	/* a dynamic one */
		snprintf(path, sizeof(path), DEVICES "/%s/align", entry->d_name);
		if (file_number(path) != align)
			continue;
		snprintf(dev->name, sizeof(dev->name), "%.31s", entry->d_name);
		snprintf(dev->node, sizeof(dev->node), "/dev/%.31s", entry->d_name);
		snprintf(path, sizeof(path), DEVICES "/%s/size", entry->d_name);
		dev->size = file_number(path);
		dev->align = align;
	}
	if (dir)
		closedir(dir);
	return dev->align;
}

static uint64_t *map(struct device *dev)
{
	int fd = open(dev->node, O_RDWR);
	uint64_t *data = mmap(NULL, dev->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	return data == MAP_FAILED ? NULL : data;
}

/*
 * One word tells how many kernels were here, the others derive from it. None is the
 * first of its page, which gup_test clears.
 */
static void leave(struct device *dev, uint64_t *data, uint64_t count)
{
	size_t at;

	data[COUNT] = count;
	for (at = 1; at < dev->size / sizeof(*data); at += MIB / 16)
		data[at] = at * count;
}

static bool is_left(struct device *dev, const uint64_t *data)
{
	size_t at;

	for (at = 1; at < dev->size / sizeof(*data); at += MIB / 16)
		if (data[at] != at * data[COUNT])
			return false;
	return data[COUNT];
}

static void test(const char *kind, unsigned long align, unsigned long size, bool fresh)
{
	struct device dev;
	uint64_t *data = NULL;
	char out[4096];
	bool ok;

	if (fresh) {
		ok = !static_create(&dev, "dev", align, size);
		if (ok)
			data = map(&dev);
		if (data) {
			leave(&dev, data, 1);
			munmap(data, dev.size);
		}
		ok = ok && !device_unbind(&dev) && !device_bind(&dev);
		if (!ok)
			note("%s", device_error());
	} else {
		ok = find(&dev, align);
	}
	data = ok ? map(&dev) : NULL;
	result(data, "media %s: the namespace is bound", kind);
	ok = result(data && is_left(&dev, data), "media %s: its data is there", kind);
	ok = ok && !run(out, sizeof(out), "gup_test -f %s -m 1024 -S -a -k -n 512 -w", dev.node);
	result(ok, "media %s: its pages can be pinned", kind);
	if (ok) {
		note("media %s: %lu kernels were here", kind, (unsigned long)data[COUNT]);
		leave(&dev, data, data[COUNT] + 1);
	}
	if (data)
		munmap(data, dev.size);
}

int main(void)
{
	struct device dev;
	unsigned int i;
	bool fresh = !find(&dev, kinds[0].align);

	plan(KINDS * TESTS);
	if (fresh && static_setup())
		note("%s", device_error());
	for (i = 0; i < KINDS; i++)
		test(kinds[i].name, kinds[i].align, kinds[i].size, fresh);
	return failures() != 0;
}
