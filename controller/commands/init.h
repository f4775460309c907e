/* What `cleave init` writes, before it is written: files with their texts. */
#pragma once
#include "commands/command.h"

struct init_file {
	const char *path; /* below the folder */
	const char *text;
	const char *what; /* said behind its name; may be NULL */
	gboolean is_executable;
};

struct init {
	struct arena *arena;
	const char *folder;
	const char *work_tree; /* the folder lies in it, and is no repository itself; else NULL */
	GArray *files;  /* struct init_file */
	GString *notes; /* what could not be looked at, a line each */
};

/* The document as a comment: what is a comment already stays as it is. */
const char *init_commented(struct arena *a, const char *text);
/* The sample of specs/ with that name, as it stands there. */
const char *init_sample(struct arena *a, const char *name);

/* Looks at this host and adds farm.yaml, hosts/, gpus/ and vms/. Nothing is written yet. */
gboolean init_add_host(struct init *i, const struct settings *settings, GError **error);
