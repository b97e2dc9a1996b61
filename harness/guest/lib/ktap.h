/* SPDX-License-Identifier: GPL-2.0 */
/* What a test program of the guest prints. */
#ifndef GUEST_KTAP_H
#define GUEST_KTAP_H

#include <stdbool.h>

/* The exact number of results that follow. */
void plan(int tests);
/* One result, under a name that is the same in every run; returns @ok. */
bool result(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One test that cannot be run here, and why. */
void skip(const char *reason, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Whether the queue brings no such thing to this kernel: lacks= of patches/BASE/base. */
bool lacks(const char *what);
/* One result, of a test that fails where @what is lacking, and is skipped there. */
bool result_with(const char *what, bool ok, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A comment; a text of several lines becomes several. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* How many results were failures. */
int failures(void);

#endif
