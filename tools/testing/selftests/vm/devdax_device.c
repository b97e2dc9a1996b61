// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "devdax_device.h"

#define DAX_DEVICES	"/sys/bus/dax/devices"
/* where dax_pmem_compat has the devices that it binds */
#define DAX_CLASS	"/sys/class/dax"
#define DAX_DRIVER	"/sys/bus/dax/drivers/device_dax"

/* the size of a dynamic device is a multiple of this, whatever its align */
#define SUBSECTION	(2UL << 20)

static char error[512];

const char *device_error(void)
{
	return error;
}

__attribute__((format(printf, 1, 2))) static int fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error, sizeof(error), fmt, ap);
	va_end(ap);
	return -1;
}

int run(char *out, size_t size, const char *fmt, ...)
{
	char line[512], *argv[32], *word;
	int argc = 0, status, fds[2];
	size_t used = 0;
	char drop[512];
	ssize_t len;
	va_list ap;
	pid_t pid;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (word = strtok(line, " "); word && argc < 31; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;

	if (pipe(fds))
		return fail("pipe: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		execvp(argv[0], argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(fds[1]);
	for (;;) {
		char *to = out && used + 1 < size ? out + used : drop;
		size_t room = to == drop ? sizeof(drop) : size - used - 1;

		len = read(fds[0], to, room);
		if (len <= 0)
			break;
		if (to != drop)
			used += len;
	}
	if (out && size)
		out[used] = '\0';
	close(fds[0]);
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
		return fail("%s failed: %.300s", argv[0], out ? out : "");
	return 0;
}

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t len = fd < 0 ? -1 : write(fd, text, strlen(text));
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return len < 0 ? fail("%s to %s: %s", text, path, strerror(saved)) : 0;
}

long file_read(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	size_t used = 0;
	ssize_t len;

	if (fd < 0)
		return fail("%s: %s", path, strerror(errno));
	while (used + 1 < size && (len = read(fd, buf + used, size - used - 1)) > 0)
		used += len;
	buf[used] = '\0';
	close(fd);
	return used;
}

unsigned long file_number(const char *path)
{
	char buf[64];

	return file_read(path, buf, sizeof(buf)) < 0 ? 0 : strtoul(buf, NULL, 0);
}

long file_counter(const char *path, const char *key)
{
	static char buf[65536];
	char *at;

	if (file_read(path, buf, sizeof(buf)) < 0)
		return -1;
	for (at = buf; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!strncmp(at, key, strlen(key)))
			return strtol(at + strlen(key) + strspn(at + strlen(key), ": "),
				      NULL, 10);
	}
	return -1;
}

/* ndctl and the kernel's bind return before devtmpfs has the node. */
static int wait_node(struct device *dev)
{
	struct stat st;
	int i;

	snprintf(dev->node, sizeof(dev->node), "/dev/%s", dev->name);
	for (i = 0; i < 200; i++) {
		if (!stat(dev->node, &st) && S_ISCHR(st.st_mode))
			return 0;
		usleep(50000);
	}
	return fail("%s did not appear", dev->node);
}

static int json_string(const char *json, const char *key, char *to, size_t size)
{
	const char *at = strstr(json, key);
	size_t len;

	if (!at)
		return fail("no %s in: %.200s", key, json);
	at += strlen(key);
	len = strcspn(at, "\"");
	if (len >= size)
		len = size - 1;
	memcpy(to, at, len);
	to[len] = '\0';
	return 0;
}

void device_path(struct device *dev, char *path, size_t size, const char *attr)
{
	snprintf(path, size, DAX_DEVICES "/%s/%s", dev->name, attr);
	if (access(path, F_OK))
		snprintf(path, size, DAX_CLASS "/%s/%s", dev->name, attr);
	if (access(path, F_OK))
		snprintf(path, size, DAX_DEVICES "/%s/%s", dev->name, attr);
}

/* An NVDIMM comes up as one raw namespace without labels. */
int static_setup(void)
{
	char out[4096];

	run(out, sizeof(out), "ndctl destroy-namespace -f all");
	if (run(out, sizeof(out), "ndctl disable-region all") ||
	    run(out, sizeof(out), "ndctl init-labels -f all") ||
	    run(out, sizeof(out), "ndctl enable-region all"))
		return -1;
	return 0;
}

int static_create(struct device *dev, const char *map, unsigned long align,
		  unsigned long size)
{
	char out[4096], path[128];

	memset(dev, 0, sizeof(*dev));
	dev->align = align;
	if (run(out, sizeof(out),
		"ndctl create-namespace -m devdax -M %s -a %lu -s %lu", map, align, size) ||
	    json_string(out, "\"dev\":\"", dev->namespace, sizeof(dev->namespace)) ||
	    json_string(out, "\"chardev\":\"", dev->name, sizeof(dev->name)) ||
	    wait_node(dev))
		return -1;
	device_path(dev, path, sizeof(path), "size");
	dev->size = file_number(path);
	return 0;
}

int static_destroy(struct device *dev)
{
	char out[4096];

	return run(out, sizeof(out), "ndctl destroy-namespace -f %s", dev->namespace);
}

/* Newer kernels make System RAM of a dynamic device unless they are told otherwise. */
static void leave_kmem(struct device *dev)
{
	char path[128];

	snprintf(path, sizeof(path), KMEM "%s", dev->name);
	if (access(path, F_OK))
		return;
	memory_set(dev, "offline");
	file_write(KMEM "unbind", dev->name);
}

/* The seed of a dynamic region is the device that has a mapping attribute. */
int dynamic_find(struct device *dev)
{
	struct dirent *entry;
	DIR *dir = opendir(DAX_DEVICES);

	memset(dev, 0, sizeof(*dev));
	while (dir && (entry = readdir(dir))) {
		char path[300];

		snprintf(path, sizeof(path), DAX_DEVICES "/%s/mapping", entry->d_name);
		if (!access(path, F_OK)) {
			snprintf(dev->name, sizeof(dev->name), "%.31s", entry->d_name);
			closedir(dir);
			leave_kmem(dev);
			return 0;
		}
	}
	if (dir)
		closedir(dir);
	return fail("there is no dynamic device");
}

int device_unbind(struct device *dev)
{
	char out[4096];

	if (dev->namespace[0])
		return run(out, sizeof(out), "ndctl disable-namespace %s", dev->namespace);
	return file_write(DAX_DRIVER "/unbind", dev->name);
}

int device_bind(struct device *dev)
{
	char out[4096];
	int rc;

	if (dev->namespace[0])
		rc = run(out, sizeof(out), "ndctl enable-namespace %s", dev->namespace);
	else
		rc = file_write(DAX_DRIVER "/bind", dev->name);
	/* a driver takes a device that is meant for kmem if it knows the name */
	if (rc && !dev->namespace[0])
		rc = file_write(DAX_DRIVER "/new_id", dev->name);
	return rc ? rc : wait_node(dev);
}

/* Leaves the device unbound. */
int dynamic_resize(struct device *dev, unsigned long align, unsigned long size)
{
	char path[128], text[32];

	device_unbind(dev);
	dev->align = align;
	dev->size = size;
	device_path(dev, path, sizeof(path), "size");
	if (file_write(path, "0"))
		return -1;
	device_path(dev, path, sizeof(path), "align");
	snprintf(text, sizeof(text), "%lu", align);
	if (file_write(path, text))
		return -1;
	device_path(dev, path, sizeof(path), "size");
	snprintf(text, sizeof(text), "%lu", size);
	return file_write(path, text);
}

static struct device second_device(struct device *dev)
{
	struct device second = *dev;
	char *dot = strchr(second.name, '.');

	snprintf(dot, sizeof(second.name) - (dot - second.name), ".1");
	return second;
}

/* Two ranges of @piece bytes with another, unbound device between them. */
int dynamic_split(struct device *dev, unsigned long align, unsigned long piece)
{
	struct device between = second_device(dev);
	char path[256], text[32];

	if (dynamic_resize(dev, align, piece))
		return -1;
	device_path(&between, path, sizeof(path), "size");
	if (access(path, F_OK)) {
		device_path(dev, path, sizeof(path), "../dax_region/create");
		if (file_write(path, "1"))
			return -1;
	}
	if (dynamic_resize(&between, align, align > SUBSECTION ? align : SUBSECTION))
		return -1;
	device_path(dev, path, sizeof(path), "size");
	snprintf(text, sizeof(text), "%lu", 2 * piece);
	dev->size = 2 * piece;
	return file_write(path, text);
}

/* Give back what dynamic_split() took. Leaves the device unbound and empty. */
int dynamic_unsplit(struct device *dev)
{
	struct device between = second_device(dev);
	char path[256];

	if (dynamic_resize(dev, dev->align, 0))
		return -1;
	device_path(&between, path, sizeof(path), "size");
	if (access(path, F_OK))
		return 0;
	if (dynamic_resize(&between, between.align, 0))
		return -1;
	device_path(dev, path, sizeof(path), "../dax_region/delete");
	return file_write(path, between.name);
}

bool dynamic_is_aligned(struct device *dev)
{
	char path[128], attr[32];
	unsigned long start, end;
	int i;

	for (i = 0;; i++) {
		snprintf(attr, sizeof(attr), "mapping%d/start", i);
		device_path(dev, path, sizeof(path), attr);
		if (access(path, F_OK))
			break;
		start = file_number(path);
		snprintf(attr, sizeof(attr), "mapping%d/end", i);
		device_path(dev, path, sizeof(path), attr);
		end = file_number(path);
		if (start % dev->align || (end + 1) % dev->align) {
			fail("range %d of %s is %#lx to %#lx, no multiples of its align",
			     i, dev->name, start, end);
			return false;
		}
	}
	if (!i)
		fail("%s has no range", dev->name);
	return i > 0;
}

int memory_set(struct device *dev, const char *state)
{
	unsigned long size, at, end;
	char path[128], text[32];

	if (file_read("/sys/devices/system/memory/block_size_bytes", text, sizeof(text)) < 0)
		return -1;
	size = strtoul(text, NULL, 16);
	snprintf(path, sizeof(path), DAX_DEVICES "/%s/mapping0/end", dev->name);
	end = file_number(path);
	snprintf(path, sizeof(path), DAX_DEVICES "/%s/mapping0/start", dev->name);
	for (at = file_number(path); at < end; at += size) {
		snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%lu/state",
			 at / size);
		if (file_write(path, state))
			return -1;
	}
	return 0;
}
