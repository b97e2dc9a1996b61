#!/usr/bin/gawk -f
# SPDX-License-Identifier: GPL-2.0
#
# figures.awk -v table=NAME [-v format=text] SUMMARY    print a table, in Markdown or in plain
#                                                       text of at most 70 columns
# figures.awk -v value=ADDRESS SUMMARY                  print one figure
# figures.awk -v fill=md|txt SUMMARY FILE               print FILE with new figures; see fill
#
# The address of a figure is KERNEL/KIND/MAP/ALIGN/METRIC/COUNT; without COUNT it is the first
# such row of SUMMARY. A row and a column of a table have an address each, which leaves out what
# the other one says. KERNEL may be "both" (base and series), "both%" (and the change) or
# "change", METRIC "ram" (what is known best of the RAM of the memmap) or "tib" (that for 1 TiB).
# SUMMARY is in a folder with the name of the base: results/5.10/summary.tsv.

function die(why)
{
	print "figures.awk: " where why >"/dev/stderr"
	exit status = 2
}

function max(a, b)
{
	return a > b ? a : b
}

function size(bytes)
{
	if (bytes < 2 ^ 29)
		return sprintf("%.0f MiB", bytes / 2 ^ 20)
	return gensub(/\.?0+ /, " ", 1, sprintf("%.2f GiB", bytes / 2 ^ 30))
}

# The figure as it was measured, "" if it was not.
function get(address)
{
	if (address ~ /\/dev\/.*\/(ram|tib)\//)
		return ""	# MemFree does not tell the page tables of a memmap on the device
	if (sub(/\/(ram|tib)\//, "/memmap/", address) && !(address in first)) {
		sub(/\/memmap\//, "/memory/", address)
		if (address in first && first[address] < 1)
			return ""	# less than MemFree can tell
	}
	if (!(address in first))
		return ""
	# the job "counts" is in SUMMARY after "bench", and pins 512 pages of less memory
	return table == "counts" ? last[address] : first[address]
}

# The figure as it is printed.
function cell(address,    kernel, rest, a, b, old, new, change)
{
	kernel = substr(address, 1, index(address, "/") - 1)
	rest = substr(address, length(kernel) + 1)
	if (kernel !~ /^(both%?|change)$/) {
		a = get(address)
		if (a == "" || address ~ /\/tib\//)
			return a == "" ? "" : size(a * 2 ^ 28)
		return sprintf(a < 0.095 ? "%.3f" : a < 9.95 ? "%.1f" : "%.0f", a)
	}
	a = cell("base" rest)
	b = cell("series" rest)
	old = get("base" rest)
	new = get("series" rest)
	if (new != "" && old > 0)
		change = sprintf("%+.1f %%", (new / old - 1) * 100)
	if (kernel == "change" || a b == "")
		return change
	return (a == "" ? "-" : a) " → " (b == "" ? "-" : b) (kernel == "both%" ? " (" change ")" : "")
}

# A row of the tables NAMES, if this is one of them.
function row(names, label, address)
{
	if (index(" " names " ", " " table " ")) {
		label_of[++rows] = label
		row_address[rows] = address
	}
}

# "title@end of address;...": columns; plain text has "UPPER|LOWER" in two lines.
function columns(names, start, items,    a, p, n, i)
{
	n = index(" " names " ", " " table " ") ? split(items, a, ";") : 0
	for (i = 1; i <= n; i++) {
		split(a[i], p, "@")
		title_of[++cols] = p[1]
		col_address[cols] = start p[2]
	}
}

# "label@end of address;...": rows of one kind of memory.
function memory_rows(names, memory, label, items,    a, p, n, i)
{
	n = split(items, a, ";")
	for (i = 1; i <= n; i++) {
		split(a[i], p, "@")
		row(names, label ": " p[1], "/" memory "/" p[2])
	}
}

function name_of(memory,    p)
{
	split(memory, p, "/")
	if (p[1] ~ /^(static|dynamic)$/)
		return "device-dax " p[3] ", " (p[1] == "dynamic" ? p[1] : "map=" p[2])
	return p[1] in names ? names[p[1]] : p[1]
}

function define(    i, pins, others)
{
	rows = cols = 0
	pins = "pin, fast@pin_fast/512;pin, fast, long-term@pin_fast_longterm/512;pin@pin_slow/512;pin, long-term@pin_longterm/512"
	others = ";unpin@unpin/;first touch@fault/;MAP_POPULATE@populate/;bind@bind/;unbind@unbind/"

	columns("memory", "", base "@base/dynamic/mem/2M//;2 MiB pages@series/dynamic/mem/2M//;1 GiB pages@series/dynamic/mem/1G//")
	row("memory", "RAM", "////tib/")

	columns("all", "both////", pins others ";bytes of RAM@ram/")
	columns("counts", "both%/////", "1 page per call@1;16@16;512@512;4,096@4096;262,144@262144")
	for (i = 1; i <= memories; i++) {
		row("all", name_of(memory[i]), "/" memory[i] "//")
		if (("base/" memory[i] "/pin_fast/1") in first)
			memory_rows("counts", memory[i], name_of(memory[i]), gensub("512", "", "g", pins))
	}

	columns("kernels", "", base "@base/////" compared ";" base "|with the queue@series/////")
	others = pins others ";VFIO map@vfio_map/;VFIO unmap@vfio_unmap/;ibv_reg_mr()@rdma_reg/;ibv_dereg_mr()@rdma_dereg/"
	memory_rows("kernels", "static/mem/2M", "2M", others)
	memory_rows("kernels", "static/mem/1G", "1G", others)
	memory_rows("kernels", "static/dev/2M", "2M, map=dev", others)
	memory_rows("kernels", "hugetlb/-/2M", "hugetlbfs 2M", others)

	columns("costs", "", base "@base/////;with the queue@series/////;change@change/////")
	row("costs", "pin, fast, 1 page of 2M", "/static/mem/2M/pin_fast/1")
	row("costs", "pin, fast, 1 page of 1G", "/static/mem/1G/pin_fast/1")
	row("costs", "pin, fast, 1 page of anonymous memory", "/anon/-/4K/pin_fast/1")
	row("costs", "pin, fast, 512 pages of anonymous memory", "/anon/-/4K/pin_fast/512")
	row("costs", "pin, fast, 512 pages of fsdax", "/fsdax/mem/4K/pin_fast/512")
	row("costs", "pin, 1 page of 2M", "/static/mem/2M/pin_slow/1")
	row("costs", "pin, 1 page of 1G", "/static/mem/1G/pin_slow/1")
	row("costs", "pin, 1 page of hugetlbfs", "/hugetlb/-/2M/pin_slow/1")
	row("costs", "pin, fast, 512 pages of 4K", "/static/mem/4K/pin_fast/512")
	row("costs", "pin, 512 pages of 2M, compound=0", "/static/mem/2M of base pages/pin_slow/512")
	row("costs", "pin, 4,096 pages of fsdax", "/fsdax/mem/4K/pin_slow/4096")
	row("costs", "unpin, anonymous memory", "/anon/-/4K/unpin/")
	row("costs", "first touch, 4K", "/static/mem/4K/fault/")
	row("costs", "first touch, 2M, compound=0", "/static/mem/2M of base pages/fault/")
	row("costs", "MAP_POPULATE, 4K", "/static/mem/4K/populate/")
	row("costs", "bind, 4K", "/static/mem/4K/bind/")
	row("costs", "bind, 2M", "/static/mem/2M/bind/")
	row("costs", "unbind, 2M", "/static/mem/2M/unbind/")
	row("costs", "unbind, 2M, map=dev", "/static/dev/2M/unbind/")
	row("costs", "unbind, 1G, map=dev", "/static/dev/1G/unbind/")
	row("costs", "unbind, 4K", "/static/mem/4K/unbind/")
	row("costs", "VFIO map, anonymous memory", "/anon/-/4K/vfio_map/")
	row("costs", "VFIO unmap, 4K", "/static/mem/4K/vfio_unmap/")
	row("costs", "VFIO unmap, anonymous memory", "/anon/-/4K/vfio_unmap/")

	columns("gains pin bind memmap", "base/static/mem", base "|2M@/2M//;" base "|1G@/1G//")
	columns("gains pin bind memmap", "series/static/mem", "with the queue|2M@/2M//;with the queue|1G@/1G//")
	row("gains pin", "pin_user_pages_fast()", "////pin_fast/512")
	row("gains pin", "  with FOLL_LONGTERM", "////pin_fast_longterm/512")
	row("gains pin", "pin_user_pages()", "////pin_slow/512")
	row("pin", "  with FOLL_LONGTERM", "////pin_longterm/512")
	row("gains pin", "unpin_user_pages()", "////unpin/")
	row("pin", "unpin_user_page_range_dirty_lock()", "////unpin_range/")
	row("gains bind", "first touch", "////fault/")
	row("gains bind", "MAP_POPULATE", "////populate/")
	row("gains bind memmap", "bind, dynamic device", "/dynamic///bind/")
	row("gains bind memmap", "unbind, dynamic device", "/dynamic///unbind/")
	row("bind memmap", "bind, map=dev", "//dev//bind/")
	row("bind memmap", "unbind, map=dev", "//dev//unbind/")
	row("gains pin", "ibv_reg_mr(), rdma_rxe", "////rdma_reg/")
	row("gains pin", "ibv_dereg_mr(), rdma_rxe", "////rdma_dereg/")
	row("gains pin", "VFIO_IOMMU_MAP_DMA", "////vfio_map/")
	row("pin", "VFIO_IOMMU_UNMAP_DMA", "////vfio_unmap/")
	row("gains memmap", "RAM of the memmap per TiB", "/dynamic///tib/")
	if (!cols)
		die("no table '" table "'")
}

function merge(a, b,    p, q, i, s)
{
	split(a, p, "/")
	split(b, q, "/")
	for (i = 1; i <= 6; i++)
		s = s "/" (p[i] == "" ? q[i] : p[i])
	return substr(s, 2)
}

# Half a percent, or more?
function dearer(address,    old)
{
	old = get(merge(address, "base/////"))
	return old > 0 && get(merge(address, "series/////")) >= 1.005 * old
}

function print_table(    r, c, n, p, grid, width, upper, lower, group, any)
{
	define()
	grid[0, 0] = table == "memory" ? "struct pages of 1 TiB" : "instructions per 4 KiB"
	for (r = 1; r <= rows; r++) {
		any = ""
		if (table == "costs" && !dearer(row_address[r]))
			continue
		grid[++n, 0] = label_of[r]
		for (c = 1; c <= cols; c++)
			any = any (grid[n, c] = cell(merge(row_address[r], col_address[c])))
		if (any == "")	# a job that did not run
			n--
	}
	if (!n)
		die("no figures for table '" table "'")
	for (c = 0; c <= cols; c++) {
		if (c && format != "text")
			grid[0, c] = gensub(/\|/, " ", 1, title_of[c])
		else if (c)
			grid[0, c] = gensub(/.*\|/, "", 1, title_of[c])
		for (r = 0; r <= n; r++)
			width[c] = max(width[c], max(1, length(grid[r, c])))
	}
	for (r = 0; r <= n; r++) {
		lower = format == "text" ? sprintf("%-*s", width[0], grid[r, 0]) : "| " gensub(/^ +/, "", 1, grid[r, 0]) " |"
		for (c = 1; c <= cols; c++) {
			if (!r && split(title_of[c], p, "|") == 2 && p[1] != group)
				upper = sprintf("%-*s", length(lower) + 2, upper) (group = p[1])
			lower = lower (format == "text" ? sprintf("  %*s", width[c], grid[r, c] == "" ? "-" : grid[r, c]) : " " grid[r, c] " |")
		}
		if (format == "text" && max(length(upper), length(lower)) > 70)
			die("table '" table "' is too wide for plain text")
		if (!r && upper != "" && format == "text")
			print upper
		print lower
		if (!r && format != "text")
			print gensub(/ [^|]+ \|/, "--:|", "g", gensub(/ [^|]+ /, "---", 1, lower))
	}
}

BEGIN {
	FS = "\t"
	if (ARGC < 2 || table value fill out == "")
		die("usage: figures.awk -v table=NAME|value=ADDRESS|fill=md|fill=txt SUMMARY [FILE]")
	names["anon"] = "anonymous 4K"
	names["thp"] = "THP"
	names["hugetlb"] = "hugetlbfs 2M"
	if (base == "")
		base = split(ARGV[1], dir, "/") > 1 ? dir[length(dir) - 1] : "base"
	if (fill == "txt")
		format = "text"
	begin_mark = fill == "txt" ? "^\\[figures (.*)\\]$" : "^<!-- figures (.*) -->$"
	end_mark = fill == "txt" ? "[end of figures]" : "<!-- end of figures -->"
}

ARGIND == 1 && FNR > 1 {
	key = $1 "/" $2 "/" $3 "/" $4 "/" $5 "/"
	last[key $8] = $7
	if (!((key $8) in first))
		first[key $8] = $7
	if (!(key in first)) {
		first[key] = $7
		count_of[key] = $8
	}
	if (!seen[$1]++ && $1 !~ /^(base|series)$/)
		compared = compared ";" $1 "@" $1 "/////"
	if (!seen[$2, $3, $4]++)
		memory[++memories] = $2 "/" $3 "/" $4
}

ARGIND == 2 {
	where = FILENAME ":" FNR ": "
	if (inside ? $0 ~ begin_mark : $0 == end_mark)
		die("a mark without its other half")
	if (inside && $0 != end_mark)
		next
	inside = 0
	for (line = $0; fill == "md" && match(line, /<!--v ([^>]*)-->[^<]*<!--\/v-->/, mark); line = substr(line, RSTART + RLENGTH)) {
		if ((figure = cell(mark[1])) == "")
			die("no figure '" mark[1] "'")
		printf "%s<!--v %s-->%s<!--/v-->", substr(line, 1, RSTART - 1), mark[1], figure
	}
	if (fill == "md" && line ~ /<!--\/?v[ -]/)
		die("a mark without its other half")
	print line
	if (match($0, begin_mark, mark)) {
		inside = FNR
		table = mark[1]
		print_table()
		table = ""
	}
}

END {
	if (status)
		exit status
	if (inside) {
		where = FILENAME ":" inside ": "
		die("a mark without its other half")
	} else if (table != "") {
		print_table()
	} else if (value != "") {
		if ((figure = cell(value)) == "")
			die("no figure '" value "'")
		print figure
	}
}
