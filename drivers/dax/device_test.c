// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the page offsets of faults
 *
 * Included at the end of device.c, since dax_set_mapping() is static there.
 *
 * dax_pgoff_to_phys() only calculates, so its addresses need not exist.
 * dax_set_mapping() writes to struct pages of ZONE_DEVICE. Its tests make a
 * devmap of free physical addresses, as those of mm/memremap_test.c do, and
 * call it with a vma and a file of which only the fields that it reads are set.
 */
#include <kunit/test.h>
#include <linux/ioport.h>
#include <linux/kernel.h>
#include <linux/nodemask.h>
#include <linux/poison.h>
#include <linux/sizes.h>

#define MIB(n)		((u64)(n) << 20)
#define GIB(n)		((u64)(n) << 30)

/* from an address up to but not including another one */
#define RANGE(from, to)	{ .start = (from), .end = (to) - 1 }

/* what dax_pgoff_to_phys() returns if there is no page */
#define NO_PAGE		((phys_addr_t)-1)

#define ORDER_4K	0
#define ORDER_2M	(PMD_SHIFT - PAGE_SHIFT)
#define ORDER_1G	(PUD_SHIFT - PAGE_SHIFT)

/**
 * struct dax_device_test - what a fault hands to dax_set_mapping()
 * @mapping: the mapping of @file
 * @dev_dax: the device of @file
 * @file: the file of @vma
 * @vma: the vma of @vmf
 * @vmf: the fault
 * @pgmap: the devmap whose pages are mapped
 * @res: its addresses
 * @mapped: whether @pgmap has struct pages
 */
struct dax_device_test {
	struct address_space mapping;
	struct dev_dax dev_dax;
	struct file file;
	struct vm_area_struct vma;
	struct vm_fault vmf;
	struct dev_pagemap pgmap;
	struct resource res;
	bool mapped;
};

static int dax_device_test_init(struct kunit *test)
{
	struct dax_device_test *dt;

	dt = kunit_kzalloc(test, sizeof(*dt), GFP_KERNEL);
	test->priv = dt;
	if (!dt)
		return -ENOMEM;
	dt->dev_dax.pgmap = &dt->pgmap;
	dt->file.f_mapping = &dt->mapping;
	dt->file.private_data = &dt->dev_dax;
	dt->vma.vm_start = GIB(64);
	dt->vma.vm_end = GIB(66);
	dt->vma.vm_pgoff = PHYS_PFN(GIB(4));
	dt->vma.vm_file = &dt->file;
	dt->vmf.vma = &dt->vma;
	return 0;
}

static void dax_device_test_exit(struct kunit *test)
{
	struct dax_device_test *dt = test->priv;

	if (!dt)
		return;
	if (dt->mapped)
		memunmap_pages(&dt->pgmap);
	if (dt->res.parent)
		release_resource(&dt->res);
}

/* A leaf entry that a fault asks for, and the address that it has to map. */
struct test_leaf {
	pgoff_t pgoff;
	unsigned long size;
	phys_addr_t phys;
};

/* The ranges get the page offsets that alloc_dev_dax_range() would give. */
static void check_leaves(struct kunit *test, const struct range *ranges,
		int nr_range, const struct test_leaf *leaf, int nr_leaf)
{
	struct dev_dax *dev_dax;
	pgoff_t pgoff = 0;
	phys_addr_t phys;
	int i;

	dev_dax = kunit_kzalloc(test, sizeof(*dev_dax), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev_dax);
	dev_dax->ranges = kunit_kzalloc(test,
			nr_range * sizeof(*dev_dax->ranges), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev_dax->ranges);
	dev_dax->nr_range = nr_range;
	for (i = 0; i < nr_range; i++) {
		dev_dax->ranges[i].range = ranges[i];
		dev_dax->ranges[i].pgoff = pgoff;
		pgoff += PHYS_PFN(range_len(&ranges[i]));
	}

	for (i = 0; i < nr_leaf; i++, leaf++) {
		phys = dax_pgoff_to_phys(dev_dax, leaf->pgoff, leaf->size);
		KUNIT_EXPECT_EQ_MSG(test, phys, leaf->phys,
				"page offset %#lx, size %#lx",
				leaf->pgoff, leaf->size);
	}
}

/* The first page, one in the middle, and the last. */
static void base_pages_test(struct kunit *test)
{
	static const struct range range = RANGE(GIB(8), GIB(8) + MIB(16));
	static const struct test_leaf leaves[] = {
		{ 0, SZ_4K, GIB(8) },
		{ 2049, SZ_4K, GIB(8) + MIB(8) + SZ_4K },
		{ 4095, SZ_4K, GIB(8) + MIB(16) - SZ_4K },
	};

	check_leaves(test, &range, 1, leaves, ARRAY_SIZE(leaves));
}

static void pmd_pages_test(struct kunit *test)
{
	static const struct range range =
		RANGE(GIB(8) + MIB(2), GIB(8) + MIB(16));
	static const struct test_leaf leaves[] = {
		{ 0, SZ_2M, GIB(8) + MIB(2) },
		{ 3 * 512, SZ_2M, GIB(8) + MIB(8) },
		{ 6 * 512, SZ_2M, GIB(8) + MIB(14) },
	};

	check_leaves(test, &range, 1, leaves, ARRAY_SIZE(leaves));
}

static void pud_pages_test(struct kunit *test)
{
	static const struct range range = RANGE(GIB(9), GIB(12));
	static const struct test_leaf leaves[] = {
		{ 0, SZ_1G, GIB(9) },
		{ PHYS_PFN(GIB(1)), SZ_1G, GIB(10) },
		{ PHYS_PFN(GIB(2)), SZ_1G, GIB(11) },
	};

	check_leaves(test, &range, 1, leaves, ARRAY_SIZE(leaves));
}

/* The third range is between the first two, by address. */
static const struct range three_ranges[] = {
	RANGE(GIB(8), GIB(8) + MIB(4)),
	RANGE(GIB(16), GIB(16) + MIB(4)),
	RANGE(GIB(12), GIB(12) + MIB(2)),
};

/* The last page of a range is followed by the first one of the next. */
static void ranges_test(struct kunit *test)
{
	static const struct test_leaf leaves[] = {
		{ 0, SZ_4K, GIB(8) },
		{ 1023, SZ_4K, GIB(8) + MIB(4) - SZ_4K },
		{ 1024, SZ_4K, GIB(16) },
		{ 1500, SZ_4K, GIB(16) + 476 * SZ_4K },
		{ 2047, SZ_4K, GIB(16) + MIB(4) - SZ_4K },
		{ 2048, SZ_4K, GIB(12) },
		{ 2559, SZ_4K, GIB(12) + MIB(2) - SZ_4K },
	};

	check_leaves(test, three_ranges, ARRAY_SIZE(three_ranges),
			leaves, ARRAY_SIZE(leaves));
}

static void pmd_ranges_test(struct kunit *test)
{
	static const struct test_leaf leaves[] = {
		{ 512, SZ_2M, GIB(8) + MIB(2) },
		{ 1024, SZ_2M, GIB(16) },
		{ 1536, SZ_2M, GIB(16) + MIB(2) },
		{ 2048, SZ_2M, GIB(12) },
	};

	check_leaves(test, three_ranges, ARRAY_SIZE(three_ranges),
			leaves, ARRAY_SIZE(leaves));
}

static void past_the_end_test(struct kunit *test)
{
	static const struct test_leaf leaves[] = {
		{ 2560, SZ_4K, NO_PAGE },
		{ 2560, SZ_2M, NO_PAGE },
		{ ULONG_MAX, SZ_4K, NO_PAGE },
	};

	check_leaves(test, three_ranges, ARRAY_SIZE(three_ranges),
			leaves, ARRAY_SIZE(leaves));
}

/* A device of a size of 0. */
static void no_range_test(struct kunit *test)
{
	static const struct test_leaf leaves[] = {
		{ 0, SZ_4K, NO_PAGE },
		{ 0, SZ_1G, NO_PAGE },
	};

	check_leaves(test, NULL, 0, leaves, ARRAY_SIZE(leaves));
}

/*
 * A leaf entry that maps beyond its range is refused, even if the file goes on
 * there. Each address is a multiple of the size, so that only the end is wrong.
 */
static void leaf_crosses_end_test(struct kunit *test)
{
	static const struct range ranges[] = {
		RANGE(GIB(8), GIB(8) + MIB(3)),
		RANGE(GIB(16), GIB(16) + MIB(1)),
	};
	static const struct test_leaf leaves[] = {
		{ 0, SZ_2M, GIB(8) },
		{ 0, SZ_1G, NO_PAGE },
		{ 512, SZ_4K, GIB(8) + MIB(2) },
		{ 512, SZ_2M, NO_PAGE },
		{ 768, SZ_2M, NO_PAGE },
	};

	check_leaves(test, ranges, ARRAY_SIZE(ranges),
			leaves, ARRAY_SIZE(leaves));
}

/*
 * The CPU ignores the low bits of the address in a leaf entry. It would map a
 * lower address, which can belong to another device.
 */
static void leaf_misaligned_test(struct kunit *test)
{
	static const struct range range =
		RANGE(GIB(8) + MIB(256), GIB(12) + MIB(256));
	static const struct test_leaf leaves[] = {
		{ 0, SZ_1G, NO_PAGE },
		{ PHYS_PFN(GIB(1)), SZ_1G, NO_PAGE },
		{ PHYS_PFN(MIB(768)), SZ_1G, GIB(9) },
		{ 0, SZ_2M, GIB(8) + MIB(256) },
		{ 1, SZ_2M, NO_PAGE },
		{ 511, SZ_2M, NO_PAGE },
		{ 1, SZ_4K, GIB(8) + MIB(256) + SZ_4K },
	};

	check_leaves(test, &range, 1, leaves, ARRAY_SIZE(leaves));
}

/* The end of the last leaf entry would wrap around to a small address. */
static void leaf_at_the_last_address_test(struct kunit *test)
{
	static const struct range range = { .start = -MIB(3), .end = U64_MAX };
	static const struct test_leaf leaves[] = {
		{ 767, SZ_4K, -(u64)SZ_4K },
		{ 256, SZ_2M, -MIB(2) },
		{ 512, SZ_2M, NO_PAGE },
	};

	check_leaves(test, &range, 1, leaves, ARRAY_SIZE(leaves));
}

/* Free addresses in the upper half of what the CPU has, far from all memory. */
static void map_devmap(struct kunit *test, unsigned int order, u64 size)
{
	struct dax_device_test *dt = test->priv;
	u64 end = min_t(u64, iomem_resource.end,
			(1ULL << MAX_PHYSMEM_BITS) - 1);
	void *addr;

	dt->res.name = "dax-device-test";
	dt->res.flags = IORESOURCE_MEM;
	KUNIT_ASSERT_EQ(test, allocate_resource(&iomem_resource, &dt->res, size,
				end / 2 + 1, end, SZ_1G, NULL, NULL), 0);
	dt->pgmap.type = MEMORY_DEVICE_GENERIC;
	dt->pgmap.vmemmap_shift = order;
	dt->pgmap.nr_range = 1;
	dt->pgmap.range.start = dt->res.start;
	dt->pgmap.range.end = dt->res.end;
	addr = memremap_pages(&dt->pgmap, first_online_node);
	KUNIT_ASSERT_FALSE(test, IS_ERR(addr));
	dt->mapped = true;
}

/* A fault at an offset into the vma. The vma starts where the devmap starts. */
static void test_fault(struct dax_device_test *dt, unsigned long offset,
		unsigned long size)
{
	phys_addr_t phys = dt->res.start + ALIGN_DOWN(offset, size);

	dt->vmf.address = dt->vma.vm_start + offset;
	dax_set_mapping(&dt->vmf, phys_to_pfn_t(phys, PFN_DEV | PFN_MAP), size);
}

static struct page *devmap_page(struct dax_device_test *dt, unsigned long i)
{
	return pfn_to_page(PHYS_PFN(dt->res.start) + i);
}

/* How many pages from the first on have the mapping, and the right index. */
static unsigned long nr_set(struct dax_device_test *dt, unsigned long first,
		unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		struct page *page = devmap_page(dt, first + i);

		if (page->mapping != &dt->mapping ||
		    page->index != dt->vma.vm_pgoff + first + i)
			break;
	}
	return i;
}

/* How many pages from the first on have no mapping. */
static unsigned long nr_unset(struct dax_device_test *dt, unsigned long first,
		unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		if (devmap_page(dt, first + i)->mapping)
			break;
	return i;
}

static void base_page_index_test(struct kunit *test)
{
	struct dax_device_test *dt = test->priv;

	map_devmap(test, ORDER_4K, SZ_4M);
	test_fault(dt, 3 * SZ_4K + 123, SZ_4K);
	KUNIT_EXPECT_EQ(test, nr_unset(dt, 0, 3), 3UL);
	KUNIT_EXPECT_EQ(test, nr_set(dt, 3, 1), 1UL);
	KUNIT_EXPECT_EQ(test, nr_unset(dt, 4, 1020), 1020UL);
}

/* With device_dax.compound=0 a leaf entry maps many pages. */
static void pmd_of_base_pages_index_test(struct kunit *test)
{
	struct dax_device_test *dt = test->priv;

	map_devmap(test, ORDER_4K, SZ_8M);
	test_fault(dt, SZ_2M + 5 * SZ_4K + 123, SZ_2M);
	KUNIT_EXPECT_EQ(test, nr_unset(dt, 0, 512), 512UL);
	KUNIT_EXPECT_EQ(test, nr_set(dt, 512, 512), 512UL);
	KUNIT_EXPECT_EQ(test, nr_unset(dt, 1024, 1024), 1024UL);
}

static void pmd_index_test(struct kunit *test)
{
	struct dax_device_test *dt = test->priv;

	map_devmap(test, ORDER_2M, SZ_8M);
	test_fault(dt, SZ_2M + 5 * SZ_4K + 123, SZ_2M);
	KUNIT_EXPECT_EQ(test, nr_unset(dt, 0, 1), 1UL);
	KUNIT_EXPECT_EQ(test, nr_set(dt, 512, 1), 1UL);
	KUNIT_EXPECT_EQ(test, nr_unset(dt, 1024, 1), 1UL);
}

static void pud_index_test(struct kunit *test)
{
	struct dax_device_test *dt = test->priv;
	const unsigned long nr = 1UL << ORDER_1G;

	map_devmap(test, ORDER_1G, GIB(2));
	test_fault(dt, GIB(1) + MIB(700) + 123, SZ_1G);
	KUNIT_EXPECT_EQ(test, nr_unset(dt, 0, 1), 1UL);
	KUNIT_EXPECT_EQ(test, nr_set(dt, nr, 1), 1UL);
}

/* Mapping and index are kept in the head alone. */
static void tails_untouched_test(struct kunit *test)
{
	struct dax_device_test *dt = test->priv;
	unsigned long i;

	map_devmap(test, ORDER_2M, SZ_2M);
	test_fault(dt, 0, SZ_2M);
	for (i = 2; i < 512; i++)
		if (devmap_page(dt, i)->mapping != TAIL_MAPPING)
			break;
	KUNIT_EXPECT_EQ(test, i, 512UL);
}

/* A later fault, by a vma with another offset, leaves the index as it is. */
static void index_kept_test(struct kunit *test)
{
	struct dax_device_test *dt = test->priv;

	map_devmap(test, ORDER_2M, SZ_4M);
	test_fault(dt, SZ_2M, SZ_2M);
	dt->vma.vm_pgoff += 512;
	test_fault(dt, SZ_2M, SZ_2M);
	dt->vma.vm_pgoff -= 512;
	KUNIT_EXPECT_EQ(test, nr_set(dt, 512, 1), 1UL);
}

/* nfit_test has vmalloc memory where a device has its own. */
static void other_page_untouched_test(struct kunit *test)
{
	struct dax_device_test *dt = test->priv;
	struct page *page = alloc_page(GFP_KERNEL);
	pfn_t pfn;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, page);
	pfn = __pfn_to_pfn_t(page_to_pfn(page), PFN_DEV | PFN_MAP);
	dt->vmf.address = dt->vma.vm_start;
	dax_set_mapping(&dt->vmf, pfn, SZ_4K);
	KUNIT_EXPECT_TRUE(test, !page->mapping);
	page->mapping = NULL;
	__free_page(page);
}

static struct kunit_case dax_device_test_cases[] = {
	KUNIT_CASE(base_pages_test),
	KUNIT_CASE(pmd_pages_test),
	KUNIT_CASE(pud_pages_test),
	KUNIT_CASE(ranges_test),
	KUNIT_CASE(pmd_ranges_test),
	KUNIT_CASE(past_the_end_test),
	KUNIT_CASE(no_range_test),
	KUNIT_CASE(leaf_crosses_end_test),
	KUNIT_CASE(leaf_misaligned_test),
	KUNIT_CASE(leaf_at_the_last_address_test),
	KUNIT_CASE(base_page_index_test),
	KUNIT_CASE(pmd_of_base_pages_index_test),
	KUNIT_CASE(pmd_index_test),
	KUNIT_CASE(pud_index_test),
	KUNIT_CASE(tails_untouched_test),
	KUNIT_CASE(index_kept_test),
	KUNIT_CASE(other_page_untouched_test),
	{}
};

static struct kunit_suite dax_device_test_suite = {
	.name = "dax-device",
	.init = dax_device_test_init,
	.exit = dax_device_test_exit,
	.test_cases = dax_device_test_cases,
};
kunit_test_suite(dax_device_test_suite);
