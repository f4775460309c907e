/* Words of the command line. */
#include "commands/whom.h"
#include "base/arena.h"
#include "base/units.h"
#include "source/push.h"
#include "spec/form.h"
#include "spec/vm_history.h"
#include <stdio.h>
#include <string.h>

static int which(const struct invocation *in)
{
	fprintf(stderr, "cleave: which object? As `cleave %s %s`; see `cleave %s --help`\n", in->command->name,
	        strstr(in->command->arguments, "HOST") ? "h1" : "vm/render1", in->command->name);
	return EXIT_BAD_USAGE;
}

int whom_parse(const struct invocation *in, const struct kind *fallback, struct whom *ret)
{
	const char *first = in->n_args ? in->args[0] : NULL, *slash = first ? strchr(first, '/') : NULL;
	g_autofree char *word = slash ? g_strndup(first, (gsize)(slash - first)) : g_strdup(first);
	const struct kind *kind = word ? kind_find(word) : NULL;
	int code = EXIT_BAD_USAGE;
	*ret = (struct whom){ fallback, first };
	if (!first)
		return which(in);
	if (slash && kind && in->n_args == 1)
		*ret = (struct whom){ kind, slash + 1 };
	else if (in->n_args == 2)
		*ret = (struct whom){ command_find_kind(first, TRUE, &code), in->args[1] };
	else if (!fallback && kind && kind->id == KIND_FARM)
		*ret = (struct whom){ kind, NULL };
	else if (!fallback)
		return which(in);
	if (!ret->kind)
		return code;
	if (ret->kind->id > KIND_RENDERJOB || (fallback && ret->kind != fallback) || (ret->name && !*ret->name)) {
		fprintf(stderr, "cleave: %s: that is for %s, not for a %s\n", in->command->name,
		        fallback ? "a Host" : "a Farm, Host, GPU, VM or RenderJob", ret->kind->name);
		return EXIT_BAD_USAGE;
	}
	return -1;
}

char *whom_user(void)
{
	char *user = push_user();
	return user ? user : g_strdup_printf("%s@%s", g_get_user_name(), g_get_host_name());
}

static char *time_text(gint64 ms)
{
	SCOPED_ARENA(a);
	return g_strdup(vm_time_text(a, ms));
}

char *whom_now(void)
{
	return time_text(g_get_real_time() / 1000);
}

gboolean whom_until(const char *until, const char *duration, gint64 otherwise_ms, gint64 most_ms, char **ret, GError **error)
{
	SCOPED_ARENA(a);
	gint64 now = g_get_real_time() / 1000, ms = otherwise_ms;
	const char *wrong = until ? form_check(a, FORM_TIME, until) : duration ? duration_parse(a, duration, &ms) : NULL;
	*ret = NULL;
	if (until && duration)
		return fail(error, ERROR_USAGE, "--until and --for: one of them");
	if (wrong)
		return fail(error, ERROR_USAGE, "%s %s: %s", until ? "--until" : "--for", until ? until : duration,
		            until ? "write a date and time with its zone, as 2026-11-22T18:00:00Z" : wrong);
	if (until)
		ms = vm_time_ms(until) - now;
	if (!until && !ms)
		return TRUE;
	if (ms <= 0)
		return fail(error, ERROR_USAGE, "%s is past already", until ? until : duration);
	if (most_ms && ms > most_ms)
		return fail(error, ERROR_USAGE, "%s: at most %" G_GINT64_FORMAT "h beside git", until ? until : duration, most_ms / 3600000);
	/* Whole seconds, and never less than was asked for. */
	*ret = time_text(now + ms + 999);
	return TRUE;
}

gboolean whom_check_reason(const char *reason, GError **error)
{
	SCOPED_ARENA(a);
	const char *wrong = reason ? form_check(a, FORM_REASON, reason) : "is missing; say why, for who finds it later";
	if (wrong)
		return fail(error, ERROR_USAGE, "--reason%s%s %s", reason ? " " : "", reason ? reason : "", wrong);
	return strlen(reason) <= 500 || fail(error, ERROR_USAGE, "--reason has at most 500 bytes");
}
