// SPDX-License-Identifier: GPL-2.0
///
/// The devmap of a device page is kept in its head: in a tail the same word is
/// compound_head. page_pgmap() is the one reader of the field; it is written where
/// pages are initialised.
///
// Options: --no-includes --include-headers

virtual report

@writer@
struct page *page;
expression devmap;
position p;
@@
page->pgmap@p = devmap

@reader@
struct page *page;
position p != writer.p;
@@
page->pgmap@p

@script:python depends on report@
p << reader.p;
@@
coccilib.report.print_report(p[0], "reads the devmap of a page by itself; use page_pgmap()")

// Without the headers a page is known by its name.
@call@
expression fault;
identifier f =~ "page$";
position p;
@@
(
f(...)->pgmap@p
|
fault->page->pgmap@p
)

@script:python depends on report@
p << call.p;
@@
coccilib.report.print_report(p[0], "reads the devmap of a page by itself; use page_pgmap()")
