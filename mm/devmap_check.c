// SPDX-License-Identifier: GPL-2.0
/*
 * Are the struct pages of a devmap what they have to be?
 *
 * This works out from the pfn alone where a page has to be compound, and not by
 * the iterators of devmap.h, which would agree with themselves. It writes
 * nothing. For KUnit, and for a device in use:
 *
 *	echo 0x180000000 >/sys/kernel/debug/devmap_check/addr
 *	cat /sys/kernel/debug/devmap_check/report
 *
 * checks the devmap that has this physical address.
 */
#include <linux/crc32.h>
#include <linux/debugfs.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>

#include "devmap_check.h"

/**
 * devmap_check_head - the page that a pfn has to be in
 * @check: the range
 * @pfn: a pfn of it
 *
 * Return: the pfn of the head, or @pfn if it has to be a base page.
 */
unsigned long devmap_check_head(const struct devmap_check *check,
				unsigned long pfn)
{
	unsigned long nr = 1UL << check->shift;
	unsigned long head = pfn - pfn % nr;

	if (head < check->start_pfn || head + nr > check->end_pfn)
		return pfn;
	return head;
}

/* What is wrong with a base page or a head. */
static const char *wrong_first(const struct devmap_check *check,
			       struct page *page, unsigned int order)
{
	if (PageTail(page))
		return "is a tail";
	if (PageHead(page) != !!order)
		return order ? "is no head" : "is a head";
	if (page_ref_count(page) < 1)
		return "has no reference";
	if (page->zone_device_data)
		return "has zone_device_data";
	if (check->idle) {
		if (page_ref_count(page) != 1)
			return "has another reference count than 1";
		if (page->mapping)
			return "has a mapping";
		if (PageDirty(page))
			return "is dirty";
	}
	if (!order)
		return NULL;
	if (compound_order(page) != order)
		return "has another order";
	if (compound_nr(page) != 1UL << order)
		return "has another number of pages";
	if (page[1].compound_dtor != COMPOUND_PAGE_DTOR)
		return "has another destructor";
	if (compound_mapcount(page))
		return "has a map count";
	if (hpage_pincount_available(page) &&
	    (compound_pincount(page) < 0 ||
	     (check->idle && compound_pincount(page))))
		return "is pinned";
	return NULL;
}

static const char *wrong_tail(struct page *page, unsigned long idx)
{
	if (!PageTail(page))
		return "is no tail";
	if (page_ref_count(page))
		return "is a tail with a reference";
	/* the word holds a part of the head's state in the first tail */
	if (idx > 1 && page->mapping != TAIL_MAPPING)
		return "is a tail with a mapping";
	return NULL;
}

/**
 * devmap_check_page - what is wrong with a struct page
 * @check: the range
 * @pfn: a pfn of it
 *
 * Return: a predicate like "has a mapping", NULL if all is well.
 */
const char *devmap_check_page(const struct devmap_check *check,
			      unsigned long pfn)
{
	unsigned long head = devmap_check_head(check, pfn);
	struct page *page = pfn_to_page(pfn);
	unsigned int order = 0;

	if (head != pfn || devmap_check_head(check, pfn + 1) == pfn)
		order = check->shift;

	if (page_to_pfn(page) != pfn)
		return "is not found by its pfn";
	if (!is_zone_device_page(page))
		return "is not in ZONE_DEVICE";
	if (page_to_nid(page) != check->nid)
		return "is on another node";
	if (!PageReserved(page))
		return "is not reserved";
	if (atomic_read(&page->_mapcount) != -1)
		return "has a map count";
	if (compound_head(page) != pfn_to_page(head))
		return "has another head";
	if (page_pgmap(page) != check->pgmap)
		return "has another devmap";
	if (IS_ALIGNED(pfn, pageblock_nr_pages) &&
	    get_pageblock_migratetype(page) != MIGRATE_MOVABLE)
		return "is in a pageblock that is not movable";
	if (pfn == head)
		return wrong_first(check, page, order);
	return wrong_tail(page, pfn - head);
}

/**
 * devmap_check_backing - the page that backs an address of the memmap
 * @addr: the address
 *
 * Return: its pfn, 0 if it is not mapped by a PTE.
 */
unsigned long devmap_check_backing(unsigned long addr)
{
	unsigned int level;
	pte_t *pte = lookup_address(addr, &level);

	if (!pte || level != PG_LEVEL_4K)
		return 0;
	return pte_pfn(*pte);
}

static u64 devmap_check_addr;

/* Count the pages that back the memmap, each once, and tables of its PTEs. */
static void report_backing(struct seq_file *m, const struct devmap_check *check)
{
	unsigned long addr = (unsigned long)pfn_to_page(check->start_pfn);
	unsigned long end = (unsigned long)pfn_to_page(check->end_pfn);
	const struct vmem_altmap *altmap = NULL;
	unsigned long pages = 0, tables = 0, large = 0, last = 0, pfn, table = 0;
	unsigned long on_device = 0;

	if (check->pgmap->flags & PGMAP_ALTMAP_VALID)
		altmap = &check->pgmap->altmap;
	for (addr &= PAGE_MASK; addr < end; addr += PAGE_SIZE) {
		pfn = devmap_check_backing(addr);
		if (!pfn) {
			large++;
			continue;
		}
		/* the entries that map one page again follow each other */
		if (pfn != last) {
			pages++;
			on_device += vmem_altmap_contains(altmap, pfn);
		}
		last = pfn;
		tables += addr >> PMD_SHIFT != table;
		table = addr >> PMD_SHIFT;
	}
	seq_printf(m, "memmap pages: %lu by PTEs, %lu by larger entries, page tables: %lu\n",
		   pages, large, tables);
	seq_printf(m, "of those by PTEs on the device: %lu\n", on_device);
}

static void report_range(struct seq_file *m, const struct devmap_check *check)
{
	unsigned long heads = 0, tails = 0, bases = 0, wrong = 0, pfn, head;
	u32 crc = ~0;

	for (pfn = check->start_pfn; pfn < check->end_pfn; pfn++) {
		const char *what = devmap_check_page(check, pfn);

		if (what && !wrong++)
			seq_printf(m, "wrong: pfn %#lx %s\n", pfn, what);
		head = devmap_check_head(check, pfn);
		if (head != pfn)
			tails++;
		else if (devmap_check_head(check, pfn + 1) == pfn)
			heads++;
		else
			bases++;
		crc = crc32_le(crc, (u8 *)pfn_to_page(pfn), sizeof(struct page));
		if (pfn % 1024 == 0) {
			cond_resched();
			/* nobody reads the rest */
			if (fatal_signal_pending(current))
				return;
		}
	}
	seq_printf(m, "pages: %lu base pages, %lu heads, %lu tails, %lu wrong\n",
		   bases, heads, tails, wrong);
	seq_printf(m, "checksum: %08x\n", crc);
	report_backing(m, check);
}

static int devmap_check_show(struct seq_file *m, void *v)
{
	struct dev_pagemap *pgmap = get_dev_pagemap(PHYS_PFN(devmap_check_addr),
						    NULL);
	struct devmap_check check;
	int i;

	if (!pgmap) {
		seq_puts(m, "no devmap has that address\n");
		return 0;
	}
	check.pgmap = pgmap;
	check.shift = pgmap->vmemmap_shift;
	check.idle = false;
	for (i = 0; i < pgmap->nr_range; i++) {
		check.start_pfn = PHYS_PFN(pgmap->ranges[i].start);
		check.end_pfn = PHYS_PFN(pgmap->ranges[i].end) + 1;
		if (!i && pgmap->flags & PGMAP_ALTMAP_VALID)
			check.start_pfn += vmem_altmap_offset(&pgmap->altmap);
		check.nid = page_to_nid(pfn_to_page(check.start_pfn));
		seq_printf(m, "range: %#llx-%#llx, order %u\n",
			   (u64)PFN_PHYS(check.start_pfn),
			   (u64)PFN_PHYS(check.end_pfn), check.shift);
		report_range(m, &check);
	}
	put_dev_pagemap(pgmap);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(devmap_check);

static int __init devmap_check_init(void)
{
	struct dentry *dir = debugfs_create_dir("devmap_check", NULL);

	debugfs_create_x64("addr", 0600, dir, &devmap_check_addr);
	debugfs_create_file("report", 0400, dir, NULL, &devmap_check_fops);
	return 0;
}
late_initcall(devmap_check_init);
