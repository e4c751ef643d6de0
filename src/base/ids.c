/*
 * ids.c
 *	  Sorted arrays of ids.
 */
#include "base/ids.h"

static int
compare_ids(const void *a, const void *b)
{
	int64 x = *(const int64 *) a;
	int64 y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

int
ids_sort(int64 *ids, int n)
{
	int distinct = 0;

	if (n > 1)
		qsort(ids, n, sizeof(int64), compare_ids);
	for (int i = 0; i < n; i++)
		if (i == 0 || ids[i] != ids[distinct - 1])
			ids[distinct++] = ids[i];
	return distinct;
}

bool
ids_include(const int64 *ids, int n, const int64 *others, int n_others)
{
	for (int i = 0; i < n_others; i++)
		if (n == 0 || bsearch(&others[i], ids, n, sizeof(int64), compare_ids) == NULL)
			return false;
	return true;
}
