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

/**
 * struct devmap_walk - where a walk over the pages of a devmap is
 * @pfn: first pfn of the current page
 * @order: order of the current page
 * @nr: base pages in it
 * @stop: private: end of the pages of this order
 * @first: private: start of the first compound page, @end if there is none
 * @last: private: end of the last compound page
 * @end: private: end of the range
 * @shift: private: order of a compound page
 */
struct devmap_walk {
	unsigned long pfn;
	unsigned int order;
	unsigned long nr;
	unsigned long stop;
	unsigned long first;
	unsigned long last;
	unsigned long end;
	unsigned int shift;
};

static inline void devmap_walk_init(struct devmap_walk *walk,
				    const struct dev_pagemap *pgmap,
				    unsigned long start_pfn,
				    unsigned long end_pfn)
{
	unsigned long nr = pgmap_vmemmap_nr(pgmap);

	walk->pfn = start_pfn;
	walk->nr = 0;
	walk->stop = start_pfn;
	walk->first = ALIGN(start_pfn, nr);
	walk->last = ALIGN_DOWN(end_pfn, nr);
	if (walk->first >= walk->last)
		walk->first = walk->last = end_pfn;
	walk->end = end_pfn;
	walk->shift = pgmap->vmemmap_shift;
}

/* The order changes twice at most, so that a step is an addition and a test. */
static __always_inline bool devmap_walk_next(struct devmap_walk *walk)
{
	walk->pfn += walk->nr;
	if (likely(walk->pfn != walk->stop))
		return true;
	if (walk->pfn >= walk->end)
		return false;

	if (walk->pfn < walk->first) {
		walk->order = 0;
		walk->stop = walk->first;
	} else if (walk->pfn < walk->last) {
		walk->order = walk->shift;
		walk->stop = walk->last;
	} else {
		walk->order = 0;
		walk->stop = walk->end;
	}
	walk->nr = 1UL << walk->order;
	return true;
}

/* Visit each page, head or base, from @start_pfn up to but not @end_pfn. */
#define for_each_devmap_page(walk, pgmap, start_pfn, end_pfn)		\
	for (devmap_walk_init(walk, pgmap, start_pfn, end_pfn);		\
	     devmap_walk_next(walk);)

/* The number of pages that for_each_devmap_page() visits. */
static inline unsigned long devmap_nr_pages(const struct dev_pagemap *pgmap,
					    unsigned long start_pfn,
					    unsigned long end_pfn)
{
	struct devmap_walk walk;

	devmap_walk_init(&walk, pgmap, start_pfn, end_pfn);
	return (walk.first - start_pfn) +
		((walk.last - walk.first) >> walk.shift) +
		(end_pfn - walk.last);
}

#endif	/* __MM_DEVMAP_H */
