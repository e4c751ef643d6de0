/*
 * union_find.h
 *	  Disjoint sets of numbers: each has a parent, a root is its own.
 */
#ifndef CDP_UNION_FIND_H
#define CDP_UNION_FIND_H

/*
 * Makes the variable i the root of its set, and shortens the way to it.
 * PARENT(i) is the place where i's parent is kept.
 */
#define UNION_FIND_ROOT(i, PARENT)                                                                 \
	do                                                                                             \
	{                                                                                              \
		while (PARENT(i) != (i))                                                                   \
		{                                                                                          \
			PARENT(i) = PARENT(PARENT(i));                                                         \
			(i) = PARENT(i);                                                                       \
		}                                                                                          \
	} while (0)

#endif /* CDP_UNION_FIND_H */
