/* SPDX-License-Identifier: GPL-2.0 */
/* What the struct pages of a devmap have to be, for tests. */
#ifndef __MM_DEVMAP_CHECK_H
#define __MM_DEVMAP_CHECK_H

#include <linux/types.h>

struct dev_pagemap;

/**
 * struct devmap_check - a range of a devmap, and what it should look like
 * @pgmap: the devmap
 * @start_pfn: first pfn that has a struct page of the devmap
 * @end_pfn: first pfn after the last one
 * @shift: order of the compound pages that it should have, 0 for none
 * @nid: the node of the pages
 * @idle: no page was mapped, pinned or dirtied yet
 *
 * The caller holds a reference on the devmap.
 */
struct devmap_check {
	const struct dev_pagemap *pgmap;
	unsigned long start_pfn;
	unsigned long end_pfn;
	unsigned int shift;
	int nid;
	bool idle;
};

unsigned long devmap_check_head(const struct devmap_check *check,
				unsigned long pfn);
const char *devmap_check_page(const struct devmap_check *check,
			      unsigned long pfn);
unsigned long devmap_check_backing(unsigned long addr);

#endif	/* __MM_DEVMAP_CHECK_H */
