/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's own check of the struct pages of a device, see mm/devmap_check.c. */
#ifndef GUEST_STRUCT_PAGES_H
#define GUEST_STRUCT_PAGES_H

#include <stdbool.h>

#define DEVMAP_CHECK	"/sys/kernel/debug/devmap_check"

/*
 * The report on the devmap that has the physical address; "" and a comment if the
 * kernel has no such check. Valid until the next call.
 */
const char *struct_pages_report(unsigned long addr);
/* Checks the devmap that has the physical address; a comment says what is wrong. */
bool struct_pages_are_right(unsigned long addr);

#endif
