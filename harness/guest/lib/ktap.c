// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ktap.h"

static int nr, failed;

void plan(int tests)
{
	printf("KTAP version 1\n1..%d\n", tests);
	fflush(stdout);
}

static void print(bool ok, const char *reason, const char *fmt, va_list ap)
{
	printf("%s %d ", ok ? "ok" : "not ok", ++nr);
	vprintf(fmt, ap);
	printf("%s%s\n", reason ? " # SKIP " : "", reason ?: "");
	fflush(stdout);
	failed += !ok;
}

bool result(bool ok, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print(ok, NULL, fmt, ap);
	va_end(ap);
	return ok;
}

void skip(const char *reason, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print(true, reason, fmt, ap);
	va_end(ap);
}

bool lacks(const char *what)
{
	char text[2048] = "", *at;
	FILE *file = fopen("/proc/cmdline", "r");

	if (file && !fgets(text, sizeof(text), file))
		*text = 0;
	if (file)
		fclose(file);
	/* lacks=ONE,ANOTHER */
	at = strstr(text, " lacks=");
	if (!at)
		return false;
	at[strcspn(at + 1, " \n") + 1] = 0;
	for (at = strtok(at + strlen(" lacks="), ","); at; at = strtok(NULL, ","))
		if (!strcmp(at, what))
			return true;
	return false;
}

bool result_with(const char *what, bool ok, const char *fmt, ...)
{
	bool lacking = lacks(what);
	char reason[64];
	va_list ap;

	snprintf(reason, sizeof(reason), "the queue for this kernel brings no %s", what);
	va_start(ap, fmt);
	print(ok || lacking, lacking && !ok ? reason : NULL, fmt, ap);
	va_end(ap);
	return ok || lacking;
}

void note(const char *fmt, ...)
{
	char text[8192], *line, *rest = text;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	while ((line = strsep(&rest, "\n")))
		if (*line)
			printf("# %s\n", line);
	fflush(stdout);
}

int failures(void)
{
	return failed;
}
