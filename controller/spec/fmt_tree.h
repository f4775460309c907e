/* A YAML file between reading and writing: values with their comments. Only for fmt*.c. */
#pragma once
#include "spec/node.h"
#include <yaml.h>

enum { FMT_INDENT = 2, FMT_WIDTH = 100 };

struct fmt_comment {
	struct fmt_comment *next;
	const char *text; /* with its "#", without space at its end */
	gsize index;      /* in the file, in characters as libyaml counts */
	guint line, column; /* from 0 */
	gboolean has_own_line;
	gboolean after_blank; /* a blank line stands before */
};

struct fmt_comments {
	struct fmt_comment *first, *last;
};

/* Small: a file may have an item every four bytes. */
struct fmt_value {
	guint32 type : 2;      /* enum node_type */
	guint32 plain : 1;     /* NODE_SCALAR */
	guint32 has_lines : 1; /* NODE_SCALAR: written in several, and no block */
	guint32 flow : 1;      /* NODE_LIST, NODE_MAP */
	char block;            /* NODE_SCALAR: '|' or '>', 0 when it is none */
	guint32 n_lines;
	union {
		struct { /* NODE_SCALAR */
			const char *text;
			char **lines; /* of the block: without their indentation */
		};
		struct { /* NODE_LIST, NODE_MAP */
			struct fmt_item *items;
			struct fmt_comments footer; /* behind the last item */
		};
	};
};

/* A value with its key or dash; a document's root has neither. */
struct fmt_item {
	struct fmt_item *next;
	const char *key; /* in maps */
	gboolean is_key_plain;
	gboolean after_blank;
	struct fmt_comments above;
	struct fmt_comment *head; /* behind the key or dash, when the value begins in a later line */
	struct fmt_comment *tail; /* behind the value */
	struct fmt_value value;
};

struct fmt_document {
	struct fmt_document *next;
	gboolean after_blank;
	struct fmt_comment *start; /* behind the "---" */
	struct fmt_comments head, footer;
	struct fmt_item root;
};

/* -- scanning: fmt_scan.c -------------------------------------------------------------------------------- */

struct fmt_mark {
	guint32 index; /* in the file, in characters */
	guint32 line, column;
};

/* What is used of libyaml's event, in a third of its size. */
struct fmt_event {
	const char *text; /* of a scalar */
	struct fmt_mark start, end;
	guint32 type : 5;           /* yaml_event_type_t */
	guint32 style : 4;          /* yaml_scalar_style_t */
	guint32 flow : 1;           /* written as [] or {} */
	guint32 implicit : 1;       /* a document without "---" */
	guint32 has_directives : 1; /* a document with %YAML or %TAG */
};

/* What libyaml's events do not say stands between them. */
struct fmt_source {
	struct arena *arena;
	const char *bytes; /* UTF-8 without byte order mark, lines end with \n */
	gsize size;
	GArray *events;      /* struct fmt_event */
	GPtrArray *comments; /* struct fmt_comment, in order */
	GArray *dashes;      /* struct fmt_mark, of the items of block lists, in order */
	GArray *lines;       /* gsize: the byte at which each line begins */
};

/* FALSE: not readable. fmt_source_clear() in any case. */
gboolean fmt_scan(struct arena *a, const char *bytes, gsize size, struct fmt_source *ret);
void fmt_source_clear(struct fmt_source *s);
/* The line, counted from 0, is there and has only white space. */
gboolean fmt_is_blank(const struct fmt_source *s, guint line);

/* -- reading: fmt_read.c ------------------------------------------------------------------------------------ */

void fmt_append(struct fmt_comments *list, struct fmt_comment *c);
/* Moves all of `from` behind those of `to`. */
void fmt_move(struct fmt_comments *to, struct fmt_comments *from);
/* The documents, in the arena; `ret_rest`: comments of a file without any. */
struct fmt_document *fmt_read(struct arena *a, const struct fmt_source *s, struct fmt_comments *ret_rest);

/* -- writing: fmt_write.c, fmt_text.c ------------------------------------------------------------------------ */

void fmt_write(GString *out, const struct fmt_document *documents, const struct fmt_comments *rest);

/* The text as it stands in a block or flow collection, in one line. */
void fmt_write_text(GString *out, const char *text, gboolean was_plain, gboolean in_flow);
/* Fills .block and .lines of a literal or folded scalar from the lines it was written in (without the
 * line of the "|"); leaves them alone when it is better written in quotes. */
void fmt_read_block(struct arena *a, struct fmt_value *v, char style, const char *raw, gsize size);
/* A long text as a folded block, a part of it in each line. FALSE: it is not made of words and single spaces. */
gboolean fmt_write_folded(GString *out, const char *text, guint indent, guint width, GString *ret_lines);
/* Appends the header and all lines. Returns whether blank lines at its end belong to it. */
gboolean fmt_write_block(GString *out, const struct fmt_value *v, guint indent, GString *ret_lines);
