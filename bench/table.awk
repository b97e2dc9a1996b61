#!/usr/bin/gawk -f
# SPDX-License-Identifier: GPL-2.0
#
# table.awk -v base=BASE summary.tsv: what costs how much on the base and with the series, as
# Markdown. Figures are of pins of 512 pages a call; bench/counts.awk has others.

BEGIN {
	FS = "\t"
	name["hugetlb\t-\t2M"] = "hugetlbfs 2M"
	name["thp\t-\t2M"] = "THP"
	name["anon\t-\t4K"] = "anonymous 4K"
	name["fsdax\tmem\t4K"] = "fsdax"
	nr = split("pin_fast pin_fast_longterm pin_longterm unpin fault populate bind unbind memory", metrics, " ")
}

NR > 1 && ($8 == 512 || $5 !~ /^pin_/) {
	key = $2 "\t" $3 "\t" $4
	if (!(key in seen)) {
		seen[key] = 1
		order[++n] = key
		if (!(key in name))
			name[key] = "device-dax " $4 ", " ($2 == "dynamic" ? $2 : "map=" $3)
	}
	if (!(($1, key, $5) in value))
		value[$1, key, $5] = $7
}

function cell(kernel, key, metric,    v)
{
	if (!((kernel, key, metric) in value))
		return "-"
	v = value[kernel, key, metric]
	return sprintf(v < 0.095 ? "%.3f" : v < 9.95 ? "%.1f" : "%.0f", v)
}

END {
	# what can be told exactly is; MemFree cannot tell the page tables of a memmap
	# that is on the device
	for (i = 1; i <= n; i++)
		if (order[i] ~ /\tdev\t/) {
			delete value["base", order[i], "memory"]
			delete value["series", order[i], "memory"]
		} else if (("series", order[i], "memmap") in value) {
			value["series", order[i], "memory"] = value["series", order[i], "memmap"]
		}
	print "| memory | pin, fast | pin, long-term, fast (RDMA) | pin, long-term, slow | unpin | first touch | MAP_POPULATE | bind | unbind | bytes of memory |"
	print "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
	for (i = 1; i <= n; i++) {
		line = "| " name[order[i]]
		for (j = 1; j <= nr; j++) {
			a = cell("base", order[i], metrics[j])
			b = cell("series", order[i], metrics[j])
			line = line " | " (a == "-" && b == "-" ? "" : a " → " b)
		}
		print line " |"
	}
	print ""
	print base " → with the series: guest instructions for each 4 KiB, and bytes of RAM that binding"
	print "a device takes for each 4 KiB of it; with map=dev the memmap is on the device. Pins are"
	print "of 1 GiB, 512 pages a call, FOLL_WRITE, median of three; first touch and MAP_POPULATE of"
	print "1 GiB, bind and unbind of the whole device, once. A namespace of 1 GiB pages has a part"
	print "that cannot be used, which is bound with it. Instructions are not seconds: a cache miss"
	print "and an atomic operation count as one like any other. They repeat to a thousandth where"
	print "nothing else runs, which seconds under emulation do not."
}
