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

bool result(bool ok, const char *fmt, ...)
{
	va_list ap;

	printf("%s %d ", ok ? "ok" : "not ok", ++nr);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	failed += !ok;
	return ok;
}

void skip(const char *reason, const char *fmt, ...)
{
	va_list ap;

	printf("ok %d ", ++nr);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(" # SKIP %s\n", reason);
	fflush(stdout);
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
