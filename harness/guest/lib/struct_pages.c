// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "devdax_device.h"
#include "ktap.h"
#include "struct_pages.h"

const char *struct_pages_report(unsigned long addr)
{
	static char report[1 << 16];
	char text[32];

	snprintf(text, sizeof(text), "%#lx", addr);
	if (file_write(DEVMAP_CHECK "/addr", text) ||
	    file_read(DEVMAP_CHECK "/report", report, sizeof(report)) < 0) {
		note("%s", device_error());
		return "";
	}
	return report;
}

bool struct_pages_are_right(unsigned long addr)
{
	const char *report = struct_pages_report(addr);

	/* a line for each range, which has to be right as well */
	if (strstr(report, ", 0 wrong") && !strstr(report, "wrong: "))
		return true;
	note("%s", report);
	return false;
}
