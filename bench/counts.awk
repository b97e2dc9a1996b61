#!/usr/bin/gawk -f
# SPDX-License-Identifier: GPL-2.0
#
# counts.awk summary.tsv: what a pin costs by the number of pages a call, on the base
# and with the series, as Markdown.

BEGIN {
	FS = "\t"
	nr = split("1 16 512 4096 262144", counts, " ")
}

NR > 1 && $5 ~ /^pin_/ {
	key = $2 " " $3 " " $4 " | " $5
	sub(/ - /, " ", key)
	if (!(key in seen)) {
		seen[key] = 1
		order[++n] = key
	}
	value[$1, key, $8] = $7
}

function cell(key, count,    a, b)
{
	if (!(("base", key, count) in value) || !(("series", key, count) in value))
		return ""
	a = value["base", key, count]
	b = value["series", key, count]
	return sprintf("%.1f → %.1f (%+.1f %%)", a, b, (b - a) * 100 / a)
}

END {
	print "| memory | call | 1 page | 16 | 512 | 4,096 | 262,144 |"
	print "|---|---|--:|--:|--:|--:|--:|"
	for (i = 1; i <= n; i++) {
		line = "| " order[i]
		for (j = 1; j <= nr; j++)
			line = line " | " cell(order[i], counts[j])
		print line " |"
	}
	print ""
	print "Guest instructions for each page, base → series, by the number of pages a call; of 1 GiB"
	print "for 262,144 pages a call and for pages of 1 GiB, of 128 MiB otherwise. Memory of THP is"
	print "not aligned, and base pages at its ends, which weigh more in 128 MiB than in the 1 GiB of"
	print "table.md."
}
