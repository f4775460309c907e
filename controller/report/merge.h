/* Plans for those who read merge requests and CI jobs: Markdown, GitHub's annotations, JUnit. Pure.
 *
 * What these write leaves the host for pages that anybody of the project reads: names and values of specs cannot break
 * out of their place, wake people up (@name) or be taken for links, and what looks like a secret is masked. */
#pragma once
#include "plan/plan.h"
#include "plan/preflight.h"
#include "report/report.h"

/* Plans of one or several hosts, in order of their names. */
struct report_plans {
	const struct plan *const *items;
	guint n;
	const char *from; /* the revision that they begin at; NULL: what was observed */
};

enum { REPORT_MARKDOWN_MAX = 60000 }; /* bytes; a comment on GitHub holds 65,536 characters */

/* Under REPORT_MARKDOWN_MAX bytes, however much there is: what is left out is counted. */
void report_plans_markdown(GString *out, const struct report_plans *p);
/* A line for each object with actions, refusals or troubles, at its place in the specs. */
void report_plans_github(GString *out, const struct report_plans *p);
/* A case for each object; refused and stalled ones fail. */
void report_plans_junit(GString *out, const struct report_plans *p);
/* A case for each file; `paths` are all that were read. */
void report_problems_junit(GString *out, const struct problems *problems, const char *const *paths, guint n_paths);
/* A case for each finding. */
void report_preflight_junit(GString *out, const struct preflight *p);

/* -- what they share (merge_order.c, merge_text.c) -------------------------------------------------------------------------- */

/* Valid UTF-8 in one line: control characters and those that turn the direction of text are U+FFFD; cut after `most`
 * characters; what looks like a secret, or belongs to a field called like one (`field` NULL: none), is "(masked)".
 * g_free(). */
char *merge_line(const char *text, const char *field, guint most);
/* As text of Markdown and HTML that is nothing but text. */
void merge_put_text(GString *out, const char *line);
/* The same as <code>: nothing in it is a mention, a reference or a link. */
void merge_put_code(GString *out, const char *line);
/* Of XML: text, or the value of an attribute in double quotes. */
void merge_put_xml(GString *out, const char *line);
/* "9,214" */
char *merge_number(guint64 n);
/* The message of GitHub's annotation commands, and their properties, where `:` and `,` have a meaning as well. */
void merge_put_command(GString *out, const char *text, gboolean is_property);

/* The actions of a plan, those of an object one after the other. */
struct merge_order {
	const struct plan *plan;
	guint *first, *next; /* of each action: its object's first, and its next one; .n_actions: there is none */
};
struct merge_order merge_order_new(const struct plan *p);
void merge_order_clear(struct merge_order *o);
/* "stop-vm [vm-restart], define-vm": all of the object whose first action it is. */
void merge_put_verbs(GString *out, const struct merge_order *o, guint first);
/* Nothing is wrong with it: `reconcile` says that it is only looked at. */
gboolean merge_is_only_told(const struct verdict *v);
