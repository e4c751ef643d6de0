/*
 * ids.h
 *	  Sorted arrays of ids.
 */
#ifndef CDP_IDS_H
#define CDP_IDS_H

#include "postgres.h"

/* Sorts ids and drops repeats; returns the number that is left. */
extern int ids_sort(int64 *ids, int n);

/* Whether sorted ids include all of some others. */
extern bool ids_include(const int64 *ids, int n, const int64 *others, int n_others);

#endif /* CDP_IDS_H */
