#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/ktime.h>
#include <linux/debugfs.h>

#include "gup_test.h"

#define GUP_TEST_FLAGS	\
	(GUP_TEST_FLAG_DUMP_PAGES_USE_PIN | GUP_TEST_FLAG_CHECK | \
	 GUP_TEST_FLAG_UNPIN_RANGE)

struct gup_test_range {
	struct page *first;
	unsigned long nr_pages;
};

static void put_back_pages(unsigned int cmd, struct page **pages,
			   unsigned long nr_pages, unsigned int test_flags)
{
	unsigned long i;

	switch (cmd) {
	case GUP_FAST_BENCHMARK:
	case GUP_BASIC_TEST:
		for (i = 0; i < nr_pages; i++)
			put_page(pages[i]);
		break;

	case PIN_FAST_BENCHMARK:
	case PIN_BASIC_TEST:
	case PIN_LONGTERM_BENCHMARK:
	case PIN_FAST_LONGTERM_BENCHMARK:
		unpin_user_pages(pages, nr_pages);
		break;

	case DUMP_USER_PAGES_TEST:
		if (test_flags & GUP_TEST_FLAG_DUMP_PAGES_USE_PIN) {
			unpin_user_pages(pages, nr_pages);
			break;
		}
		for (i = 0; i < nr_pages; i++)
			put_page(pages[i]);
		break;
	}
}

/* Make a list of ranges of an array that is in the order of its pages. */
static unsigned long make_ranges(struct page **pages, unsigned long nr_pages,
				 struct gup_test_range *ranges)
{
	unsigned long i, nr = 0;

	for (i = 0; i < nr_pages; i++) {
		if (i && pages[i] == nth_page(pages[i - 1], 1))
			ranges[nr - 1].nr_pages++;
		else
			ranges[nr++] = (struct gup_test_range){ pages[i], 1 };
	}
	return nr;
}

static void verify_dma_pinned(unsigned int cmd, struct page **pages,
			      unsigned long nr_pages)
{
	unsigned long i;
	struct page *page;

	switch (cmd) {
	case PIN_FAST_BENCHMARK:
	case PIN_BASIC_TEST:
	case PIN_LONGTERM_BENCHMARK:
	case PIN_FAST_LONGTERM_BENCHMARK:
		for (i = 0; i < nr_pages; i++) {
			page = pages[i];
			if (WARN(!page_maybe_dma_pinned(page),
				 "pages[%lu] is NOT dma-pinned\n", i)) {

				dump_page(page, "gup_test failure");
				break;
			}
		}
		break;
	}
}

/* A page as it is before it is taken, and the counts of its head. */
struct gup_test_before {
	struct page *page;
	int refs;
	int pins;
};

static int head_pins(struct page *head)
{
	return hpage_pincount_available(head) ? compound_pincount(head) : 0;
}

/*
 * Find the page behind each address by a walk of its own, and note what is
 * counted there while nothing is taken.
 */
static int look_before(struct gup_test *gup, struct gup_test_before *before,
		       unsigned long nr_pages)
{
	unsigned long i;
	long nr;

	for (i = 0; i < nr_pages; i++) {
		struct page *page, *head;

		nr = get_user_pages(gup->addr + i * PAGE_SIZE, 1,
				    gup->gup_flags & FOLL_WRITE, &page, NULL);
		if (nr != 1)
			return nr ? nr : -EFAULT;
		head = compound_head(page);
		before[i].page = page;
		before[i].pins = head_pins(head);
		before[i].refs = page_ref_count(head) - 1;
		put_page(page);
		cond_resched();
	}
	return 0;
}

/* Is what each run of one compound page has in its counts what was taken? */
static bool counts_are_right(struct gup_test_before *before,
			     unsigned long nr_pages, bool taken, bool pinned)
{
	unsigned long i, next;

	for (i = 0; i < nr_pages; i = next) {
		struct page *head = compound_head(before[i].page);
		int refs = before[i].refs, pins = before[i].pins, nr;

		for (next = i + 1; next < nr_pages; next++)
			if (compound_head(before[next].page) != head)
				break;
		nr = taken ? next - i : 0;
		if (!pinned) {
			refs += nr;
		} else if (!hpage_pincount_available(head)) {
			refs += nr * GUP_PIN_COUNTING_BIAS;
		} else {
			refs += nr;
			pins += nr;
		}
		if (page_ref_count(head) != refs || head_pins(head) != pins) {
			pr_warn("gup_test: %s, page %lu: %d references and %d pins, not %d and %d\n",
				taken ? "held" : "released", i,
				page_ref_count(head), head_pins(head), refs, pins);
			return false;
		}
	}
	return true;
}

/* Are these the pages that were found before, and counted as they should be? */
static bool held_right(struct gup_test_before *before, struct page **pages,
		       unsigned long nr_pages, bool pinned)
{
	unsigned long i;

	for (i = 0; i < nr_pages; i++) {
		if (pages[i] != before[i].page) {
			pr_warn("gup_test: page %lu is not the one that is mapped there\n",
				i);
			return false;
		}
	}
	return counts_are_right(before, nr_pages, true, pinned);
}

static struct gup_test_before *new_before(struct gup_test *gup,
					   unsigned long nr_pages)
{
	struct gup_test_before *before;
	int ret;

	before = kvcalloc(nr_pages, sizeof(*before), GFP_KERNEL);
	if (!before)
		return ERR_PTR(-ENOMEM);
	mmap_read_lock(current->mm);
	ret = look_before(gup, before, nr_pages);
	mmap_read_unlock(current->mm);
	if (ret) {
		kvfree(before);
		return ERR_PTR(ret);
	}
	return before;
}

static void dump_chosen_pages(struct gup_test *gup, struct page **pages,
			      unsigned long nr_pages)
{
	unsigned int i;

	for (i = 0; i < GUP_TEST_MAX_PAGES_TO_DUMP; i++) {
		u32 nr = gup->which_pages[i];

		if (!nr)
			continue;
		if (nr > nr_pages)
			pr_warn("gup_test: no page %u, there are %lu\n",
				nr - 1, nr_pages);
		else
			dump_page(pages[nr - 1], "gup_test");
	}
}

static int __gup_test_ioctl(unsigned int cmd,
		struct gup_test *gup)
{
	ktime_t start_time, end_time;
	unsigned long i, nr_pages, addr, next;
	int nr;
	struct page **pages;
	struct gup_test_before *before = NULL;
	struct gup_test_range *ranges = NULL;
	unsigned long nr_ranges;
	int ret = 0;
	bool pinned = cmd != GUP_FAST_BENCHMARK && cmd != GUP_BASIC_TEST &&
		(cmd != DUMP_USER_PAGES_TEST ||
		 gup->test_flags & GUP_TEST_FLAG_DUMP_PAGES_USE_PIN);
	bool needs_mmap_lock =
		cmd != GUP_FAST_BENCHMARK && cmd != PIN_FAST_BENCHMARK &&
		cmd != PIN_FAST_LONGTERM_BENCHMARK;

	if (gup->size > ULONG_MAX || gup->size < PAGE_SIZE ||
	    !gup->nr_pages_per_call)
		return -EINVAL;

	nr_pages = gup->size / PAGE_SIZE;
	pages = kvcalloc(nr_pages, sizeof(void *), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;

	if (gup->test_flags & GUP_TEST_FLAG_CHECK) {
		before = new_before(gup, nr_pages);
		if (IS_ERR(before)) {
			ret = PTR_ERR(before);
			before = NULL;
			goto free_pages;
		}
	}

	if (needs_mmap_lock && mmap_read_lock_killable(current->mm)) {
		ret = -EINTR;
		goto free_pages;
	}

	i = 0;
	nr = gup->nr_pages_per_call;
	start_time = ktime_get();
	for (addr = gup->addr; addr < gup->addr + gup->size; addr = next) {
		if (nr != gup->nr_pages_per_call)
			break;

		next = addr + nr * PAGE_SIZE;
		if (next > gup->addr + gup->size) {
			next = gup->addr + gup->size;
			nr = (next - addr) / PAGE_SIZE;
		}

		/* Filter out most gup flags: only allow a tiny subset here: */
		gup->gup_flags &= FOLL_WRITE;

		switch (cmd) {
		case GUP_FAST_BENCHMARK:
			nr = get_user_pages_fast(addr, nr, gup->gup_flags,
						 pages + i);
			break;
		case GUP_BASIC_TEST:
			nr = get_user_pages(addr, nr, gup->gup_flags, pages + i,
					    NULL);
			break;
		case PIN_FAST_BENCHMARK:
			nr = pin_user_pages_fast(addr, nr, gup->gup_flags,
						 pages + i);
			break;
		case PIN_BASIC_TEST:
			nr = pin_user_pages(addr, nr, gup->gup_flags, pages + i,
					    NULL);
			break;
		case PIN_LONGTERM_BENCHMARK:
			nr = pin_user_pages(addr, nr,
					    gup->gup_flags | FOLL_LONGTERM,
					    pages + i, NULL);
			break;
		case PIN_FAST_LONGTERM_BENCHMARK:
			nr = pin_user_pages_fast(addr, nr,
						 gup->gup_flags | FOLL_LONGTERM,
						 pages + i);
			break;
		case DUMP_USER_PAGES_TEST:
			if (gup->test_flags & GUP_TEST_FLAG_DUMP_PAGES_USE_PIN)
				nr = pin_user_pages(addr, nr, gup->gup_flags,
						    pages + i, NULL);
			else
				nr = get_user_pages(addr, nr, gup->gup_flags,
						    pages + i, NULL);
			break;
		default:
			ret = -EINVAL;
			goto unlock;
		}

		/* a range of which nothing can be had is the caller's error */
		if (nr <= 0) {
			if (!i)
				ret = nr ? nr : -EFAULT;
			break;
		}
		i += nr;
	}
	end_time = ktime_get();

	/* Shifting the meaning of nr_pages: now it is actual number pinned: */
	nr_pages = i;

	gup->get_delta_usec = ktime_us_delta(end_time, start_time);
	gup->size = addr - gup->addr;

	/*
	 * Take an un-benchmark-timed moment to verify DMA pinned
	 * state: print a warning if any non-dma-pinned pages are found:
	 */
	verify_dma_pinned(cmd, pages, nr_pages);
	if (before && !held_right(before, pages, nr_pages, pinned))
		ret = -EIO;

	if (cmd == DUMP_USER_PAGES_TEST)
		dump_chosen_pages(gup, pages, nr_pages);

	if (pinned && gup->test_flags & GUP_TEST_FLAG_UNPIN_RANGE)
		ranges = kvcalloc(nr_pages, sizeof(*ranges), GFP_KERNEL);
	if (ranges) {
		nr_ranges = make_ranges(pages, nr_pages, ranges);
		start_time = ktime_get();
		for (i = 0; i < nr_ranges; i++)
			unpin_user_page_range_dirty_lock(ranges[i].first,
							 ranges[i].nr_pages,
							 false);
	} else {
		start_time = ktime_get();
		put_back_pages(cmd, pages, nr_pages, gup->test_flags);
	}

	end_time = ktime_get();
	gup->put_delta_usec = ktime_us_delta(end_time, start_time);
	if (before && !counts_are_right(before, nr_pages, false, pinned))
		ret = -EIO;

unlock:
	if (needs_mmap_lock)
		mmap_read_unlock(current->mm);
free_pages:
	kvfree(ranges);
	kvfree(before);
	kvfree(pages);
	return ret;
}

static long gup_test_ioctl(struct file *filep, unsigned int cmd,
		unsigned long arg)
{
	struct gup_test gup;
	int ret;

	switch (cmd) {
	case GUP_FAST_BENCHMARK:
	case GUP_BASIC_TEST:
	case PIN_FAST_BENCHMARK:
	case PIN_BASIC_TEST:
	case PIN_LONGTERM_BENCHMARK:
	case PIN_FAST_LONGTERM_BENCHMARK:
	case DUMP_USER_PAGES_TEST:
		break;
	default:
		return -EINVAL;
	}

	if (copy_from_user(&gup, (void __user *)arg, sizeof(gup)))
		return -EFAULT;
	if (gup.test_flags & ~GUP_TEST_FLAGS)
		return -EINVAL;

	ret = __gup_test_ioctl(cmd, &gup);
	if (ret)
		return ret;

	if (copy_to_user((void __user *)arg, &gup, sizeof(gup)))
		return -EFAULT;

	return 0;
}

static const struct file_operations gup_test_fops = {
	.open = nonseekable_open,
	.unlocked_ioctl = gup_test_ioctl,
};

static int gup_test_init(void)
{
	debugfs_create_file_unsafe("gup_test", 0600, NULL, NULL,
				   &gup_test_fops);

	return 0;
}

late_initcall(gup_test_init);
