// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of where the ranges of a dynamic device are placed
 *
 * Included at the end of bus.c, since most of what is tested is static there.
 *
 * A region has a resource tree of its own, so its addresses need not exist.
 * Devices are registered, below a platform device of the test, because each
 * range of a registered device has a mapping device that a failed resize has
 * to remove. No device is ever bound: all have a size of 0 when they are added,
 * and there is no user space yet that could bind them later.
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/numa.h>
#include <linux/platform_device.h>
#include <linux/sizes.h>

#define MIB(n)		((u64)(n) << 20)
#define GIB(n)		((u64)(n) << 30)

/* from an address up to but not including another one */
#define RANGE(from, to)	{ .start = (from), .end = (to) - 1 }

#define MAX_RANGES	3

/* far from the ids that memregion_alloc() and libnvdimm hand out */
#define TEST_REGION_ID	INT_MAX

static struct platform_driver dax_bus_test_driver = {
	.driver = {
		.name = "dax-bus-test",
	},
};

static int dax_bus_test_init(struct kunit *test)
{
	struct platform_device *pdev;
	int rc;

	test->priv = NULL;
	rc = platform_driver_register(&dax_bus_test_driver);
	if (rc)
		return rc;
	pdev = platform_device_register_simple("dax-bus-test",
			PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(pdev)) {
		platform_driver_unregister(&dax_bus_test_driver);
		return PTR_ERR(pdev);
	}
	test->priv = pdev;
	/* mapping devices can only be added below a device that is bound */
	return pdev->dev.driver ? 0 : -ENODEV;
}

static void dax_bus_test_exit(struct kunit *test)
{
	struct platform_device *pdev = test->priv;

	if (!pdev)
		return;
	/* this removes the region and its devices, too */
	platform_device_unregister(pdev);
	platform_driver_unregister(&dax_bus_test_driver);
}

static struct dax_region *make_region(struct kunit *test, struct range range)
{
	struct platform_device *pdev = test->priv;
	struct dax_region *region;

	region = alloc_dax_region(&pdev->dev, TEST_REGION_ID, &range,
			NUMA_NO_NODE, SZ_4K, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, region);
	/* the platform device holds another reference until it is unbound */
	dax_region_put(region);
	return region;
}

static struct dev_dax *make_device(struct kunit *test,
		struct dax_region *region, unsigned int align)
{
	struct dev_dax_data data = {
		.dax_region = region,
		.size = 0,
		.id = -1,
	};
	struct dev_dax *dev_dax;

	device_lock(region->dev);
	dev_dax = devm_create_dev_dax(&data);
	device_unlock(region->dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev_dax);
	/* align_store() would refuse 1 GiB on a CPU that has no such page */
	dev_dax->align = align;
	return dev_dax;
}

/*
 * These functions take the locks that the attributes take. Assert nothing while
 * they are held: a failed assertion ends the thread without an unlock.
 */
static ssize_t test_resize(struct dev_dax *dev_dax, u64 size)
{
	struct dax_region *region = dev_dax->region;
	ssize_t rc;

	device_lock(region->dev);
	device_lock(&dev_dax->dev);
	rc = dev_dax_resize(region, dev_dax, size);
	device_unlock(&dev_dax->dev);
	device_unlock(region->dev);
	return rc;
}

static int test_take(struct dev_dax *dev_dax, const struct range *range)
{
	struct dax_region *region = dev_dax->region;
	int rc;

	device_lock(region->dev);
	device_lock(&dev_dax->dev);
	rc = alloc_dev_dax_range(dev_dax, range->start, range_len(range));
	device_unlock(&dev_dax->dev);
	device_unlock(region->dev);
	return rc;
}

static ssize_t test_new_align(struct dev_dax *dev_dax, unsigned int align)
{
	ssize_t rc;

	device_lock(&dev_dax->dev);
	dev_dax->align = align;
	rc = dev_dax_validate_align(dev_dax);
	device_unlock(&dev_dax->dev);
	return rc;
}

/* Add a range as user space does: mapping_store() takes the locks itself. */
static ssize_t test_map(struct dev_dax *dev_dax, const struct range *range)
{
	char buf[40];
	int len;

	len = snprintf(buf, sizeof(buf), "%llx-%llx", range->start, range->end);
	return mapping_store(&dev_dax->dev, &dev_attr_mapping, buf, len);
}

static u64 test_available(struct dax_region *region)
{
	u64 size;

	device_lock(region->dev);
	size = dax_region_avail_size(region);
	device_unlock(region->dev);
	return size;
}

/* With an align of 4 KiB the granularity is 2 MiB, the size of a subsection. */
struct test_extent {
	unsigned int align;
	/* free from @start up to but not including @end */
	u64 start, end;
	u64 want;
	/* where a range goes and its size, which is 0 if nothing fits */
	u64 placed, size;
};

static void check_extents(struct kunit *test, const struct test_extent *extent,
		int nr)
{
	struct dev_dax *dev_dax;
	resource_size_t start, size;
	int i;

	/* clip_extent() reads nothing but the align */
	dev_dax = kunit_kzalloc(test, sizeof(*dev_dax), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev_dax);
	for (i = 0; i < nr; i++, extent++) {
		dev_dax->align = extent->align;
		start = extent->start;
		size = clip_extent(dev_dax, &start, extent->end, extent->want);
		KUNIT_EXPECT_EQ_MSG(test, size, extent->size, "extent %d", i);
		if (size && extent->size)
			KUNIT_EXPECT_EQ_MSG(test, start, extent->placed,
					"extent %d", i);
	}
}

static void extent_of_whole_pages_test(struct kunit *test)
{
	static const struct test_extent extents[] = {
		{ SZ_4K, GIB(8) + MIB(2), GIB(12), U64_MAX,
		  GIB(8) + MIB(2), GIB(4) - MIB(2) },
		{ SZ_2M, GIB(8) + MIB(2), GIB(12) - MIB(2), U64_MAX,
		  GIB(8) + MIB(2), GIB(4) - MIB(4) },
		{ SZ_1G, GIB(9), GIB(12), U64_MAX, GIB(9), GIB(3) },
		{ SZ_1G, GIB(9), GIB(10), U64_MAX, GIB(9), GIB(1) },
	};

	check_extents(test, extents, ARRAY_SIZE(extents));
}

static void extent_clipped_at_start_test(struct kunit *test)
{
	static const struct test_extent extents[] = {
		{ SZ_4K, GIB(8) + SZ_4K, GIB(12), U64_MAX,
		  GIB(8) + MIB(2), GIB(4) - MIB(2) },
		{ SZ_2M, GIB(8) + MIB(1), GIB(12), U64_MAX,
		  GIB(8) + MIB(2), GIB(4) - MIB(2) },
		{ SZ_1G, GIB(8) + MIB(256), GIB(12), U64_MAX,
		  GIB(9), GIB(3) },
		{ SZ_1G, GIB(9) - SZ_4K, GIB(12), U64_MAX, GIB(9), GIB(3) },
		{ SZ_1G, GIB(8) + SZ_4K, GIB(12), U64_MAX, GIB(9), GIB(3) },
	};

	check_extents(test, extents, ARRAY_SIZE(extents));
}

static void extent_clipped_at_end_test(struct kunit *test)
{
	static const struct test_extent extents[] = {
		{ SZ_4K, GIB(8), GIB(12) - SZ_4K, U64_MAX,
		  GIB(8), GIB(4) - MIB(2) },
		{ SZ_2M, GIB(8), GIB(12) + MIB(1), U64_MAX, GIB(8), GIB(4) },
		{ SZ_1G, GIB(8), GIB(12) + MIB(256), U64_MAX,
		  GIB(8), GIB(4) },
		{ SZ_1G, GIB(8), GIB(12) - SZ_4K, U64_MAX, GIB(8), GIB(3) },
		{ SZ_1G, GIB(8), GIB(12) + SZ_4K, U64_MAX, GIB(8), GIB(4) },
	};

	check_extents(test, extents, ARRAY_SIZE(extents));
}

static void extent_clipped_at_both_ends_test(struct kunit *test)
{
	static const struct test_extent extents[] = {
		{ SZ_4K, GIB(8) + SZ_4K, GIB(12) - SZ_4K, U64_MAX,
		  GIB(8) + MIB(2), GIB(4) - MIB(4) },
		{ SZ_2M, GIB(8) + MIB(1), GIB(12) - MIB(1), U64_MAX,
		  GIB(8) + MIB(2), GIB(4) - MIB(4) },
		{ SZ_1G, GIB(8) + MIB(256), GIB(12) + MIB(256), U64_MAX,
		  GIB(9), GIB(3) },
	};

	check_extents(test, extents, ARRAY_SIZE(extents));
}

/* The first two are longer than a page, but contain no whole one. */
static void extent_without_a_page_test(struct kunit *test)
{
	static const struct test_extent extents[] = {
		{ SZ_2M, GIB(8) + SZ_4K, GIB(8) + MIB(4) - SZ_4K, U64_MAX,
		  0, 0 },
		{ SZ_1G, GIB(8) + MIB(2), GIB(10) - MIB(2), U64_MAX, 0, 0 },
		{ SZ_1G, GIB(8) + MIB(2), GIB(9) - MIB(2), U64_MAX, 0, 0 },
		{ SZ_1G, GIB(8), GIB(9) - SZ_4K, U64_MAX, 0, 0 },
		{ SZ_2M, GIB(8), GIB(8), U64_MAX, 0, 0 },
	};

	check_extents(test, extents, ARRAY_SIZE(extents));
}

static void extent_gives_what_is_wanted_test(struct kunit *test)
{
	static const struct test_extent extents[] = {
		{ SZ_2M, GIB(8), GIB(9), MIB(2), GIB(8), MIB(2) },
		{ SZ_1G, GIB(8) + MIB(256), GIB(12), GIB(1), GIB(9), GIB(1) },
		{ SZ_1G, GIB(8) + MIB(256), GIB(12), GIB(3), GIB(9), GIB(3) },
		{ SZ_1G, GIB(8) + MIB(256), GIB(12), GIB(4), GIB(9), GIB(3) },
		{ SZ_1G, GIB(8) + MIB(256), GIB(12), 0, 0, 0 },
	};

	check_extents(test, extents, ARRAY_SIZE(extents));
}

/* The end of an extent is 0 if it reaches the last address there is. */
static void extent_at_the_last_address_test(struct kunit *test)
{
	static const struct test_extent extents[] = {
		{ SZ_1G, -GIB(4), -GIB(1), U64_MAX, -GIB(4), GIB(3) },
		{ SZ_1G, -GIB(4) + MIB(256), -MIB(256), U64_MAX,
		  -GIB(3), GIB(2) },
		{ SZ_1G, -GIB(4), 0, U64_MAX, 0, 0 },
		{ SZ_1G, -MIB(256), 0, U64_MAX, 0, 0 },
		{ SZ_2M, -MIB(1), 0, U64_MAX, 0, 0 },
	};

	check_extents(test, extents, ARRAY_SIZE(extents));
}

struct test_range {
	unsigned int align;
	struct range range;
};

static void check_aligned(struct kunit *test, const struct test_range *row,
		int nr, bool aligned)
{
	struct dev_dax *dev_dax;
	struct range range;
	int i;

	dev_dax = kunit_kzalloc(test, sizeof(*dev_dax), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev_dax);
	for (i = 0; i < nr; i++, row++) {
		dev_dax->align = row->align;
		range = row->range;
		KUNIT_EXPECT_EQ_MSG(test, range_is_aligned(dev_dax, &range),
				aligned, "range %d", i);
	}
}

static void range_aligned_test(struct kunit *test)
{
	static const struct test_range ranges[] = {
		{ SZ_4K, RANGE(GIB(8) + MIB(2), GIB(8) + MIB(4)) },
		{ SZ_2M, RANGE(GIB(8) + MIB(2), GIB(8) + MIB(8)) },
		{ SZ_1G, RANGE(GIB(9), GIB(11)) },
	};

	check_aligned(test, ranges, ARRAY_SIZE(ranges), true);
}

/* The length of each is right. */
static void range_misaligned_test(struct kunit *test)
{
	static const struct test_range ranges[] = {
		{ SZ_4K, RANGE(GIB(8) + SZ_4K, GIB(8) + MIB(2) + SZ_4K) },
		{ SZ_2M, RANGE(GIB(8) + MIB(1), GIB(8) + MIB(3)) },
		{ SZ_1G, RANGE(GIB(8) + MIB(256), GIB(9) + MIB(256)) },
		{ SZ_1G, RANGE(GIB(8) + MIB(2), GIB(12) + MIB(2)) },
	};

	check_aligned(test, ranges, ARRAY_SIZE(ranges), false);
}

/* One end of each is right. */
static void range_of_wrong_length_test(struct kunit *test)
{
	static const struct test_range ranges[] = {
		{ SZ_4K, RANGE(GIB(8), GIB(8) + SZ_4K) },
		{ SZ_2M, RANGE(GIB(8), GIB(8) + MIB(3)) },
		{ SZ_2M, RANGE(GIB(8) + MIB(1), GIB(8) + MIB(4)) },
		{ SZ_1G, RANGE(GIB(9), GIB(10) + MIB(256)) },
		{ SZ_1G, RANGE(GIB(8) + MIB(256), GIB(10)) },
	};

	check_aligned(test, ranges, ARRAY_SIZE(ranges), false);
}

/**
 * struct placement - a resize, and where it has to leave the ranges
 * @region: the region that the device is part of
 * @taken: what another device has of it, ends with a range of zeroes
 * @align: align of the device
 * @before: size of the device before the resize
 * @size: size that is asked for
 * @rc: what dev_dax_resize() has to return
 * @placed: ranges of the device after it, by file offset
 */
struct placement {
	struct range region;
	struct range taken[MAX_RANGES];
	unsigned int align;
	u64 before;
	u64 size;
	ssize_t rc;
	struct range placed[MAX_RANGES];
};

static const struct placement pud_region = {
	.region = RANGE(GIB(8), GIB(12)),
	.align = SZ_1G,
	.size = GIB(2),
	.placed = { RANGE(GIB(8), GIB(10)) },
};

/* These regions start and end 256 MiB above a multiple of 1 GiB. */
static const struct placement pud_misaligned_region = {
	.region = RANGE(GIB(8) + MIB(256), GIB(12) + MIB(256)),
	.align = SZ_1G,
	.size = GIB(2),
	.placed = { RANGE(GIB(9), GIB(11)) },
};
static const struct placement pud_misaligned_region_full = {
	.region = RANGE(GIB(8) + MIB(256), GIB(12) + MIB(256)),
	.align = SZ_1G,
	.size = GIB(3),
	.placed = { RANGE(GIB(9), GIB(12)) },
};
static const struct placement pmd_misaligned_region_full = {
	.region = RANGE(GIB(8) + MIB(256), GIB(12) + MIB(256)),
	.align = SZ_2M,
	.size = GIB(4),
	.placed = { RANGE(GIB(8) + MIB(256), GIB(12) + MIB(256)) },
};
/* 4 KiB above a multiple of 2 MiB */
static const struct placement base_pages_misaligned_region = {
	.region = RANGE(GIB(8) + SZ_4K, GIB(8) + MIB(64) + SZ_4K),
	.align = SZ_4K,
	.size = MIB(62),
	.placed = { RANGE(GIB(8) + MIB(2), GIB(8) + MIB(64)) },
};
/* up to the last address that a CPU can have */
static const struct placement pud_last_region = {
	.region = RANGE(GIB(0x3ffffc), GIB(0x400000)),
	.align = SZ_1G,
	.size = GIB(4),
	.placed = { RANGE(GIB(0x3ffffc), GIB(0x400000)) },
};

/* Enough is free, as available_size counts it, but not enough whole pages. */
static const struct placement pud_too_large = {
	.region = RANGE(GIB(8) + MIB(256), GIB(12) + MIB(256)),
	.align = SZ_1G,
	.size = GIB(4),
	.rc = -ENOSPC,
};
static const struct placement pud_no_whole_page = {
	.region = RANGE(GIB(8) + MIB(256), GIB(9) + MIB(512)),
	.align = SZ_1G,
	.size = GIB(1),
	.rc = -ENOSPC,
};
/* more than there is */
static const struct placement pud_more_than_available = {
	.region = RANGE(GIB(8), GIB(12)),
	.align = SZ_1G,
	.size = GIB(5),
	.rc = -ENOSPC,
};

static const struct placement pud_after_another = {
	.region = RANGE(GIB(8), GIB(12)),
	.taken = { RANGE(GIB(8), GIB(8) + MIB(2)) },
	.align = SZ_1G,
	.size = GIB(2),
	.placed = { RANGE(GIB(9), GIB(11)) },
};
static const struct placement pud_around_another = {
	.region = RANGE(GIB(8), GIB(12)),
	.taken = { RANGE(GIB(9) + MIB(512), GIB(10)) },
	.align = SZ_1G,
	.size = GIB(3),
	.placed = { RANGE(GIB(8), GIB(9)), RANGE(GIB(10), GIB(12)) },
};
/* the first hole is 1 GiB long, but contains no whole page of that size */
static const struct placement pud_hole_passed_over = {
	.region = RANGE(GIB(8), GIB(12)),
	.taken = {
		RANGE(GIB(8), GIB(8) + MIB(2)),
		RANGE(GIB(9) + MIB(2), GIB(9) + MIB(4)),
	},
	.align = SZ_1G,
	.size = GIB(1),
	.placed = { RANGE(GIB(10), GIB(11)) },
};
static const struct placement pmd_hole_filled = {
	.region = RANGE(GIB(8), GIB(12)),
	.taken = {
		RANGE(GIB(8), GIB(8) + MIB(2)),
		RANGE(GIB(8) + MIB(4), GIB(8) + MIB(6)),
	},
	.align = SZ_2M,
	.size = MIB(6),
	.placed = {
		RANGE(GIB(8) + MIB(2), GIB(8) + MIB(4)),
		RANGE(GIB(8) + MIB(6), GIB(8) + MIB(10)),
	},
};

static const struct placement pud_range_extended = {
	.region = RANGE(GIB(8), GIB(12)),
	.align = SZ_1G,
	.before = GIB(1),
	.size = GIB(2),
	.placed = { RANGE(GIB(8), GIB(10)) },
};
static const struct placement pud_range_added = {
	.region = RANGE(GIB(8), GIB(12)),
	.taken = { RANGE(GIB(9), GIB(9) + MIB(2)) },
	.align = SZ_1G,
	.before = GIB(1),
	.size = GIB(2),
	.placed = { RANGE(GIB(8), GIB(9)), RANGE(GIB(10), GIB(11)) },
};

/* Two more pages are wanted, one fits: it has to be given back. */
static const struct placement pud_extension_given_back = {
	.region = RANGE(GIB(8), GIB(12)),
	.taken = {
		RANGE(GIB(10) + MIB(2), GIB(10) + MIB(4)),
		RANGE(GIB(11) + MIB(2), GIB(11) + MIB(4)),
	},
	.align = SZ_1G,
	.before = GIB(1),
	.size = GIB(3),
	.rc = -ENOSPC,
	.placed = { RANGE(GIB(8), GIB(9)) },
};
static const struct placement pud_added_range_given_back = {
	.region = RANGE(GIB(8), GIB(12)),
	.taken = {
		RANGE(GIB(9), GIB(9) + MIB(2)),
		RANGE(GIB(11) + MIB(2), GIB(11) + MIB(4)),
	},
	.align = SZ_1G,
	.before = GIB(1),
	.size = GIB(3),
	.rc = -ENOSPC,
	.placed = { RANGE(GIB(8), GIB(9)) },
};

static u64 ranges_size(const struct range *ranges)
{
	u64 size = 0;
	int i;

	for (i = 0; i < MAX_RANGES && ranges[i].end; i++)
		size += range_len(&ranges[i]);
	return size;
}

/* The ranges follow each other by file offset, whatever their addresses are. */
static void check_placed(struct kunit *test, struct dev_dax *dev_dax,
		const struct range *placed)
{
	unsigned long pgoff = 0;
	int i;

	for (i = 0; i < dev_dax->nr_range; i++) {
		const struct dev_dax_range *dax_range = &dev_dax->ranges[i];

		if (i == MAX_RANGES || !placed[i].end)
			break;
		KUNIT_EXPECT_EQ_MSG(test, dax_range->range.start,
				placed[i].start, "range %d", i);
		KUNIT_EXPECT_EQ_MSG(test, dax_range->range.end,
				placed[i].end, "range %d", i);
		KUNIT_EXPECT_EQ_MSG(test, dax_range->pgoff, pgoff,
				"range %d", i);
		pgoff += PHYS_PFN(range_len(&placed[i]));
	}
	/* as many as there have to be, no more and no less */
	KUNIT_EXPECT_EQ(test, dev_dax->nr_range, i);
	KUNIT_EXPECT_TRUE(test, i == MAX_RANGES || !placed[i].end);
}

static void check_placement(struct kunit *test, const struct placement *p)
{
	struct dax_region *region = make_region(test, p->region);
	struct dev_dax *other = make_device(test, region, SZ_2M);
	struct dev_dax *dev_dax = make_device(test, region, p->align);
	int i;

	for (i = 0; i < MAX_RANGES && p->taken[i].end; i++)
		KUNIT_ASSERT_EQ(test, test_take(other, &p->taken[i]), 0);
	KUNIT_ASSERT_EQ(test, test_resize(dev_dax, p->before), (ssize_t)0);

	KUNIT_EXPECT_EQ(test, test_resize(dev_dax, p->size), p->rc);
	check_placed(test, dev_dax, p->placed);
	/* and the region has the rest */
	KUNIT_EXPECT_EQ(test, test_available(region),
			range_len(&p->region) - ranges_size(p->taken) -
			ranges_size(p->placed));
}

#define PLACEMENT_TEST(placement)					\
static void placement##_test(struct kunit *test)			\
{									\
	check_placement(test, &placement);				\
}

PLACEMENT_TEST(pud_region)
PLACEMENT_TEST(pud_misaligned_region)
PLACEMENT_TEST(pud_misaligned_region_full)
PLACEMENT_TEST(pmd_misaligned_region_full)
PLACEMENT_TEST(base_pages_misaligned_region)
PLACEMENT_TEST(pud_last_region)
PLACEMENT_TEST(pud_too_large)
PLACEMENT_TEST(pud_no_whole_page)
PLACEMENT_TEST(pud_more_than_available)
PLACEMENT_TEST(pud_after_another)
PLACEMENT_TEST(pud_around_another)
PLACEMENT_TEST(pud_hole_passed_over)
PLACEMENT_TEST(pmd_hole_filled)
PLACEMENT_TEST(pud_range_extended)
PLACEMENT_TEST(pud_range_added)
PLACEMENT_TEST(pud_extension_given_back)
PLACEMENT_TEST(pud_added_range_given_back)

/*
 * A range can be extended only if it is the last one by file offset. Otherwise
 * the pages of the ranges after it would move to other offsets.
 */
static void pud_offsets_kept_test(struct kunit *test)
{
	static const struct range region_range = RANGE(GIB(8), GIB(12));
	static const struct range taken = RANGE(GIB(9), GIB(10));
	static const struct range placed[MAX_RANGES] = {
		RANGE(GIB(8), GIB(9)),
		RANGE(GIB(10), GIB(11)),
		RANGE(GIB(9), GIB(10)),
	};
	struct dax_region *region = make_region(test, region_range);
	struct dev_dax *other = make_device(test, region, SZ_1G);
	struct dev_dax *dev_dax = make_device(test, region, SZ_1G);

	KUNIT_ASSERT_EQ(test, test_take(other, &taken), 0);
	KUNIT_ASSERT_EQ(test, test_resize(dev_dax, GIB(2)), (ssize_t)0);
	KUNIT_ASSERT_EQ(test, test_resize(other, 0), (ssize_t)0);
	KUNIT_EXPECT_EQ(test, test_resize(dev_dax, GIB(3)), (ssize_t)0);
	check_placed(test, dev_dax, placed);
}

static const struct range mapping_region =
	RANGE(GIB(8) + MIB(256), GIB(16) + MIB(256));

static void explicit_mapping_test(struct kunit *test)
{
	static const struct test_range mappings[] = {
		{ SZ_4K, RANGE(GIB(8) + MIB(258), GIB(8) + MIB(260)) },
		{ SZ_2M, RANGE(GIB(8) + MIB(260), GIB(8) + MIB(266)) },
		{ SZ_1G, RANGE(GIB(9), GIB(11)) },
	};
	struct dax_region *region = make_region(test, mapping_region);
	struct dev_dax *dev_dax;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mappings); i++) {
		struct range placed[MAX_RANGES] = {
			[0] = mappings[i].range,
		};

		dev_dax = make_device(test, region, mappings[i].align);
		KUNIT_EXPECT_TRUE_MSG(test, test_map(dev_dax, placed) > 0,
				"mapping %u", i);
		check_placed(test, dev_dax, placed);
	}
}

static void check_mapping_refused(struct kunit *test,
		const struct test_range *row, int nr)
{
	struct dax_region *region = make_region(test, mapping_region);
	struct dev_dax *dev_dax = make_device(test, region, SZ_4K);
	int i;

	for (i = 0; i < nr; i++, row++) {
		dev_dax->align = row->align;
		KUNIT_EXPECT_EQ_MSG(test, test_map(dev_dax, &row->range),
				(ssize_t)-ENXIO, "mapping %d", i);
	}
	KUNIT_EXPECT_EQ(test, dev_dax->nr_range, 0);
}

static void explicit_mapping_misaligned_test(struct kunit *test)
{
	static const struct test_range mappings[] = {
		{ SZ_4K, RANGE(GIB(9) + SZ_4K, GIB(9) + MIB(2) + SZ_4K) },
		{ SZ_2M, RANGE(GIB(10) + MIB(1), GIB(10) + MIB(3)) },
		{ SZ_1G, RANGE(GIB(11) + MIB(256), GIB(12) + MIB(256)) },
	};

	check_mapping_refused(test, mappings, ARRAY_SIZE(mappings));
}

static void explicit_mapping_of_wrong_length_test(struct kunit *test)
{
	static const struct test_range mappings[] = {
		{ SZ_4K, RANGE(GIB(9), GIB(9) + SZ_4K) },
		{ SZ_2M, RANGE(GIB(10), GIB(10) + MIB(1)) },
		{ SZ_1G, RANGE(GIB(11), GIB(12) + MIB(256)) },
	};

	check_mapping_refused(test, mappings, ARRAY_SIZE(mappings));
}

/* The length of each is a multiple of the align, modulo 2^64. */
static void explicit_mapping_wrapped_test(struct kunit *test)
{
	static const struct test_range mappings[] = {
		{ SZ_1G, RANGE(GIB(11), GIB(10)) },
		{ SZ_1G, RANGE(GIB(11), GIB(11)) },
		{ SZ_1G, { .start = 0, .end = U64_MAX } },
	};

	check_mapping_refused(test, mappings, ARRAY_SIZE(mappings));
}

/* Give a device that already has ranges an align of 1 GiB. */
static void check_new_align(struct kunit *test, const struct range *ranges,
		ssize_t rc)
{
	struct dax_region *region = make_region(test, mapping_region);
	struct dev_dax *dev_dax = make_device(test, region, SZ_2M);
	int i;

	for (i = 0; i < MAX_RANGES && ranges[i].end; i++)
		KUNIT_ASSERT_EQ(test, test_take(dev_dax, &ranges[i]), 0);
	KUNIT_EXPECT_EQ(test, test_new_align(dev_dax, SZ_1G), rc);
}

static void new_align_test(struct kunit *test)
{
	static const struct range ranges[MAX_RANGES] = {
		RANGE(GIB(9), GIB(10)), RANGE(GIB(12), GIB(14)),
	};

	check_new_align(test, ranges, 0);
}

static void new_align_misaligned_test(struct kunit *test)
{
	static const struct range ranges[MAX_RANGES] = {
		RANGE(GIB(9), GIB(10)),
		RANGE(GIB(11) + MIB(256), GIB(12) + MIB(256)),
	};

	check_new_align(test, ranges, -EINVAL);
}

/* The size of the device is right. */
static void new_align_of_wrong_length_test(struct kunit *test)
{
	static const struct range ranges[MAX_RANGES] = {
		RANGE(GIB(9), GIB(9) + MIB(512)),
		RANGE(GIB(11), GIB(11) + MIB(512)),
	};

	check_new_align(test, ranges, -EINVAL);
}

static struct kunit_case dax_bus_test_cases[] = {
	KUNIT_CASE(extent_of_whole_pages_test),
	KUNIT_CASE(extent_clipped_at_start_test),
	KUNIT_CASE(extent_clipped_at_end_test),
	KUNIT_CASE(extent_clipped_at_both_ends_test),
	KUNIT_CASE(extent_without_a_page_test),
	KUNIT_CASE(extent_gives_what_is_wanted_test),
	KUNIT_CASE(extent_at_the_last_address_test),
	KUNIT_CASE(range_aligned_test),
	KUNIT_CASE(range_misaligned_test),
	KUNIT_CASE(range_of_wrong_length_test),
	KUNIT_CASE(pud_region_test),
	KUNIT_CASE(pud_misaligned_region_test),
	KUNIT_CASE(pud_misaligned_region_full_test),
	KUNIT_CASE(pmd_misaligned_region_full_test),
	KUNIT_CASE(base_pages_misaligned_region_test),
	KUNIT_CASE(pud_last_region_test),
	KUNIT_CASE(pud_too_large_test),
	KUNIT_CASE(pud_no_whole_page_test),
	KUNIT_CASE(pud_more_than_available_test),
	KUNIT_CASE(pud_after_another_test),
	KUNIT_CASE(pud_around_another_test),
	KUNIT_CASE(pud_hole_passed_over_test),
	KUNIT_CASE(pmd_hole_filled_test),
	KUNIT_CASE(pud_range_extended_test),
	KUNIT_CASE(pud_range_added_test),
	KUNIT_CASE(pud_extension_given_back_test),
	KUNIT_CASE(pud_added_range_given_back_test),
	KUNIT_CASE(pud_offsets_kept_test),
	KUNIT_CASE(explicit_mapping_test),
	KUNIT_CASE(explicit_mapping_misaligned_test),
	KUNIT_CASE(explicit_mapping_of_wrong_length_test),
	KUNIT_CASE(explicit_mapping_wrapped_test),
	KUNIT_CASE(new_align_test),
	KUNIT_CASE(new_align_misaligned_test),
	KUNIT_CASE(new_align_of_wrong_length_test),
	{}
};

static struct kunit_suite dax_bus_test_suite = {
	.name = "dax-bus",
	.init = dax_bus_test_init,
	.exit = dax_bus_test_exit,
	.test_cases = dax_bus_test_cases,
};
kunit_test_suite(dax_bus_test_suite);
