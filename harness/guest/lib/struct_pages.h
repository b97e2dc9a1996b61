/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's own check of the struct pages of a device, see mm/devmap_check.c. */
#ifndef GUEST_STRUCT_PAGES_H
#define GUEST_STRUCT_PAGES_H

#include <stdbool.h>

/*
 * What it says of the devmap that the physical address is in; "" and a comment if
 * there is no such check. Holds until the next call.
 */
const char *struct_pages_report(unsigned long addr);
/* Of the devmap that the physical address is in; says what is wrong in a comment. */
bool struct_pages_are_right(unsigned long addr);

#endif
