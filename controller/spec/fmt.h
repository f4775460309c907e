/* One form for YAML files: indentation, quotes, order of an object's keys; comments stay. Pure.
 *
 * In block style with two spaces, lists indented below their key. Lists and maps that were written as
 * [] or {} stay so while their line has 100 columns at most. Texts stand plain where YAML takes them for
 * texts, else in double quotes; quotes stay around what begins with a digit. Literal and folded blocks
 * keep their lines. `apiVersion`, `kind`, `metadata` and `spec` come first, other keys keep their order; of
 * blank lines one is kept.
 *
 * Comments above a key or item stay above it, those behind a value behind it: in their column when
 * the next one has the same, else after one space. */
#pragma once
#include "base/problem.h"

struct arena;

/* Larger ones are refused: the file is held as a tree, which may take fifty times its size. */
enum { FMT_FILE_MIB_MAX = 8 };

/* Appends the file's text in its one form. FALSE, with problems and nothing appended: it is no YAML, or
 * YAML that nodes do not have (anchors, tags, directives). What is appended has been read again: the same
 * nodes, the same comments. Formatting it again gives the same bytes. */
gboolean fmt_yaml(struct arena *a, const char *path, const char *bytes, gsize size, GString *out, struct problems *problems);
