/* What texts must look like: one row a form, read by decode, explain, schema and the tests alike.
 *
 * A form is a regular expression of the subset that PCRE and ECMA 262 share, so that the JSON Schema's
 * `pattern` is the same one fact. */
#pragma once
#include <glib.h>

struct arena;

enum form_id {
	FORM_LINE, /* one line without control characters, not empty */
	FORM_TEXT, /* any text, several lines; not empty */
	FORM_NAME,
	FORM_TAG,
	FORM_ABSOLUTE_PATH,
	FORM_FILE,
	FORM_TREE_FOLDER,
	FORM_ROOT_PATH,
	FORM_OUTPUT,
	FORM_MOVIE,
	FORM_BLEND,
	FORM_SHA256,
	FORM_URL,
	FORM_REDIS_URL,
	FORM_LIBVIRT_URI,
	FORM_PCI_ADDRESS,
	FORM_PCI_ID,
	FORM_MAC,
	FORM_IP,
	FORM_CIDR,
	FORM_CPU_LIST,
	FORM_DEVICE_NAME,
	FORM_MODULE,
	FORM_KERNEL_ARGUMENT,
	FORM_FREE_SPACE,
	FORM_TIME_OF_DAY,
	FORM_DAYS,
	FORM_ZONE,
	FORM_VERSION,
	FORM_OCTAL_MODE,
	FORM_CURRENCY,
	FORM_REVISION,
	FORM_REASON,
	FORM_TIME,
	N_FORMS,
};

struct form {
	const char *what;    /* "a name" */
	const char *pattern; /* NULL: any line (FORM_LINE), any text (FORM_TEXT) */
	const char *right;   /* what would be right, as "write an absolute path" */
	const char *good[5]; /* the first stands in `explain`; the tests take all */
	const char *bad[10];
	/* TRUE only of texts that match: a loop over plain ones, ten times faster than a match. May be NULL. */
	gboolean (*is_surely)(const char *text);
	/* More about a text that does not match, or NULL for `right`. */
	const char *(*hint)(struct arena *a, const char *text);
};

extern const struct form forms[N_FORMS];

/* NULL when `text` is of that form, else what would be right (static, or from the arena). */
const char *form_check(struct arena *a, enum form_id form, const char *text);

/* Whether a plain scalar of this text is no text to every YAML reader: a number, a truth value or
 * nothing in YAML 1.2's core schema or in YAML 1.1. Such a text has to be quoted to be one. */
gboolean text_is_ambiguous(const char *text);
