/* SPDX-License-Identifier: GPL-2.0 */
/* Make and unmake device-dax devices, by ndctl and sysfs. */
#ifndef DEVDAX_DEVICE_H
#define DEVDAX_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

/* the driver that makes a device System RAM: new_id, bind, unbind, remove_id */
#define KMEM	"/sys/bus/dax/drivers/kmem/"

/**
 * struct device - a device-dax device
 * @name: "dax0.0"
 * @node: "/dev/dax0.0"
 * @namespace: the nvdimm namespace of a static device, "" for a dynamic one
 * @align: bytes per mapping unit
 * @size: usable bytes
 */
struct device {
	char name[32];
	char node[48];
	char namespace[32];
	unsigned long align;
	unsigned long size;
};

/* All return 0, or -1 with the reason in device_error(). */
int static_setup(void);
int static_create(struct device *dev, const char *map, unsigned long align,
		  unsigned long size);
int static_destroy(struct device *dev);

int dynamic_find(struct device *dev);
int dynamic_resize(struct device *dev, unsigned long align, unsigned long size);
int dynamic_split(struct device *dev, unsigned long align, unsigned long piece);
int dynamic_unsplit(struct device *dev);
/* Whether each range starts and ends on the align. If not, it maps foreign memory. */
bool dynamic_is_aligned(struct device *dev);

int device_unbind(struct device *dev);
int device_bind(struct device *dev);
/* What kmem made System RAM of @dev: "online_movable" or "offline" its blocks. */
int memory_set(struct device *dev, const char *state);
const char *device_error(void);
/* The path of an attribute, on the bus or in the class, whichever the device is in. */
void device_path(struct device *dev, char *path, size_t size, const char *attr);

/* Run a program without a shell; its output goes to @out if that is given. */
int run(char *out, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int file_write(const char *path, const char *text);
long file_read(const char *path, char *buf, size_t size);
unsigned long file_number(const char *path);
/* The number after "key " in a file of such lines, -1 if there is none. */
long file_counter(const char *path, const char *key);

#endif
