/* The loop around source/push.h. What is pushed has been read back and checked as a whole: nobody breaks the farm
 * with `cleave waive`. */
#include "commands/proposal.h"
#include "base/arena.h"
#include "report/report.h"
#include "source/push.h"
#include "source/remote.h"
#include "spec/controller.h"
#include "spec/edit.h"
#include "spec/kinds.h"
#include <stdio.h>
#include <string.h>

enum { TRIES_MAX = 10, PAUSE_MS = 50 };

/* DIR-or-repository[@BRANCH], or URL[@BRANCH]. */
static struct push *open_text(const char *text, GError **error)
{
	struct remote remote;
	if (remote_parse(text, &remote)) {
		struct push *p = push_new(remote.url, remote.rev, error);
		remote_clear(&remote);
		return p;
	}
	const char *at = strrchr(text, '@');
	g_autofree char *left = at ? g_strndup(text, (gsize)(at - text)) : NULL;
	gboolean has_branch = at && !g_file_test(text, G_FILE_TEST_EXISTS) && g_file_test(left, G_FILE_TEST_EXISTS);
	return push_new(has_branch ? left : text, has_branch ? at + 1 : NULL, error);
}

/* Without --specs, outside of a clone: what the controller of this host works with, as for the commands that look. */
struct push *proposal_open(const struct invocation *in, GError **error)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) problem = NULL;
	struct push *p = open_text(in->settings.specs, &problem);
	const char *source = p || in->settings.specs_given ? NULL : look_source_of_controller(a, in->settings.state);
	if (!p && source)
		return open_text(source, error);
	if (!p && !in->settings.specs_given)
		fail(error, ERROR_INVALID, "which repository? Say --specs, or stand in a clone of it: %s", problem->message);
	else if (!p)
		g_propagate_error(error, g_steal_pointer(&problem));
	return p;
}

static void print_problems(const struct wanted *w)
{
	g_autoptr(GString) text = g_string_new(NULL);
	report_problems_text(text, &w->problems, wanted_find_text, (void *)w);
	fputs(text->str, stderr);
}

gboolean proposal_refuse_tip(const struct proposal_tip *tip)
{
	fputs("cleave: the branch is not valid as it is, and nothing can be added until that is mended:\n", stderr);
	print_problems(tip->wanted);
	return FALSE;
}

/* The tree as it would be. FALSE without an error: it is not valid, and that was said. */
static gboolean check(struct arena *a, const struct settings *settings, const char *tip, GError **error)
{
	struct settings its = *settings;
	struct wanted after = { 0 };
	its.specs = tip;
	struct session *session = session_new(&its);
	gboolean ok = session_want(session, a, &after, error);
	if (ok && after.problems.n_errors) {
		print_problems(&after);
		ok = FALSE;
	}
	wanted_clear(&after);
	session_free(session);
	return ok;
}

static gboolean commit(struct push *p, const struct proposal *change, GError **error)
{
	return change->tree_of ? push_restore(p, change->tree_of, change->subtree, change->message, error)
	                       : push_commit(p, change->path, change->bytes, change->size, change->message, error);
}

/* One try on the tip that was fetched. */
static gboolean try_once(const struct invocation *in, struct push *p, proposal_make make, void *user, struct proposal_done *ret,
                         GError **error)
{
	SCOPED_ARENA(a);
	struct settings settings = in->settings;
	struct wanted wanted = { 0 };
	struct proposal change = { 0 };
	settings.specs = push_tip(p);
	settings.worktree = FALSE;
	struct session *session = session_new(&settings);
	gboolean ok = session_want(session, a, &wanted, error);
	const struct proposal_tip tip = { a, &settings, &wanted, p };
	ok = ok && make(user, &tip, &change, error) && commit(p, &change, error) && check(a, &settings, push_tip(p), error);
	if (ok) {
		g_free(ret->path);
		ret->path = g_strdup(change.path);
	}
	wanted_clear(&wanted);
	session_free(session);
	return ok;
}

gboolean proposal_push(const struct invocation *in, proposal_make make, void *user, struct proposal_done *ret, GError **error)
{
	*ret = (struct proposal_done){ 0 };
	struct push *p = proposal_open(in, error);
	gboolean ok = p != NULL;
	for (guint n = 1; ok; n++) {
		g_autoptr(GError) moved = NULL;
		ok = push_fetch(p, error) && try_once(in, p, make, user, ret, error);
		if (!ok || push_send(p, &moved))
			break;
		gboolean has_moved = g_error_matches(moved, CLEAVE_ERROR, ERROR_EXISTS);
		ok = has_moved && n < TRIES_MAX;
		if (!ok && has_moved) /* to callers ERROR_EXISTS says that there is nothing to change */
			fail(error, ERROR_AWAY, "%s; nothing was changed after %d tries", moved->message, TRIES_MAX);
		else if (!ok)
			g_propagate_error(error, g_steal_pointer(&moved));
		else
			g_usleep(PAUSE_MS * 1000 * n + (gulong)g_random_int_range(0, PAUSE_MS * 1000));
	}
	if (ok)
		ret->commit = g_strdup(push_commit_id(p));
	if (p) {
		ret->url = g_strdup(push_url(p));
		ret->branch = g_strdup(push_branch(p));
	}
	push_free(p);
	return ok;
}

void proposal_done_clear(struct proposal_done *d)
{
	char *texts[] = { d->commit, d->url, d->branch, d->path };
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	*d = (struct proposal_done){ 0 };
}

/* A change is pushed to the main repository alone. Who only looks has no settings to push with. */
static const char *hint_sources(const struct proposal_tip *tip)
{
	const struct controller_spec *local = tip->settings ? tip->settings->local : NULL;
	return local && local->sources.n ? "; what another source of this host's controller.yaml holds is changed in its own repository, with git" : "";
}

const struct object *proposal_find(const struct proposal_tip *tip, enum kind_id kind, const char *name, GError **error)
{
	g_autofree char *several = NULL;
	const struct object *found = objects_find(tip->wanted->objects, kind, name, &several);
	if (several)
		fail(error, ERROR_INVALID, "%s is a job of several projects: %s; write PROJECT/NAME", name, several);
	else if (!found)
		fail(error, ERROR_NOT_FOUND, "there is no %s %s in the specs; `cleave get %s` lists them%s", kinds[kind].name, name,
		     kind == KIND_RENDERJOB ? "jobs" : kinds[kind].plural, hint_sources(tip));
	return found;
}

static gboolean set(const struct proposal_tip *tip, const struct object *o, struct edit e, struct proposal *ret, GError **error)
{
	gsize size = ret->size;
	const char *bytes = ret->bytes, *problem;
	if (!bytes)
		bytes = wanted_find_text((void *)tip->wanted, o->place.path, &size);
	if (!bytes)
		return fail(error, ERROR_FAILED, "%s cannot be read again", o->place.path);
	e.bytes = arena_strndup(tip->arena, bytes, size);
	e.size = size;
	e.line = o->place.line;
	e.fields = o->kind->spec_fields;
	const char *text = edit_set(tip->arena, &e, &problem);
	if (!text)
		return fail(error, ERROR_REFUSED, "%s: %s; write it by hand", o->place.path, problem);
	if (strcmp(text, e.bytes) == 0)
		return fail(error, ERROR_EXISTS, "%s says so already", o->place.path);
	ret->path = o->place.path;
	ret->bytes = text;
	ret->size = strlen(text);
	return TRUE;
}

gboolean proposal_set(const struct proposal_tip *tip, const struct object *o, const char *const *keys, const char *value,
                      struct proposal *ret, GError **error)
{
	return set(tip, o, (struct edit){ .keys = keys, .value = value }, ret, error);
}

gboolean proposal_set_map(const struct proposal_tip *tip, const struct object *o, const char *const *keys,
                          const struct edit_member *members, struct proposal *ret, GError **error)
{
	return set(tip, o, (struct edit){ .keys = keys, .members = members }, ret, error);
}

int proposal_report(const struct invocation *in, const struct proposal_done *d, const char *sentence)
{
	g_autoptr(GString) text = g_string_new(NULL);
	gboolean is_whole = g_strcmp0(d->path, ".") == 0; /* all of the tree: no file to name */
	if (in->output == OUTPUT_JSON)
		report_change_json(text, d->commit, d->branch, d->path);
	else if (d->commit)
		g_string_append_printf(text, "%s: %s@%.12s%s%s\n", sentence, d->branch, d->commit, is_whole ? "" : ", ", is_whole ? "" : d->path);
	else
		g_string_append_printf(text, "%s already\n", sentence);
	return command_print(text) ? EXIT_FINE : EXIT_FAILED;
}
