/* How hosts boot: a row a family, and what follows from it for a Host. Pure: paths, texts and argument
 * vectors; observe/ looks which family it is, apply/ writes and runs.
 *
 * Only files of cleave's own are written, each whole. Texts have no line break at their end. */
#pragma once
#include "spec/host.h"

struct objects;

/* First line of each file that cleave writes: a file of that name without it is somebody else's. */
#define BOOT_MARK "# Written by cleave; changes made here are lost."
/* Instead of a digest: files were written, and no generator ran for them yet. */
#define BOOT_UNFINISHED "unfinished"

/* What a Host wants of the next boot. */
struct boot_wish {
	struct strings arguments, modules, blacklist;
};

struct boot_file {
	const char *path; /* absolute; NULL ends the table */
	/* Its lines below the mark; nothing to say = nothing appended, and the file is not wanted. */
	void (*append)(GString *out, const struct boot_wish *wish);
	gboolean holds_arguments; /* of this file's lines the ones that cleave has set are known again */
};

enum boot_takes { BOOT_TAKES_NOTHING, BOOT_TAKES_ADDED, BOOT_TAKES_REMOVED };

/* A program that takes the files into the boot. With .takes it gets kernel arguments behind .argv's last
 * word, and does not run when there are none. */
struct boot_program {
	const char *argv[5];
	enum boot_takes takes;
};

enum { BOOT_SIGNS = 4, BOOT_WAYS = 4, BOOT_FILES = 4, BOOT_PROGRAMS = 4 };

struct boot_family {
	const char *name, *doc;
	const char *signs[BOOT_SIGNS][BOOT_WAYS]; /* of each row one path is there */
	struct boot_file files[BOOT_FILES];
	struct boot_program programs[BOOT_PROGRAMS];
	/* The arguments are cleave's to remove only if it has set them: they are in a file beside, since the
	 * program that sets them does not tell whose they are. */
	gboolean sets_arguments_by_program;
	gboolean takes_arguments; /* else a person sets them */
	const char *arguments_by_hand; /* a phrase around "%s" */
	const char *after_arguments, *after_blacklist; /* what a person does behind a change; NULL = nothing */
};

/* The first row whose signs are there is the host's family; the last has no name: not known. */
extern const struct boot_family boot_families[];

/* The row of that name; of NULL or an unknown name the last one. */
const struct boot_family *boot_family_find(const char *name);
/* All files that any row writes, each once: struct boot_file without .append. */
const char **boot_all_paths(struct arena *a);

/* Whether it means the same to GRUB, grubby and the shells that read their files: no quote, `$`, `;`, `*`. Nor may
 * it begin with a dash: "--" ends the kernel's arguments. */
gboolean boot_argument_is_plain(const char *argument);
/* What of the Host's wishes this family's files can say. *ret_by_hand gets the other arguments. */
struct boot_wish boot_wish_of(struct arena *a, const struct boot_family *family, const struct host_spec *host,
                              const struct host_status *have, struct strings *ret_by_hand);
/* The files as they should be (struct host_drop_in). */
struct list boot_files(struct arena *a, const struct boot_family *family, const struct boot_wish *wish);
/* What stands for a set of files: equal for equal files. */
char *boot_digest(struct arena *a, const struct list *files);
/* Programs to run, in order, as a list of `const char **`; `former` are the arguments that were set before. */
struct list boot_commands(struct arena *a, const struct boot_family *family, const struct boot_wish *wish,
                          const struct strings *former);
/* What is in the drop-in of that path; NULL = it is not there. */
const char *boot_text_at(const struct host_status *have, const char *path);
char *boot_command_text(struct arena *a, const char *const *argv);
/* What a person has to do for these, as a phrase. */
char *boot_by_hand(struct arena *a, const struct boot_family *family, const struct boot_wish *wish);

/* Whether the running kernel was given the argument, as a whole word; '-' and '_' are one in names. */
gboolean cmdline_has(const char *cmdline, const char *argument);
/* '-' and '_' are one in names of modules. */
gboolean modules_have(const struct strings *modules, const char *name);
/* What the host should have loaded: its modules, and vfio-pci when a card of it is handed to VMs. */
struct strings host_wanted_modules(struct arena *a, const struct objects *want, const char *host);
gboolean strings_have(const struct strings *s, const char *text);
/* "a, b and c". */
char *strings_join(struct arena *a, const struct strings *s, const char *between);
