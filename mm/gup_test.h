/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What /sys/kernel/debug/gup_test and the programs that use it agree on.
 *
 * Numbers and layout are those of mainline since v5.13, so that one program
 * runs on this kernel and on those. (v5.11 and v5.12 have one word for both
 * kinds of flags: their struct is smaller, and they answer -EINVAL.)
 */
#ifndef __GUP_TEST_H
#define __GUP_TEST_H

#include <linux/types.h>

#define GUP_FAST_BENCHMARK	_IOWR('g', 1, struct gup_test)
#define PIN_FAST_BENCHMARK	_IOWR('g', 2, struct gup_test)
#define PIN_LONGTERM_BENCHMARK	_IOWR('g', 3, struct gup_test)
#define GUP_BASIC_TEST		_IOWR('g', 4, struct gup_test)
#define PIN_BASIC_TEST		_IOWR('g', 5, struct gup_test)
#define DUMP_USER_PAGES_TEST	_IOWR('g', 6, struct gup_test)

/* not in mainline, whose numbers end below 16 */
#define PIN_FAST_LONGTERM_BENCHMARK	_IOWR('g', 16, struct gup_test)

#define GUP_TEST_MAX_PAGES_TO_DUMP	8

/* test_flags: DUMP_USER_PAGES_TEST holds its pages with FOLL_PIN */
#define GUP_TEST_FLAG_DUMP_PAGES_USE_PIN	0x1
/*
 * test_flags: look up each page by itself first. The calls under test have to
 * return the same pages and add what they take to the counts; giving the pages
 * back has to restore the counts. If not, the request fails with EIO and the log
 * says where. Nothing else may use the pages in the meantime, and no page may be
 * mapped twice in the range. Not in mainline.
 */
#define GUP_TEST_FLAG_CHECK			0x10000
/*
 * test_flags, with GUP_TEST_FLAG_CHECK: fill the count of the first page while
 * the calls run. They have to fail with ENOMEM. The first one after boot logs a
 * warning. Not in mainline.
 */
#define GUP_TEST_FLAG_FULL			0x40000
/* test_flags: unpin by ranges, without an array. Not in mainline. */
#define GUP_TEST_FLAG_UNPIN_RANGE		0x20000

/**
 * struct gup_test - one request: take the pages of a range, give them back
 * @get_delta_usec: out: microseconds that taking all pages needed
 * @put_delta_usec: out: microseconds that giving all back needed
 * @addr: start of the range, page aligned
 * @size: bytes asked for; out: bytes up to the end of the last call, which may
 *	have got less
 * @nr_pages_per_call: pages that one call of the function under test takes
 * @gup_flags: FOLL_WRITE or nothing
 * @test_flags: GUP_TEST_FLAG_*
 * @which_pages: pages to dump, counted from 1; 0 is an unused entry
 */
struct gup_test {
	__u64 get_delta_usec;
	__u64 put_delta_usec;
	__u64 addr;
	__u64 size;
	__u32 nr_pages_per_call;
	__u32 gup_flags;
	__u32 test_flags;
	__u32 which_pages[GUP_TEST_MAX_PAGES_TO_DUMP];
};

#endif	/* __GUP_TEST_H */
