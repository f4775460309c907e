/* Where the first commit will go. */
#pragma once
#include "commands/init.h"

/* Before the first file is written. Sets `work_tree`, with a note, when the folder lies in one: a repository
 * within a repository would be seen by neither. */
gboolean init_make_repository(struct init *i, GError **error);
