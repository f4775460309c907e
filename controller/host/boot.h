/* What the host says of its modules and its next boot, and cleave's record of what was taken into it.
 *
 * The record lies below the root, not in a controller's state folder: a host has one next boot, whoever
 * works on it. Texts are as the files have them. */
#pragma once
#include "host/tree.h"

#define BOOT_RECORD "var/lib/cleave/boot"

struct boot_record {
	const char *generated; /* NULL: there is no record, or only root may read it */
	/* Kernel arguments that were set by a program, also those taken back since this boot: the running kernel has
	 * them from cleave. NULL at the end. */
	char **arguments;
};

void boot_record_read(struct arena *a, const struct host_tree *t, struct boot_record *ret);
/* The text of a record, to be written as a whole; lists end with NULL. `former` are taken back: they count until
 * the next boot. */
char *boot_record_text(struct arena *a, const struct host_tree *t, const char *generated, const char *const *arguments,
                       const char *const *former);

/* Names in modprobe.d and on the kernel's command line that no alias loads (`blacklist`) or that no one can
 * load (`install NAME /bin/false`); sorted, each once, NULL at the end. modprobe.d(5), and kernel-parameters. */
char **host_blacklisted(struct arena *a, const struct host_tree *t);
/* Whether the running kernel has the module: loaded, built in or as a file. TRUE also when it does not tell. */
gboolean host_has_module(const struct host_tree *t, const char *name);
/* Whether it is loaded or built in. */
gboolean host_has_loaded(const struct host_tree *t, const char *name);
