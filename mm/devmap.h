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
 * Each page carries one reference on the pgmap. Setup, counting and teardown
 * must agree on where the pages are, so all three ask the helpers below.
 */
#ifndef __MM_DEVMAP_H
#define __MM_DEVMAP_H

#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/memremap.h>
#include <linux/mmzone.h>
#include <linux/pgtable.h>

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/**
 * devmap_shift_valid - whether a devmap can have the pages that it asks for
 * @pgmap: a devmap, of which type and vmemmap_shift are set
 *
 * A compound page is as large as a leaf entry that maps it. Without THP,
 * page_to_index() would read the index of a tail from the tail itself.
 *
 * Return: true if memremap_pages() accepts the shift.
 */
static inline bool devmap_shift_valid(const struct dev_pagemap *pgmap)
{
	unsigned int shift = pgmap->vmemmap_shift;

	if (!shift)
		return true;
	return pgmap->type == MEMORY_DEVICE_GENERIC &&
		(shift == PMD_SHIFT - PAGE_SHIFT ||
		 shift == PUD_SHIFT - PAGE_SHIFT);
}
#else
static inline bool devmap_shift_valid(const struct dev_pagemap *pgmap)
{
	return !pgmap->vmemmap_shift;
}
#endif

/**
 * struct devmap_extent - pages of one order in a range of a devmap
 * @start: first pfn
 * @end: first pfn after the last page
 * @order: order of each page
 */
struct devmap_extent {
	unsigned long start;
	unsigned long end;
	unsigned int order;
};

/**
 * devmap_next_extent - find the pages of one order that come next in a range
 * @pgmap: the devmap, none of whose ranges changes while it is walked
 * @extent: the extent before, of which only the end is used, and the result
 * @end_pfn: first pfn after the range (exclusive)
 *
 * There are three extents in a range at most, each of which may be missing:
 * base pages, compound pages, base pages.
 *
 * Return: false if @extent was the last one.
 */
static inline bool devmap_next_extent(const struct dev_pagemap *pgmap,
				      struct devmap_extent *extent,
				      unsigned long end_pfn)
{
	unsigned long nr = pgmap_vmemmap_nr(pgmap);
	unsigned long first = ALIGN(extent->end, nr);
	unsigned long last = ALIGN_DOWN(end_pfn, nr);

	extent->start = extent->end;
	extent->order = 0;
	if (first >= last) {
		extent->end = end_pfn;
	} else if (extent->start < first) {
		extent->end = first;
	} else {
		extent->end = last;
		extent->order = pgmap->vmemmap_shift;
	}
	return extent->start < end_pfn;
}

/**
 * for_each_devmap_extent - visit the extents of a range
 * @extent: a struct devmap_extent * to visit them by
 * @pgmap: the devmap
 * @start_pfn: first pfn of the range
 * @end_pfn: first pfn after it (exclusive)
 */
#define for_each_devmap_extent(extent, pgmap, start_pfn, end_pfn)	\
	for ((extent)->end = (start_pfn);				\
	     devmap_next_extent(pgmap, extent, end_pfn);)

/**
 * for_each_extent_page - visit the heads or base pages of an extent
 * @pfn: an unsigned long, the first pfn of each page
 * @extent: a struct devmap_extent *
 */
#define for_each_extent_page(pfn, extent)				\
	for ((pfn) = (extent)->start; (pfn) < (extent)->end;		\
	     (pfn) += 1UL << (extent)->order)

/**
 * devmap_page_fits - whether a pfn is part of a compound page
 * @pgmap: the devmap
 * @pfn: a pfn of the range
 * @start_pfn: first pfn of the range
 * @end_pfn: first pfn after it (exclusive)
 *
 * Return: false if it is a base page.
 */
static inline bool devmap_page_fits(const struct dev_pagemap *pgmap,
				    unsigned long pfn, unsigned long start_pfn,
				    unsigned long end_pfn)
{
	unsigned long nr = pgmap_vmemmap_nr(pgmap);
	unsigned long head = ALIGN_DOWN(pfn, nr);

	return nr > 1 && head >= start_pfn && head + nr <= end_pfn;
}

/* Bytes of memmap that are stored for a compound page that shares its tails. */
#define DEVMAP_STORED_SIZE	(2 * PAGE_SIZE)

#ifdef CONFIG_ARCH_HAS_COMPOUND_VMEMMAP
/**
 * devmap_shares_tails - whether the tails of a compound page are stored once
 * @pgmap: the devmap
 * @pfn: any pfn of the section in question
 *
 * Code that populates and code that writes have to agree. A memmap is stored
 * whole where a section has it since boot.
 *
 * Return: true if only the first DEVMAP_STORED_SIZE bytes of the memmap are
 * stored.
 */
static inline bool devmap_shares_tails(const struct dev_pagemap *pgmap,
				       unsigned long pfn)
{
	return is_power_of_2(sizeof(struct page)) &&
		pgmap_vmemmap_nr(pgmap) * sizeof(struct page) >
			DEVMAP_STORED_SIZE &&
		!early_section(__pfn_to_section(pfn));
}
#else
static inline bool devmap_shares_tails(const struct dev_pagemap *pgmap,
				       unsigned long pfn)
{
	return false;
}
#endif

/**
 * devmap_nr_pages - count the heads and base pages of a range
 * @pgmap: the devmap
 * @start_pfn: first pfn of the range
 * @end_pfn: first pfn after it (exclusive)
 *
 * Return: their number, which is the number of references that they hold on
 * the devmap.
 */
static inline unsigned long devmap_nr_pages(const struct dev_pagemap *pgmap,
					    unsigned long start_pfn,
					    unsigned long end_pfn)
{
	struct devmap_extent extent;
	unsigned long nr = 0;

	for_each_devmap_extent(&extent, pgmap, start_pfn, end_pfn)
		nr += (extent.end - extent.start) >> extent.order;
	return nr;
}

#endif	/* __MM_DEVMAP_H */
