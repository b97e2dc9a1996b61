#!/usr/bin/gawk -f
# SPDX-License-Identifier: GPL-2.0
#
# upstream.awk -v base=BASE summary.tsv ...: what 5.10, mainline's kernels and the series cost, as
# Markdown. A row is a metric of a kind of memory, a column a kernel.

BEGIN {
	FS = "\t"
	nr_kinds = split("static\tmem\t2M,static\tmem\t1G,static\tdev\t2M,hugetlb\t-\t2M", tabs, ",")
	names = "device-dax 2M,device-dax 1G,device-dax 2M map=dev,hugetlbfs 2M"
	split(names, kind, ",")
	nr_metrics = split("pin_fast,pin_longterm,pin_slow,unpin,fault,populate,bind,unbind", metric, ",")
	split("pin, fast;pin, long-term, slow;pin, slow;unpin;first touch;MAP_POPULATE;bind;unbind", title, ";")
}

$1 != "kernel" && ($8 == 512 || $5 !~ /^pin_/) {
	if (!($1 in seen)) {
		seen[$1] = 1
		kernel[++n] = $1
	}
	key = $2 "\t" $3 "\t" $4
	if (!(($1, key, $5) in value))
		value[$1, key, $5] = $7
}

function cell(k, key, m,    v)
{
	if (!((k, key, m) in value))
		return ""
	v = value[k, key, m]
	return sprintf(v < 0.095 ? "%.3f" : v < 9.95 ? "%.1f" : "%.0f", v)
}

END {
	# base, the others in the order of their versions, series
	head = "| | " base " |"
	rule = "|---|--:|"
	for (i = 1; i <= n; i++)
		if (kernel[i] != "base" && kernel[i] != "series") {
			other[++nr_others] = kernel[i]
			head = head " " kernel[i] " |"
			rule = rule "--:|"
		}
	print head " " base " with the series |"
	print rule "--:|"
	for (k = 1; k <= nr_kinds; k++)
		for (m = 1; m <= nr_metrics; m++) {
			if (cell("base", tabs[k], metric[m]) == "")
				continue
			line = "| " kind[k] ": " title[m] " | " cell("base", tabs[k], metric[m])
			for (i = 1; i <= nr_others; i++)
				line = line " | " cell(other[i], tabs[k], metric[m])
			print line " | " cell("series", tabs[k], metric[m]) " |"
		}
	print ""
	print "Guest instructions for each 4 KiB, as in table.md, of kernels with the same config,"
	print "compiler, programs and QEMU: Debian's " base " without and with the series, and those of"
	print "other versions as they are."
}
