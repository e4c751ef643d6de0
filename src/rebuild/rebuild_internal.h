/*
 * rebuild_internal.h
 *	  What the files of this room share.
 */
#ifndef CDP_REBUILD_INTERNAL_H
#define CDP_REBUILD_INTERNAL_H

#include "rebuild/rebuild.h"

/* The temporary tables of a change of rules, which find what it concerns; those of every rebuild. */
typedef enum WorkTables
{
	WORK_SCOPE,
	WORK_STATE,
	N_WORK_TABLES
} WorkTables;

/*
 * work_tables.c: chooses the tables' names, makes some of them, and in the end drops all that
 * were made. SPI is connected.
 */
extern void work_tables_begin(void);
extern void work_tables_create(WorkTables which);
extern void work_tables_drop(void);

/* What stands at the end of their names. */
extern const char *work_tables_suffix(void);

#endif /* CDP_REBUILD_INTERNAL_H */
