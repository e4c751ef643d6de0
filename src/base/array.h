/*
 * array.h
 *	  Arrays that grow by doubling.
 */
#ifndef CDP_ARRAY_H
#define CDP_ARRAY_H

#include "postgres.h"

#include "utils/memutils.h"

/* The capacity of an array after it grows for the first time. */
#define ARRAY_MIN 8

/* Makes room for one more element of an array that has n of max; null at first, made in context. */
#define ARRAY_GROW(context, array, n, max)                                                         \
	do                                                                                             \
	{                                                                                              \
		if ((n) == (max))                                                                          \
		{                                                                                          \
			int new_max_ = Max(ARRAY_MIN, (max) *2);                                               \
			Size size_ = sizeof(*(array)) * (Size) new_max_;                                       \
			(array) = (array) == NULL ? MemoryContextAllocHuge(context, size_)                     \
			                          : repalloc_huge(array, size_);                               \
			(max) = new_max_;                                                                      \
		}                                                                                          \
	} while (0)

#endif /* CDP_ARRAY_H */
