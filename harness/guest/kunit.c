// SPDX-License-Identifier: GPL-2.0
/*
 * The results of the KUnit suites that ran while the kernel booted, as one list
 * of tests: "ok 3 memremap: pmd_aligned_test". The messages of a failed test
 * follow it as comments.
 */
#include <glob.h>
#include <stdio.h>
#include <string.h>

static const char pattern[] = "/sys/kernel/debug/kunit/*/results";

/*
 * Print the results of a suite, or only return how many it plans. If a test prints
 * much, the log can be too small to hold its result.
 */
static int suite(const char *path, int nr, int plan_only, int *failed)
{
	char line[512], name[64] = "", said[4096] = "", word[8];
	FILE *file = fopen(path, "r");
	int results = 0, planned = 0, number, at;

	if (!file)
		return 0;
	sscanf(path, "/sys/kernel/debug/kunit/%63[^/]", name);
	while (fgets(line, sizeof(line), file)) {
		char *start = line + strspn(line, " ");
		int bad = !strncmp(start, "not ", 4);

		if (sscanf(start, "1..%d", &number) == 1) {
			planned = number;
			continue;
		}
		/* a result of the suite as a whole stands at the margin */
		if (start != line &&
		    sscanf(start + 4 * bad, "%7s %d - %n", word, &number, &at) == 2 &&
		    !strcmp(word, "ok")) {
			results++;
			if (plan_only)
				continue;
			printf("%sok %d %s: %s%s", bad ? "not " : "", nr + results,
			       name, start + 4 * bad + at, said);
			*failed |= bad;
			said[0] = '\0';
		} else if (start[0] && strlen(said) + strlen(start) + 3 < sizeof(said)) {
			strcat(strcat(said, "# "), start);
		}
	}
	fclose(file);
	return plan_only ? planned : results;
}

int main(void)
{
	int nr = 0, failed = 0;
	size_t i;
	glob_t found;

	if (glob(pattern, 0, NULL, &found)) {
		printf("Bail out! no suite was run: %s\n", pattern);
		return 1;
	}
	for (i = 0; i < found.gl_pathc; i++)
		nr += suite(found.gl_pathv[i], 0, 1, &failed);
	printf("KTAP version 1\n1..%d\n", nr);
	for (i = 0, nr = 0; i < found.gl_pathc; i++)
		nr += suite(found.gl_pathv[i], nr, 0, &failed);
	return failed;
}
