/* Arguments to kinds and names, names to objects. */
#include "commands/select.h"
#include "base/arena.h"
#include "spec/status.h"
#include "state/state.h"
#include <langinfo.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { TARGETS_MAX = 10000 };

/* -- what is shown on ------------------------------------------------------------------------------------------ */

/* A terminal says how wide it is; where COLUMNS says so, that counts. */
static guint terminal_width(void)
{
	const char *env = g_getenv("COLUMNS");
	struct winsize size;
	if (!isatty(STDOUT_FILENO))
		return 0;
	if (env && *env)
		return (guint)CLAMP(g_ascii_strtoull(env, NULL, 10), 0, 10000);
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

struct report_page command_page(void)
{
	return (struct report_page){ { .colour = command_has_colour() }, terminal_width(), strcmp(nl_langinfo(CODESET), "UTF-8") != 0,
		                     g_get_real_time() / 1000 };
}

/* -- arguments ------------------------------------------------------------------------------------------------- */

static int add_kinds(const struct invocation *in, struct arena *a, guint first, struct targets *ret)
{
	int code = -1;
	char **names = in->args + first + 1;
	g_auto(GStrv) words = g_strsplit(in->args[first], ",", -1);
	guint n_words = g_strv_length(words), n_names = in->n_args - first - 1;
	ret->n = n_words * MAX(n_names, 1);
	if (ret->n > TARGETS_MAX) {
		fprintf(stderr, "cleave: %u names are too many; select by labels, or leave the names out\n", ret->n);
		return EXIT_BAD_USAGE;
	}
	ret->items = ARENA_ARRAY(a, struct target, ret->n);
	for (guint i = 0; i < n_words; i++) {
		const struct kind *kind = command_find_kind(words[i], FALSE, &code);
		if (!kind)
			return code;
		for (guint k = 0; k < MAX(n_names, 1); k++)
			ret->items[i * MAX(n_names, 1) + k] = (struct target){ kind, n_names ? names[k] : NULL };
	}
	return -1;
}

/* "vm/a": a kind, a slash, and the rest is the name. */
static int add_pair(struct arena *a, const char *arg, struct target *ret)
{
	int code = EXIT_BAD_USAGE;
	const char *slash = strchr(arg, '/');
	if (!slash || !slash[1]) {
		fprintf(stderr, "cleave: `%s`: behind KIND/NAME all others are KIND/NAME as well\n", arg);
		return code;
	}
	g_autofree char *word = g_strndup(arg, (gsize)(slash - arg));
	*ret = (struct target){ command_find_kind(word, FALSE, &code), arena_strdup(a, slash + 1) };
	return ret->kind ? -1 : code;
}

int targets_parse(const struct invocation *in, guint first, struct arena *a, struct targets *ret)
{
	int code = -1;
	if (in->n_args <= first)
		return -1;
	if (!strchr(in->args[first], '/'))
		return add_kinds(in, a, first, ret);
	ret->n = in->n_args - first;
	ret->items = ARENA_ARRAY(a, struct target, ret->n);
	for (guint i = 0; i < ret->n && code < 0; i++)
		code = add_pair(a, in->args[first + i], &ret->items[i]);
	return code;
}

/* -- objects --------------------------------------------------------------------------------------------------- */

static gboolean is_name_of(const char *name, const char *id)
{
	const char *slash = strrchr(id, '/');
	return strcmp(name, id) == 0 || (slash && strcmp(name, slash + 1) == 0);
}

gboolean targets_have(const struct targets *t, const char *kind, const char *id)
{
	for (guint i = 0; i < t->n; i++)
		if (strcmp(t->items[i].kind->name, kind) == 0 && (!t->items[i].id || is_name_of(t->items[i].id, id)))
			return TRUE;
	return t->n == 0;
}

/* A worker's labels are words that it registered with. */
static const char *label_of(const struct plan *p, const struct object *o, const char *key)
{
	const struct object *have = o->kind->id == KIND_WORKER ? objects_get(p->have, o->kind->id, o->id) : NULL;
	const struct worker_status *w = have ? have->status : NULL;
	for (guint i = 0; i < o->meta.labels.n; i++)
		if (strcmp(LIST_AT(o->meta.labels, struct label, i)->key, key) == 0)
			return LIST_AT(o->meta.labels, struct label, i)->value;
	for (guint i = 0; w && i < w->labels.n; i++) {
		gsize len = strlen(key);
		const char *word = w->labels.items[i];
		if (strncmp(word, key, len) == 0 && (!word[len] || word[len] == '='))
			return word[len] ? word + len + 1 : "";
	}
	return NULL;
}

/* "key", "!key", "key=value", "key==value", "key!=value". */
static gboolean is_met(const struct plan *p, const struct object *o, const char *term)
{
	gboolean is_not = *term == '!';
	term += is_not;
	const char *end = strpbrk(term, "!=");
	g_autofree char *key = end ? g_strndup(term, (gsize)(end - term)) : g_strdup(term);
	const char *has = label_of(p, o, key);
	if (!end)
		return (has != NULL) != is_not;
	is_not |= *end == '!';
	end += 1 + (*end == '!' || end[1] == '=');
	return (has && strcmp(has, end) == 0) != is_not;
}

static gboolean is_selected(const struct plan *p, const struct object *o, const char *labels)
{
	g_auto(GStrv) terms = g_strsplit(labels ? labels : "", ",", -1);
	for (guint i = 0; terms[i]; i++)
		if (*terms[i] && !is_met(p, o, terms[i]))
			return FALSE;
	return TRUE;
}

/* A job may be named without its project where it is the only one. */
static const char *full_id(const struct plan *p, const struct target *t)
{
	const char *found = NULL;
	for (guint i = 0; i < p->n_verdicts; i++) {
		const struct object *o = p->verdicts[i].object;
		if (o->kind != t->kind || !is_name_of(t->id, o->id))
			continue;
		if (found || strcmp(o->id, t->id) == 0)
			return t->id;
		found = o->id;
	}
	return found ? found : t->id;
}

static int not_found(const struct plan *p, const struct target *t)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new();
	for (guint i = 0; i < p->n_verdicts; i++)
		if (p->verdicts[i].object->kind == t->kind)
			g_ptr_array_add(ids, (gpointer)p->verdicts[i].object->id);
	return command_no_object(t->kind, t->id, ids, p->revision);
}

static struct shown shown_of(const struct verdict *v, const struct conditions *kept)
{
	const struct kept_condition *k = kept ? conditions_find(kept, v->object->kind->name, v->object->id) : NULL;
	/* What the last pass saw may have changed since. */
	gboolean is_same = k && g_strcmp0(k->type, name_of(&readiness_names, (int)v->readiness)) == 0 && g_strcmp0(k->reason, v->reason) == 0;
	return (struct shown){ v, is_same ? k->since_ms : 0, k ? conditions_ready_at(kept, k) : NULL };
}

static guint add_those(const struct target *t, const char *id, const char *labels, const struct plan *p, const struct conditions *kept,
                       struct shown_list *ret)
{
	guint before = ret->n;
	for (guint i = 0; i < p->n_verdicts; i++) {
		const struct object *o = p->verdicts[i].object;
		if ((t && o->kind != t->kind) || (id && strcmp(o->id, id) != 0) || !is_selected(p, o, labels))
			continue;
		((struct shown *)ret->items)[ret->n++] = shown_of(&p->verdicts[i], kept);
	}
	return ret->n - before;
}

int targets_select(const struct targets *t, struct arena *a, const struct plan *p, const struct conditions *kept, struct shown_list *ret)
{
	int code = -1;
	*ret = (struct shown_list){ .plan = p, .items = ARENA_ARRAY(a, struct shown, (gsize)MAX(t->n, 1) * p->n_verdicts) };
	if (!t->n)
		add_those(NULL, NULL, t->labels, p, kept, ret);
	for (guint i = 0; i < t->n; i++) {
		const char *id = t->items[i].id ? full_id(p, &t->items[i]) : NULL;
		if (!add_those(&t->items[i], id, t->labels, p, kept, ret) && id && !t->labels)
			code = not_found(p, &t->items[i]);
		ret->kind = i == 0 || ret->kind == t->items[i].kind ? t->items[i].kind : NULL;
	}
	return code;
}

struct conditions *select_conditions(const struct invocation *in, const struct looked *l)
{
	if (in->have || in->settings.sysfs)
		return conditions_open(NULL);
	g_autofree char *text = l->is_asked ? control_ask(in->settings.state, "conditions", NULL) : NULL;
	return text ? conditions_parse(text) : conditions_open(in->settings.state);
}
