# SPDX-License-Identifier: GPL-2.0
#
# The pictures that "plots" draws; figures.awk reads SUMMARY. A browser asks the reader's system,
# and not the page around the picture, what is dark: each colour is readable on both.

function svg(s)
{
	print s >file
}

function begin(name, height, title, subtitle)
{
	file = out "/" name ".svg"
	printf "" >file
	svg("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"" height "\" viewBox=\"0 0 760 " height "\" role=\"img\">")
	svg("<title>" title "</title>")
	svg("<style>")
	svg("text { font: 12px system-ui, sans-serif; fill: #6e7781 } .title { font-size: 16px } .title, .bold { font-weight: 600 }")
	svg("path { fill: none; stroke: #8c959f; stroke-opacity: .35 } .line { stroke-width: 2.5; stroke-opacity: 1 } .dashed { stroke-dasharray: 7 4 }")
	svg(".old { fill: #6e7781 } .other { fill: #3b7dc4 } .new { fill: #c75b08 }")
	svg(".line.old { stroke: #6e7781 } .line.other { stroke: #3b7dc4 } .line.new { stroke: #c75b08 } .line.line { fill: none }")
	svg("@media (prefers-color-scheme: dark) { text, .old { fill: #9198a1 } .other { fill: #5a9ee6 } .new { fill: #f0863a } " \
	    ".line.old { stroke: #9198a1 } .line.other { stroke: #5a9ee6 } .line.new { stroke: #f0863a } }")
	svg("</style>")
	text(10, 24, title, "title")
	text(10, 44, subtitle)
}

function text(x, y, s, class, anchor)
{
	svg(sprintf("<text x=\"%.1f\" y=\"%.1f\"%s%s>%s</text>", x, y, class ? " class=\"" class "\"" : "", anchor ? " text-anchor=\"" anchor "\"" : "", s))
}

function path(d, class)
{
	svg("<path" (class ? " class=\"" class "\"" : "") " d=\"" d "\"/>")
}

# Where V is on a logarithmic axis from LO to HI, which are at A and B.
function at(v, lo, hi, a, b)
{
	return a + (b - a) * log(v / lo) / log(hi / lo)
}

function need(address)
{
	if (get(address) == "")
		die("no figure '" address "'")
	return get(address)
}

function kernels_svg(    n, m, i, j, x, y, w, label, p, ids, id, class, address)
{
	n = split("pin_user_pages_fast()@pin_fast/512;pin_user_pages() with FOLL_LONGTERM@pin_longterm/512;unpin_user_pages()@unpin/;MAP_POPULATE@populate/;bind the device@bind/;unbind the device@unbind/;VFIO map@vfio_map/;RDMA: ibv_reg_mr()@rdma_reg/", label, ";")
	m = split(base "@base/////" compared ";" base " with the queue@series/////", ids, ";")
	begin("kernels", 106 + (m * 16 + 28) * n / 2, "Cost per 4 KiB of device-dax memory, by kernel", "Pages of 2 MiB, map=mem. Logarithmic: each line is ten times the one before it. Shorter is better.")
	for (i = 1; i <= n; i++) {
		split(label[i], p, "@")
		x = i % 2 ? 10 : 390
		y = 76 + int((i - 1) / 2) * (m * 16 + 28)
		text(x, y, p[1], "bold")
		for (w = 1; w <= 1000; w *= 10) {
			path(sprintf("M%.1f %.1fV%.1f", at(w, 1, 1000, x + 125, x + 310), y + 6, y + 10 + m * 16))
			if (i > n - 2)
				text(at(w, 1, 1000, x + 125, x + 310), y + 23 + m * 16, w, "", "middle")
		}
		if (i > n - 2)
			text(x + 217, y + 40 + m * 16, "guest instructions per 4 KiB", "", "middle")
		for (j = 1; j <= m; j++) {
			split(ids[j], id, "@")
			class = id[1] == base ? "old" : id[1] ~ / queue$/ ? "new" : "other"
			text(x + 119, y + 4 + j * 16, id[1], class, "end")
			address = merge(id[2], "/static/mem/2M/" p[2])
			w = at(max(1, get(address)), 1, 1000, 0, 185)
			svg(sprintf("<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"11\"/>", class, x + 125, y - 5 + j * 16, w))
			text(x + 130 + w, y + 4 + j * 16, cell(address) == "" ? "not measured" : cell(address), cell(address) == "" ? "" : class)
		}
	}
	svg("</svg>")
}

function x_of(v)
{
	return at(v, panel["x1"], panel["xn"], panel["left"], panel["right"])
}

function y_of(v)
{
	return at(v, panel["y1"], panel["yn"], 350, 90)
}

# A panel of logarithmic axes from their first to their last tick, "label@value;...".
function axes(left, right, x_ticks, y_ticks, x_title, y_title,    axis, n, i, t, p)
{
	panel["left"] = left
	panel["right"] = right
	for (axis = 1; axis <= 2; axis++) {
		n = split(axis == 1 ? x_ticks : y_ticks, t, "[@;]") / 2
		panel[(axis == 1 ? "x" : "y") 1] = t[2]
		panel[(axis == 1 ? "x" : "y") "n"] = t[2 * n]
		for (i = 1; i <= n; i++) {
			p = axis == 1 ? x_of(t[2 * i]) : y_of(t[2 * i])
			path(axis == 1 ? sprintf("M%.1f 90V350", p) : sprintf("M%.1f %.1fH%.1f", left, p, right))
			text(axis == 1 ? p : left - 6, axis == 1 ? 367 : p + 4, t[2 * i - 1], "", axis == 1 ? "middle" : "end")
		}
	}
	text((left + right) / 2, 386, x_title, "", "middle")
	text(left, 80, y_title, "bold")
}

function calls_svg(    n, m, i, j, line, p, count, d, v)
{
	table = "counts"
	begin("pages-per-call", 400, "What pin_user_pages_fast() costs, by the number of pages per call", "Device-dax with pages of 2 MiB and 1 GiB, and anonymous memory. Logarithmic axes. Lower is better.")
	axes(56, 560, "1@1;16@16;512@512;4,096@4096;262,144@262144", "1@1;10@10;100@100;1000@1000", "pages per call", "guest instructions per page of 4 KiB")
	m = split("1 16 512 4096 262144", count, " ")
	n = split("base/anon/-/4K@other;series/anon/-/4K@other@anonymous, both@-5;base/static/mem/1G@old dashed;base/static/mem/2M@old@2M and 1G, " base "@14;series/static/mem/2M@new@2M, with the queue@-3;series/static/mem/1G@new dashed@1G, with the queue@14", line, ";")
	for (i = 1; i <= n; i++) {
		delete p
		split(line[i], p, "@")
		d = ""
		for (j = 1; j <= m; j++) {
			v = need(p[1] "/pin_fast/" count[j])
			d = d sprintf("%s%.1f %.1f", j == 1 ? "M" : "L", x_of(count[j]), y_of(v))
		}
		path(d, "line " p[2])
		if (p[3] != "")
			text(567, y_of(v) + p[4], p[3] ": " cell(p[1] "/pin_fast/" count[m]), gensub(/ .*/, "", 1, p[2]))
	}
	text(68, y_of(get("series/static/mem/2M/pin_fast/1")) - 1, "2M, 1 page per call: " cell("both/static/mem/2M/pin_fast/1"), "new")
	svg("</svg>")
}

# What METRIC comes to for devices of 1 GiB to 4 TiB; SHOW is how its end is written.
function scaled(metric, show,    n, i, line, p, v, pages, end)
{
	n = split("base/dynamic/mem/2M@old@" base ";series/dynamic/mem/2M@new@queue, 2M;series/dynamic/mem/1G@new dashed@queue, 1G", line, ";")
	for (i = 1; i <= n; i++) {
		split(line[i], p, "@")
		v = need(p[1] "/" metric "/") * 262144
		pages = count_of[p[1] "/bind/"]
		path(sprintf("M%.1f %.1fL%.1f %.1f", x_of(1), y_of(v), x_of(4096), y_of(v * 4096)), "line " p[2])
		svg(sprintf("<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\"/>", gensub(/ .*/, "", 1, p[2]), x_of(pages / 262144), y_of(v * pages / 262144)))
		end = show == "size" ? size(v * 4096) : sprintf("%.2g billion", v * 4096 / 1e9)
		text(x_of(4096) + 7, y_of(v * 4096) + 4, p[3] ": " end, gensub(/ .*/, "", 1, p[2]))
	}
}

function memmap_svg(    x_ticks)
{
	begin("memmap", 400, "What the struct pages of a dynamic device-dax device cost, by its size", "Dots are measured. Lines are scaled from them to other sizes. Logarithmic axes. Lower is better.")
	x_ticks = "1 GiB@1;16 GiB@16;256 GiB@256;4 TiB@4096"
	axes(60, 245, x_ticks, "16 KiB@16384;1 MiB@1048576;64 MiB@67108864;4 GiB@4294967296;256 GiB@274877906944", "size of the device", "RAM of the memmap")
	scaled("ram", "size")
	axes(456, 606, x_ticks, "0.1 million@1e5;10 million@1e7;1 billion@1e9;100 billion@1e11", "size of the device", "guest instructions to bind it")
	scaled("bind")
	svg("</svg>")
}

END {
	kernels_svg()
	calls_svg()
	table = ""
	if (get("series/dynamic/mem/2M/ram/") != "")
		memmap_svg()
}
