// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's first process: mounts what is needed, runs the program that the
 * kernel command line names in program=, with the name in job= as its own, and
 * powers off. If the kernel has modules, all of them are loaded first. The output
 * of the program goes to the second serial port. The last line there is the token.
 * Without it no earlier line counts.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void mount_at(const char *type, const char *dir)
{
	mkdir(dir, 0755);
	if (mount(type, dir, type, 0, NULL) && errno != EBUSY)
		fprintf(stderr, "init: mount %s: %s\n", dir, strerror(errno));
}

static void open_results(void)
{
	struct termios tio;
	int fd = open("/dev/ttyS1", O_RDWR | O_NOCTTY);

	if (fd < 0) {
		fprintf(stderr, "init: ttyS1: %s\n", strerror(errno));
		return;
	}
	if (!tcgetattr(fd, &tio)) {
		cfmakeraw(&tio);
		tcsetattr(fd, TCSANOW, &tio);
	}
	dup2(fd, STDOUT_FILENO);
	close(fd);
}

/* The value of a parameter of the kernel command line, up to the next blank */
static void parameter(const char *cmdline, const char *name, char value[64])
{
	const char *start = strstr(cmdline, name);

	if (start)
		sscanf(start + strlen(name), "%63s", value);
}

/* In any order: those that need another one are tried again. */
static void load_modules(void)
{
	struct dirent *entry;
	char path[300];
	int loaded;
	DIR *dir;

	do {
		loaded = 0;
		dir = opendir("/modules");
		while (dir && (entry = readdir(dir))) {
			int fd;

			if (!strstr(entry->d_name, ".ko"))
				continue;
			snprintf(path, sizeof(path), "/modules/%.255s", entry->d_name);
			fd = open(path, O_RDONLY);
			if (!syscall(SYS_finit_module, fd, "", 0))
				loaded++;
			else if (errno != EEXIST && errno != ENOENT)
				fprintf(stderr, "init: %s: %s\n", path, strerror(errno));
			close(fd);
		}
		if (dir)
			closedir(dir);
	} while (loaded);
}

int main(void)
{
	char cmdline[2048] = "", job[64] = "", program[64] = "";
	int fd, status = -1;
	ssize_t len;
	pid_t pid;

	mount_at("devtmpfs", "/dev");
	mount_at("proc", "/proc");
	mount_at("sysfs", "/sys");
	mount_at("debugfs", "/sys/kernel/debug");
	mount_at("tmpfs", "/tmp");
	mount_at("tmpfs", "/run");
	/* some jobs have the name of the program that they test */
	setenv("PATH", "/usr/bin:/usr/sbin:/bin:/sbin", 1);

	fd = open("/proc/cmdline", O_RDONLY);
	len = read(fd, cmdline, sizeof(cmdline) - 1);
	close(fd);
	if (len > 0) {
		parameter(cmdline, " job=", job);
		parameter(cmdline, " program=", program);
	}

	load_modules();
	open_results();
	pid = fork();
	if (!pid) {
		char path[80];

		snprintf(path, sizeof(path), "/bin/%s", program);
		execl(path, job, (char *)NULL);
		fprintf(stderr, "init: %s: %s\n", path, strerror(errno));
		_exit(127);
	}
	/* what the program left behind is reaped here as well */
	while (wait(&status) != pid)
		;

	printf("token: %s ended with %d\n", job,
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
