// SPDX-License-Identifier: GPL-2.0
/*
 * ndctl's own tests of device-dax, as harness/scripts/ndctl-tests builds them. The
 * first two want legacy persistent memory (memmap=nn!ss), the scripts an NVDIMM.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "devdax_device.h"
#include "ktap.h"

#define TESTS	"/usr/lib/ndctl/"
#define LOG	"/tmp/ndctl.log"
#define DISK	"/dev/nvme0n1"
#define TAIL	6000		/* bytes of a log that are shown */
#define SKIPPED	77		/* exit status of a test of ndctl that could not run */

static const struct {
	const char *name;
	bool nvdimm;
} tests[] = {
	{ "dax-dev", false },
	{ "device-dax", false },
	{ "sub-section.sh", true },
	{ "align.sh", true },
	{ "daxctl-devices.sh", true },
};

#define NR	(sizeof(tests) / sizeof(*tests))

/* The test device-dax does direct I/O to a file in its folder. tmpfs has no direct I/O. */
static int set_up_disk(void)
{
	char out[4096];

	if (run(out, sizeof(out), "mke2fs -q -F -t ext4 -b 4096 " DISK))
		return -1;
	if (mount(DISK, "/mnt", "ext4", 0, NULL) || chdir("/mnt")) {
		note(DISK " on /mnt: %s", strerror(errno));
		return -1;
	}
	return 0;
}

/* Run a test with its output in LOG; returns what it ended with. */
static int run_test(const char *name)
{
	int status, fd;
	char path[128];
	pid_t pid;

	snprintf(path, sizeof(path), TESTS "%s", name);
	pid = fork();
	if (!pid) {
		fd = open(LOG, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		execl(path, path, (char *)NULL);
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void show_log(void)
{
	static char text[TAIL + 1];
	int fd = open(LOG, O_RDONLY);
	ssize_t len;

	if (lseek(fd, -TAIL, SEEK_END) < 0)
		lseek(fd, 0, SEEK_SET);
	len = read(fd, text, TAIL);
	text[len > 0 ? len : 0] = '\0';
	note("%s", text);
	close(fd);
}

int main(void)
{
	bool nvdimm = false;
	size_t i;
	int rc;

	plan(NR);
	/* what the scripts ask for; CXL only has to be set */
	setenv("NDCTL", TESTS "ndctl", 1);
	setenv("DAXCTL", TESTS "daxctl", 1);
	setenv("CXL", "none", 1);
	setenv("TEST_PATH", TESTS, 1);
	setenv("DATA_PATH", TESTS, 1);
	if (set_up_disk())
		note("no file system for direct I/O: %s", device_error());
	for (i = 0; i < NR; i++) {
		if (tests[i].nvdimm && !nvdimm) {
			nvdimm = true;
			if (static_setup())
				note("%s", device_error());
		}
		rc = run_test(tests[i].name);
		if (rc) {
			note("%s ended with %d%s:", tests[i].name, rc,
			     rc == SKIPPED ? ", it could not run" : "");
			show_log();
		}
		/* the guest has all that a test needs, so a skipped test has failed */
		result(!rc, "ndctl: %s", tests[i].name);
	}
	return failures() != 0;
}
