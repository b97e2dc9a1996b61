/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pages of a devmap
 *
 * A devmap with a vmemmap_shift is described by compound pages of that order
 * wherever one fits, naturally aligned and whole, and by base pages elsewhere.
 * A namespace that starts 512 MiB above a multiple of 1 GiB, with a shift of
 * 18, is an example:
 *
 *	pfn  0x160000                0x180000              0x1c0000
 *	     | base pages, order 0   | one page, order 18  | ...
 *
 * Each page carries one reference on the pgmap. Setting up, counting and
 * tearing down must agree on where the pages are, hence they all ask here.
 */
#ifndef __MM_DEVMAP_H
#define __MM_DEVMAP_H

#include <linux/kernel.h>
#include <linux/memremap.h>

/*
 * Order of the page that starts at @pfn, where @pfn is the end of the page
 * before it or the start of the range, and @end_pfn the end of the range.
 */
static inline unsigned int devmap_page_order(const struct dev_pagemap *pgmap,
					     unsigned long pfn,
					     unsigned long end_pfn)
{
	unsigned long nr = pgmap_vmemmap_nr(pgmap);

	if (IS_ALIGNED(pfn, nr) && end_pfn - pfn >= nr)
		return pgmap->vmemmap_shift;
	return 0;
}

/* Visit each page, head or base, from @start_pfn up to but not @end_pfn. */
#define for_each_devmap_page(pfn, order, pgmap, start_pfn, end_pfn)	\
	for ((pfn) = (start_pfn);					\
	     (pfn) < (end_pfn) &&					\
	     ((order) = devmap_page_order(pgmap, pfn, end_pfn), true);	\
	     (pfn) += 1UL << (order))

/* The number of pages that for_each_devmap_page() visits. */
static inline unsigned long devmap_nr_pages(const struct dev_pagemap *pgmap,
					    unsigned long start_pfn,
					    unsigned long end_pfn)
{
	unsigned long nr = pgmap_vmemmap_nr(pgmap);
	unsigned long first = ALIGN(start_pfn, nr);
	unsigned long last = ALIGN_DOWN(end_pfn, nr);

	if (first >= last)
		return end_pfn - start_pfn;
	return (first - start_pfn) + ((last - first) >> pgmap->vmemmap_shift) +
		(end_pfn - last);
}

#endif	/* __MM_DEVMAP_H */
