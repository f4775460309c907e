/* Says the language itself: JSON Schema, explanations and the reference, all made from the field tables.
 * Pure: appends to a string; who calls prints. */
#pragma once
#include "spec/kinds.h"

/* JSON Schema 2020-12 of one kind's documents, or (NULL) of all kinds'. It takes what the decoder takes,
 * but for what no schema can say: frame ranges that go down or overlap, names given twice in a list, more
 * than six decimals. Keys that the Farm's defaults may give are not required in the object. */
void report_schema(GString *out, const struct kind *kind);

/* Explains "KIND", "KIND.key.key", a rule's name, or "rules"; NULL lists the kinds.
 * ERROR_USAGE when there is no such thing; the message says what there is. */
gboolean report_explain(GString *out, const char *what, gboolean as_json, GError **error);

/* What the reference tells of the command line, whose tables lie above this folder. */
struct reference_command {
	const char *name, *arguments, *summary;
};
struct reference_exit {
	int code;
	const char *doc;
};
struct reference {
	const struct reference_command *commands;
	guint n_commands;
	const struct reference_exit *exits;
	guint n_exits;
};

/* specs/README.md. */
void report_reference(GString *out, const struct reference *r);
