/* Which Blenders this machine has, and how it gets others.
 *
 * In: the programs that the worker was told of, and the archives that tasks name. Out: the program for a version. Those
 * of the machine are asked for their version once; others are unpacked in the cache, side by side, and are held only
 * while they are in use. Called by loop.c. */
#pragma once
#include "queue/task.h"

struct blenders;
struct cache_entry;
struct worker;

/* Asks nobody yet. */
struct blenders *blenders_new(char **programs);
void blenders_free(struct blenders *b);

/* Of this machine's own and of those that were installed since the start; NULL-terminated, valid until the next call. */
const char *const *blenders_versions(struct blenders *b);
/* "3.4" is content with 3.4.1; "" and NULL with any. */
gboolean blenders_suits(const char *version, const char *wanted);

struct blenders_choice {
	char *program;
	char *version;             /* as it told; NULL: it did not */
	char *folder;              /* that it needs to read; NULL: it is the system's */
	struct cache_entry *entry; /* NULL: this machine's own */
};
/* `task` NULL, or without a version: the machine's first. Brings what is not there, if the task says from where; ends
 * early when the worker shall stop or its lease is lost. ERROR_TIMEOUT, interrupted; ERROR_REFUSED, what is named is not
 * this version, for any worker; ERROR_NOT_FOUND, it cannot be had here. */
gboolean blenders_choose(struct worker *w, const struct task *task, struct blenders_choice *ret, GError **error);
void blenders_choice_clear(struct blenders_choice *c);
