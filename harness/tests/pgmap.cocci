// SPDX-License-Identifier: GPL-2.0
///
/// The devmap of a device page is kept in its head: in a tail the same word is
/// compound_head. page_pgmap() is the one reader of the field; it is written where
/// pages are initialised. "pgmap" is what the field is called without the series.
///
// Options: --no-includes --include-headers

virtual report

@writer@
expression page, devmap;
position p;
@@
page->_pgmap@p = devmap

@accessor@
expression page;
position p;
@@
page_pgmap(...)
{
<...
page->_pgmap@p
...>
}

@reader@
expression page;
position p != { writer.p, accessor.p };
@@
page->_pgmap@p

@script:python depends on report@
p << reader.p;
@@
coccilib.report.print_report(p[0], "reads the devmap of a page by itself; use page_pgmap()")

@old_reader@
struct page *page;
position p;
@@
page->pgmap@p

@script:python depends on report@
p << old_reader.p;
@@
coccilib.report.print_report(p[0], "uses the page's pgmap, which is named _pgmap; read it with page_pgmap()")

// Without the headers a page is known by its name.
@old_call@
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
p << old_call.p;
@@
coccilib.report.print_report(p[0], "uses the page's pgmap, which is named _pgmap; read it with page_pgmap()")
