/* Controller: what one host's controller may do. It lies on the host (/etc/cleave/controller.yaml), not
 * in git: git can only narrow it. */
#pragma once
#include "spec/field.h"

struct controller_source {
	const char *name, *repository, *ref, *path;
	struct strings kinds, projects; /* what it may contain; empty = anything */
	const char *allowed_signers_file, *keyring_file;
};

struct controller_owner {
	const char *author; /* as the signature says: an address or key name */
	struct strings kinds, projects, hosts;
};

struct controller_paths {
	struct strings images, kernels, roms, shares, outputs, secrets; /* absolute folders */
};

struct controller_ceilings {
	gint64 max_delete, max_restart, max_render, max_data_loss;
};

struct controller_spec {
	const char *host, *repository, *ref, *state;
	gint64 interval_ms;
	guint64 sweep_bytes; /* a second */
	const char *metrics_file;
	struct list sources; /* struct controller_source */
	const char *allowed_signers_file, *keyring_file;
	struct list owners; /* struct controller_owner */
	struct controller_paths paths;
	struct controller_ceilings ceilings;
};

extern const struct field controller_fields[];
