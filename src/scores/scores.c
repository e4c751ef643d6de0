/*
 * scores.c
 *	  Predictions of customer value: a part in SQL, see sql/scores. To the engine, its
 *	  column profiles.scores is a user's column.
 */
#include "workspace/parts.h"

static WorkspaceTable models_table = {.name = "value_models", .guard = GUARD_NONE};
static WorkspaceTable fits_table = {.name = "value_model_fits", .guard = GUARD_NONE};

extern WorkspacePart scores_part;

WorkspacePart scores_part = {
    .name = "scores",
    .tables = (WorkspaceTable *const[]){&models_table, &fits_table, NULL},
};
