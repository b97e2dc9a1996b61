// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the memmap of a devmap
 *
 * Each test makes a devmap of unused physical addresses and looks at every
 * struct page of it. There is no memory at these addresses, and the tests never
 * read or write there.
 */
#include <kunit/test.h>
#include <linux/bio.h>
#include <linux/completion.h>
#include <linux/ioport.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/percpu-refcount.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>

#include "devmap.h"
#include "devmap_check.h"
#include "internal.h"

#define ORDER_4K	0
#define ORDER_2M	(PMD_SHIFT - PAGE_SHIFT)
#define ORDER_1G	(PUD_SHIFT - PAGE_SHIFT)

#define MAX_RANGES	3

/* Ranges by their distance from a multiple of 1 GiB, in bytes. */
struct layout {
	unsigned int shift;
	int nr_range;
	struct {
		u64 start;
		u64 size;
	} range[MAX_RANGES];
	/* heads and base pages of all ranges */
	unsigned long nr_pages;
};

static const struct layout base_pages = {
	ORDER_4K, 1, { { 0, SZ_16M } }, SZ_16M / SZ_4K
};
static const struct layout base_pages_ranges = {
	ORDER_4K, 3, { { 0, SZ_2M }, { SZ_8M, SZ_4M }, { SZ_16M, SZ_2M } },
	SZ_8M / SZ_4K
};
static const struct layout pmd_aligned = {
	ORDER_2M, 1, { { 0, SZ_64M } }, SZ_64M / SZ_2M
};
static const struct layout pmd_in_a_section = {
	ORDER_2M, 1, { { SZ_2M, SZ_2M } }, 1
};
static const struct layout pmd_across_sections = {
	ORDER_2M, 1, { { SZ_128M - SZ_2M, SZ_4M } }, 2
};
static const struct layout pmd_ranges = {
	ORDER_2M, 3, { { 0, SZ_2M }, { SZ_8M, SZ_4M }, { SZ_16M, SZ_2M } }, 4
};
static const struct layout pud_aligned = {
	ORDER_1G, 1, { { 0, 2UL * SZ_1G } }, 2
};
static const struct layout pud_misaligned_start = {
	ORDER_1G, 1, { { SZ_1G - SZ_2M, SZ_1G + SZ_2M } }, SZ_2M / SZ_4K + 1
};
static const struct layout pud_misaligned_end = {
	ORDER_1G, 1, { { 0, SZ_1G + SZ_2M } }, SZ_2M / SZ_4K + 1
};
static const struct layout pud_misaligned_both = {
	ORDER_1G, 1, { { SZ_1G - SZ_2M, SZ_1G + SZ_4M } }, SZ_4M / SZ_4K + 1
};
static const struct layout pud_too_small = {
	ORDER_1G, 1, { { SZ_512M, SZ_16M } }, SZ_16M / SZ_4K
};
static const struct layout pud_too_small_over_a_boundary = {
	ORDER_1G, 1, { { SZ_1G - SZ_2M, SZ_4M } }, SZ_4M / SZ_4K
};
static const struct layout pud_ranges = {
	ORDER_1G, 3,
	{ { SZ_1G - SZ_2M, SZ_2M }, { SZ_1G, SZ_1G },
	  { 2UL * SZ_1G + SZ_2M, SZ_2M } },
	2 * SZ_2M / SZ_4K + 1
};

struct devmap_test {
	struct resource res;
	struct percpu_ref ref;
	struct completion done;
	struct dev_pagemap *pgmap;
	const struct layout *layout;
	unsigned long refs_lost;
	int nid;
};

/*
 * The test has a percpu_ref of its own for the references on the devmap. It is
 * never in per-CPU mode, so that its count can be read at any time.
 */
static void devmap_test_release(struct percpu_ref *ref)
{
	complete(&container_of(ref, struct devmap_test, ref)->done);
}

static void devmap_test_kill(struct dev_pagemap *pgmap)
{
	percpu_ref_kill(pgmap->ref);
}

/* A lost reference is a failure: do not wait for it for ever. */
static void devmap_test_cleanup(struct dev_pagemap *pgmap)
{
	struct devmap_test *dt = container_of(pgmap->ref, struct devmap_test, ref);

	dt->refs_lost = 0;
	if (!wait_for_completion_timeout(&dt->done, HZ)) {
		dt->refs_lost = atomic_long_read(&dt->ref.data->count);
		percpu_ref_put_many(&dt->ref, dt->refs_lost);
	}
	percpu_ref_exit(pgmap->ref);
}

static const struct dev_pagemap_ops devmap_test_ops = {
	.kill = devmap_test_kill,
	.cleanup = devmap_test_cleanup,
};

/* The references on the devmap, less that of its owner. */
static unsigned long pgmap_refs(struct devmap_test *dt)
{
	return atomic_long_read(&dt->ref.data->count) - 1;
}

/*
 * Free addresses in the upper half of what the CPU has, far from all memory. The
 * direct map reaches there unless RANDOMIZE_MEMORY limits it.
 */
static int devmap_test_init(struct kunit *test)
{
	struct devmap_test *dt;
	u64 end;

	/* devmap_test_exit() is called as well if this fails */
	test->priv = NULL;
	dt = kunit_kzalloc(test, sizeof(*dt), GFP_KERNEL);
	if (!dt)
		return -ENOMEM;
	dt->res.name = "memremap_test";
	dt->res.flags = IORESOURCE_MEM;
	dt->nid = first_online_node;
	dt->pgmap = kunit_kzalloc(test, struct_size(dt->pgmap, ranges, MAX_RANGES),
				  GFP_KERNEL);
	if (!dt->pgmap)
		return -ENOMEM;
	test->priv = dt;
	end = min_t(u64, iomem_resource.end, (1ULL << MAX_PHYSMEM_BITS) - 1);
	return allocate_resource(&iomem_resource, &dt->res, 4UL * SZ_1G,
				 end / 2 + 1, end, SZ_1G, NULL, NULL);
}

static void describe_devmap(struct kunit *test, const struct layout *layout)
{
	struct devmap_test *dt = test->priv;
	struct dev_pagemap *pgmap = dt->pgmap;
	int i;

	init_completion(&dt->done);
	KUNIT_ASSERT_EQ(test, percpu_ref_init(&dt->ref, devmap_test_release,
					      PERCPU_REF_INIT_ATOMIC, GFP_KERNEL), 0);
	pgmap->ref = &dt->ref;
	pgmap->ops = &devmap_test_ops;
	pgmap->type = MEMORY_DEVICE_GENERIC;
	pgmap->vmemmap_shift = layout->shift;
	pgmap->nr_range = layout->nr_range;
	for (i = 0; i < layout->nr_range; i++) {
		pgmap->ranges[i].start = dt->res.start + layout->range[i].start;
		pgmap->ranges[i].end = pgmap->ranges[i].start +
			layout->range[i].size - 1;
	}
}

static void map_devmap(struct kunit *test, const struct layout *layout)
{
	struct devmap_test *dt = test->priv;
	void *addr;

	describe_devmap(test, layout);
	addr = memremap_pages(dt->pgmap, dt->nid);
	KUNIT_ASSERT_FALSE(test, IS_ERR(addr));
	dt->layout = layout;
}

static void unmap_devmap(struct kunit *test)
{
	struct devmap_test *dt = test->priv;

	memunmap_pages(dt->pgmap);
	dt->layout = NULL;
	KUNIT_EXPECT_EQ(test, dt->refs_lost, 0UL);
}

static void devmap_test_exit(struct kunit *test)
{
	struct devmap_test *dt = test->priv;

	if (!dt)
		return;
	if (dt->layout)
		unmap_devmap(test);
	if (dt->res.parent)
		release_resource(&dt->res);
}

static unsigned long first_pfn(struct devmap_test *dt, int i)
{
	return PHYS_PFN(dt->res.start + dt->layout->range[i].start);
}

static unsigned long end_pfn(struct devmap_test *dt, int i)
{
	return first_pfn(dt, i) + PHYS_PFN(dt->layout->range[i].size);
}

static struct devmap_check range_check(struct devmap_test *dt, int i)
{
	return (struct devmap_check) {
		.pgmap = dt->pgmap,
		.start_pfn = first_pfn(dt, i),
		.end_pfn = end_pfn(dt, i),
		.shift = dt->layout->shift,
		.nid = dt->nid,
		.idle = true,
	};
}

static void check_pages(struct kunit *test)
{
	struct devmap_test *dt = test->priv;
	const char *what;
	unsigned long pfn;
	int i;

	for (i = 0; i < dt->layout->nr_range; i++) {
		struct devmap_check check = range_check(dt, i);

		for (pfn = first_pfn(dt, i); pfn < end_pfn(dt, i); pfn++) {
			what = devmap_check_page(&check, pfn);
			if (what) {
				KUNIT_FAIL(test, "page %lu of range %d %s",
					   pfn - first_pfn(dt, i), i, what);
				return;
			}
			if (pfn % 1024 == 0)
				cond_resched();
		}
	}
}

static unsigned long backing_pfn(unsigned long pfn)
{
	return devmap_check_backing((unsigned long)pfn_to_page(pfn));
}

/*
 * The memmap of each compound page has to be stored in two pages. The second is
 * mapped again for the rest, has a reference for each entry that maps it, and
 * belongs to no other compound page.
 */
static void check_backing(struct kunit *test)
{
	struct devmap_test *dt = test->priv;
	const unsigned long step = PAGE_SIZE / sizeof(struct page);
	unsigned long pfn, k, nr = 1UL << dt->layout->shift;
	unsigned long first, tails, tails_before = 0;
	int i;

	if (!IS_ENABLED(CONFIG_ARCH_HAS_COMPOUND_VMEMMAP) || nr <= 2 * step ||
	    !is_power_of_2(sizeof(struct page)))
		return;
	for (i = 0; i < dt->layout->nr_range; i++) {
		struct devmap_check check = range_check(dt, i);

		for (pfn = first_pfn(dt, i); pfn < end_pfn(dt, i); pfn++) {
			if (devmap_check_head(&check, pfn + 1) != pfn)
				continue;
			first = backing_pfn(pfn);
			tails = backing_pfn(pfn + step);
			for (k = 2 * step; k < nr; k += step)
				if (backing_pfn(pfn + k) != tails)
					break;
			KUNIT_EXPECT_EQ(test, k, nr);
			KUNIT_EXPECT_NE(test, first, 0UL);
			KUNIT_EXPECT_NE(test, tails, 0UL);
			KUNIT_EXPECT_NE(test, tails, first);
			KUNIT_EXPECT_NE(test, tails, tails_before);
			if (tails)
				KUNIT_EXPECT_EQ(test, (unsigned long)
						page_count(pfn_to_page(tails)),
						nr / step - 1);
			tails_before = tails;
			pfn += nr - 1;
		}
	}
}

static void check_layout(struct kunit *test, const struct layout *layout)
{
	struct devmap_test *dt = test->priv;
	int i;

	map_devmap(test, layout);
	check_pages(test);
	check_backing(test);
	KUNIT_EXPECT_EQ(test, pgmap_refs(dt), layout->nr_pages);
	unmap_devmap(test);
	for (i = 0; i < layout->nr_range; i++)
		KUNIT_EXPECT_TRUE(test, !get_dev_pagemap(PHYS_PFN(dt->res.start +
					layout->range[i].start), NULL));

	/* what the first devmap leaves must not disturb the next one */
	map_devmap(test, layout);
	check_pages(test);
}

#define LAYOUT_TEST(layout)						\
static void layout##_test(struct kunit *test)				\
{									\
	check_layout(test, &layout);					\
}

LAYOUT_TEST(base_pages)
LAYOUT_TEST(base_pages_ranges)
LAYOUT_TEST(pmd_aligned)
LAYOUT_TEST(pmd_in_a_section)
LAYOUT_TEST(pmd_across_sections)
LAYOUT_TEST(pmd_ranges)
LAYOUT_TEST(pud_aligned)
LAYOUT_TEST(pud_misaligned_start)
LAYOUT_TEST(pud_misaligned_end)
LAYOUT_TEST(pud_misaligned_both)
LAYOUT_TEST(pud_too_small)
LAYOUT_TEST(pud_too_small_over_a_boundary)
LAYOUT_TEST(pud_ranges)

/* Base pages are the same at addresses that had compound pages before. */
static void base_pages_after_compound_test(struct kunit *test)
{
	map_devmap(test, &pmd_aligned);
	unmap_devmap(test);
	check_layout(test, &base_pages);
}

/*
 * Pages of one array, runs of all kinds: base pages, a head, tails one by one
 * and in a row, the same page twice, from one compound page to the next.
 */
static int fill_array(struct devmap_test *dt, struct page **pages)
{
	static const struct {
		unsigned int first, nr;
	} runs[] = {
		{ 0, 1 }, { 0, 1 }, { 511, 2 }, { 513, 1 }, { 1, 123 },
		{ 700, 600 }, { 5, 1 }, { 5, 1 }, { 1023, 2 },
	};
	struct page *first = pfn_to_page(first_pfn(dt, 0));
	unsigned int i, k, nr = 0;

	for (i = 0; i < ARRAY_SIZE(runs); i++)
		for (k = 0; k < runs[i].nr; k++)
			pages[nr++] = first + runs[i].first + k;
	return nr;
}

#define ARRAY_PAGES	1024

static void check_unpin(struct kunit *test, const struct layout *layout,
			void (*unpin)(struct page **pages, unsigned long nr))
{
	struct devmap_test *dt = test->priv;
	unsigned long refs;
	struct page **pages;
	int i, nr, nr_pinned;

	pages = kunit_kzalloc(test, ARRAY_PAGES * sizeof(*pages), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pages);
	map_devmap(test, layout);
	refs = pgmap_refs(dt);
	nr = fill_array(dt, pages);
	KUNIT_ASSERT_TRUE(test, nr <= ARRAY_PAGES);
	for (nr_pinned = 0; nr_pinned < nr; nr_pinned++)
		if (!try_grab_page(pages[nr_pinned], FOLL_PIN))
			break;
	KUNIT_EXPECT_EQ(test, nr_pinned, nr);
	for (i = 0; i < nr_pinned; i++)
		if (!page_maybe_dma_pinned(pages[i]))
			break;
	KUNIT_EXPECT_EQ(test, i, nr_pinned);
	unpin(pages, nr_pinned);
	/* this fails unless each page is clean and has its old count */
	check_pages(test);
	KUNIT_EXPECT_EQ(test, pgmap_refs(dt), refs);
}

static void base_pages_unpin_test(struct kunit *test)
{
	check_unpin(test, &base_pages, unpin_user_pages);
}

static void pmd_unpin_test(struct kunit *test)
{
	check_unpin(test, &pmd_aligned, unpin_user_pages);
}

static void pud_unpin_test(struct kunit *test)
{
	check_unpin(test, &pud_misaligned_start, unpin_user_pages);
}

static void unpin_dirty(struct page **pages, unsigned long nr)
{
	unpin_user_pages_dirty_lock(pages, nr, true);
}

/* Split an array into ranges, and release each range by one call. */
static void __unpin_ranges(struct page **pages, unsigned long nr, bool make_dirty)
{
	unsigned long i, len;

	for (i = 0; i < nr; i += len) {
		for (len = 1; i + len < nr; len++)
			if (pages[i + len] != pages[i] + len)
				break;
		unpin_user_page_range_dirty_lock(pages[i], len, make_dirty);
	}
}

static void unpin_ranges(struct page **pages, unsigned long nr)
{
	__unpin_ranges(pages, nr, false);
}

static void unpin_ranges_dirty(struct page **pages, unsigned long nr)
{
	__unpin_ranges(pages, nr, true);
}

static void pmd_unpin_dirty_lock_test(struct kunit *test)
{
	check_unpin(test, &pmd_aligned, unpin_dirty);
}

static void pmd_unpin_range_dirty_lock_test(struct kunit *test)
{
	check_unpin(test, &pmd_aligned, unpin_ranges_dirty);
}

/* Pages that are not of a device are marked dirty, by their head. */
static void check_dirty(struct kunit *test,
			void (*unpin)(struct page **pages, unsigned long nr))
{
	struct page *head = alloc_pages(GFP_KERNEL | __GFP_COMP, ORDER_2M);
	struct page *pages[16];
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, head);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = head + 5 + i;
		KUNIT_EXPECT_TRUE(test, try_grab_page(pages[i], FOLL_PIN));
	}
	unpin(pages, ARRAY_SIZE(pages));
	KUNIT_EXPECT_TRUE(test, PageDirty(head));
	KUNIT_EXPECT_EQ(test, page_ref_count(head), 1);
	KUNIT_EXPECT_EQ(test, compound_pincount(head), 0);
	ClearPageDirty(head);
	__free_pages(head, ORDER_2M);
}

static void huge_page_unpin_dirty_lock_test(struct kunit *test)
{
	check_dirty(test, unpin_dirty);
}

static void huge_page_unpin_range_dirty_lock_test(struct kunit *test)
{
	check_dirty(test, unpin_ranges_dirty);
}

static void base_pages_unpin_range_test(struct kunit *test)
{
	check_unpin(test, &base_pages, unpin_ranges);
}

static void pmd_unpin_range_test(struct kunit *test)
{
	check_unpin(test, &pmd_aligned, unpin_ranges);
}

static void pud_unpin_range_test(struct kunit *test)
{
	check_unpin(test, &pud_misaligned_start, unpin_ranges);
}

/*
 * The last reference to a page is its own. Drop it the way a batch of pages is
 * released: it must give back the page's reference on the devmap, and leave the
 * page where it is.
 */
static void check_release(struct kunit *test, const struct layout *layout)
{
	struct devmap_test *dt = test->priv;
	unsigned long refs;
	struct page *page;

	map_devmap(test, layout);
	page = pfn_to_page(first_pfn(dt, 0));
	refs = pgmap_refs(dt);
	release_pages(&page, 1);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 0);
	KUNIT_EXPECT_EQ(test, pgmap_refs(dt), refs - 1);
	percpu_ref_get(&dt->ref);
	set_page_count(page, 1);
	check_pages(test);
}

static void base_pages_release_test(struct kunit *test)
{
	check_release(test, &base_pages);
}

static void pmd_release_test(struct kunit *test)
{
	check_release(test, &pmd_aligned);
}

#ifdef CONFIG_BLOCK
static int nr_dirtied;

static int count_dirtied(struct page *page)
{
	nr_dirtied++;
	return 0;
}

/* Like the operations of device-dax pages, but with a counter. */
static const struct address_space_operations counting_aops = {
	.set_page_dirty = count_dirtied,
};

/* Direct I/O into a device-dax page: it is not locked, and not dirtied later. */
static void pmd_direct_read_test(struct kunit *test)
{
	struct devmap_test *dt = test->priv;
	struct address_space mapping = { .a_ops = &counting_aops };
	struct page *head, *tail;
	struct bio *bio;

	map_devmap(test, &pmd_aligned);
	head = pfn_to_page(first_pfn(dt, 0));
	tail = head + 3;
	head->mapping = &mapping;
	nr_dirtied = 0;

	bio = bio_alloc(GFP_KERNEL, 1);
	get_page(tail);
	KUNIT_EXPECT_EQ(test, bio_add_page(bio, tail, PAGE_SIZE, 0),
			(int)PAGE_SIZE);
	bio_set_pages_dirty(bio);
	KUNIT_EXPECT_EQ(test, nr_dirtied, 0);

	/* code that dirties the page now must wait, and keeps the reference */
	KUNIT_ASSERT_TRUE(test, trylock_page(head));
	bio_check_pages_dirty(bio);
	KUNIT_EXPECT_EQ(test, page_ref_count(head), 1);
	unlock_page(head);
	flush_scheduled_work();

	KUNIT_EXPECT_EQ(test, set_page_dirty_lock(tail), 0);
	KUNIT_EXPECT_EQ(test, nr_dirtied, 0);
	head->mapping = NULL;
	unmap_devmap(test);
}
#endif

/* A compound page of the page allocator, from the same two helpers. */
static void prep_compound_page_test(struct kunit *test)
{
	const unsigned int order = 3;
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, order);
	int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, page);
	for (i = 1; i < 1 << order; i++)
		set_page_count(page + i, 1);
	prep_compound_page(page, order);
	KUNIT_EXPECT_TRUE(test, PageHead(page));
	KUNIT_EXPECT_EQ(test, compound_order(page), order);
	KUNIT_EXPECT_EQ(test, compound_nr(page), 1UL << order);
	KUNIT_EXPECT_EQ(test, compound_mapcount(page), 0);
	KUNIT_EXPECT_EQ(test, compound_pincount(page), 0);
	for (i = 1; i < 1 << order; i++) {
		KUNIT_EXPECT_TRUE(test, PageTail(page + i));
		KUNIT_EXPECT_TRUE(test, compound_head(page + i) == page);
		KUNIT_EXPECT_EQ(test, page_ref_count(page + i), 0);
		if (i > 1)
			KUNIT_EXPECT_TRUE(test, page[i].mapping == TAIL_MAPPING);
	}
	__free_pages(page, order);
}

/* Orders and types that memremap_pages() has to refuse. */
static void vmemmap_shift_valid_test(struct kunit *test)
{
	static const enum memory_type types[] = {
		MEMORY_DEVICE_PRIVATE, MEMORY_DEVICE_FS_DAX,
		MEMORY_DEVICE_GENERIC, MEMORY_DEVICE_PCI_P2PDMA,
	};
	struct dev_pagemap pgmap = { };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		pgmap.type = types[i];
		for (pgmap.vmemmap_shift = 0; pgmap.vmemmap_shift < 64;
		     pgmap.vmemmap_shift++) {
			bool valid = pgmap.vmemmap_shift == 0 ||
				(types[i] == MEMORY_DEVICE_GENERIC &&
				 (pgmap.vmemmap_shift == ORDER_2M ||
				  pgmap.vmemmap_shift == ORDER_1G));

			KUNIT_EXPECT_EQ(test, devmap_shift_valid(&pgmap), valid);
		}
	}
}

static void vmemmap_shift_refused_test(struct kunit *test)
{
	static const struct layout no_leaf = {
		ORDER_2M - 1, 1, { { 0, SZ_64M } }, SZ_64M / SZ_1M
	};
	struct devmap_test *dt = test->priv;
	void *addr;

	describe_devmap(test, &no_leaf);
	addr = memremap_pages(dt->pgmap, dt->nid);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(addr), -EINVAL);
	if (IS_ERR(addr))
		percpu_ref_exit(&dt->ref);
	else
		dt->layout = &no_leaf;
}

static struct kunit_case devmap_test_cases[] = {
	KUNIT_CASE(base_pages_test),
	KUNIT_CASE(base_pages_ranges_test),
	KUNIT_CASE(pmd_aligned_test),
	KUNIT_CASE(pmd_in_a_section_test),
	KUNIT_CASE(pmd_across_sections_test),
	KUNIT_CASE(pmd_ranges_test),
	KUNIT_CASE(pud_aligned_test),
	KUNIT_CASE(pud_misaligned_start_test),
	KUNIT_CASE(pud_misaligned_end_test),
	KUNIT_CASE(pud_misaligned_both_test),
	KUNIT_CASE(pud_too_small_test),
	KUNIT_CASE(pud_too_small_over_a_boundary_test),
	KUNIT_CASE(pud_ranges_test),
	KUNIT_CASE(base_pages_after_compound_test),
	KUNIT_CASE(base_pages_unpin_test),
	KUNIT_CASE(pmd_unpin_test),
	KUNIT_CASE(pud_unpin_test),
	KUNIT_CASE(pmd_unpin_dirty_lock_test),
	KUNIT_CASE(pmd_unpin_range_dirty_lock_test),
	KUNIT_CASE(huge_page_unpin_dirty_lock_test),
	KUNIT_CASE(huge_page_unpin_range_dirty_lock_test),
	KUNIT_CASE(base_pages_unpin_range_test),
	KUNIT_CASE(pmd_unpin_range_test),
	KUNIT_CASE(pud_unpin_range_test),
	KUNIT_CASE(base_pages_release_test),
	KUNIT_CASE(pmd_release_test),
#ifdef CONFIG_BLOCK
	KUNIT_CASE(pmd_direct_read_test),
#endif
	KUNIT_CASE(prep_compound_page_test),
	KUNIT_CASE(vmemmap_shift_valid_test),
	KUNIT_CASE(vmemmap_shift_refused_test),
	{}
};

static struct kunit_suite devmap_test_suite = {
	.name = "memremap",
	.init = devmap_test_init,
	.exit = devmap_test_exit,
	.test_cases = devmap_test_cases,
};
kunit_test_suite(devmap_test_suite);

MODULE_LICENSE("GPL v2");
