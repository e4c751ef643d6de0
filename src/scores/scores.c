/*
 * scores.c
 *	  Predictions of customer value: a part in SQL, see sql/scores. Its column
 *	  profiles.scores is the users' to the engine.
 */
#include "workspace/parts.h"

static WorkspaceTable models_table = {.name = "value_models", .guard = GUARD_NONE};
static WorkspaceTable fits_table = {.name = "value_model_fits", .guard = GUARD_NONE};

extern WorkspacePart scores_part;

WorkspacePart scores_part = {
    .name = "scores",
    .tables = (WorkspaceTable *const[]){&models_table, &fits_table, NULL},
};
