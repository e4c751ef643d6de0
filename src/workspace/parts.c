/*
 * parts.c
 *	  The registry of parts. It numbers their tables, indexes and values, so that a
 *	  workspace and an engine run can keep an array of each.
 */
#include "workspace/parts.h"

#include "workspace/tables.h"

#define MAX_TABLES 100
#define MAX_INDEXES 50

int n_workspace_tables = 0;
int n_workspace_indexes = 0;
int n_profile_values = 0;
int n_workspace_parts = 0;

static WorkspaceTable *tables[MAX_TABLES];
static WorkspaceIndex *indexes[MAX_INDEXES];
static ProfileValue *values[MAX_PROFILE_VALUES];

WorkspaceTable *
workspace_table_of(int number)
{
	return tables[number];
}

WorkspaceIndex *
workspace_index_of(int number)
{
	return indexes[number];
}

ProfileValue *
profile_value_of(int number)
{
	return values[number];
}

static void
register_part(WorkspacePart *part)
{
	part->number = n_workspace_parts++;
	for (int i = 0; part->tables != NULL && part->tables[i] != NULL; i++)
	{
		if (n_workspace_tables == MAX_TABLES)
			elog(ERROR, "too many tables");
		part->tables[i]->number = n_workspace_tables;
		tables[n_workspace_tables++] = part->tables[i];
	}
	for (int i = 0; part->indexes != NULL && part->indexes[i] != NULL; i++)
	{
		if (n_workspace_indexes == MAX_INDEXES)
			elog(ERROR, "too many indexes");
		part->indexes[i]->number = n_workspace_indexes;
		indexes[n_workspace_indexes++] = part->indexes[i];
	}
	if (part->value != NULL)
	{
		if (n_profile_values == MAX_PROFILE_VALUES)
			elog(ERROR, "too many values of profiles");
		part->value->number = n_profile_values;
		values[n_profile_values++] = part->value;
		tables_add_value(part->value);
	}
}

void
parts_register(void)
{
	WorkspacePart *part;

	FOREACH_PART (part)
		register_part(part);
}
