/* What the host's own /etc/cleave/controller.yaml says, for options that are not given. */
#pragma once
#include "spec/controller.h"

struct local {
	struct arena *arena;
	const struct controller_spec *spec; /* NULL: there is no such file */
	char *warnings;                     /* as `validate` shows them; NULL: none */
};

/* `path` NULL: etc/cleave/controller.yaml below `root`, which need not be there. FALSE with the problems as
 * the error's message. local_clear() in any case. */
gboolean local_read(const char *path, const char *root, struct local *ret, GError **error);
void local_clear(struct local *l);
