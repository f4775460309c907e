/* A saved plan's stream read again, and compared line by line: equal input gives equal bytes, so any difference is one of the
 * specs or of what is there. */
#include "report/saved_plan.h"
#include "base/error.h"
#include "base/revision.h"
#include <jansson.h>
#include <string.h>

enum { WORDS_LEN = 120 };

static json_t *line_json(const char *line)
{
	json_t *o = json_loadb(line, strcspn(line, "\n"), 0, NULL);
	if (!json_is_object(o))
		g_clear_pointer(&o, json_decref);
	return o;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

/* The whole of it has to be there: a stream ends with its summary. */
static gboolean has_end(const char *text)
{
	g_autofree char *copy = g_strchomp(g_strdup(text));
	const char *last = strrchr(copy, '\n');
	json_t *o = last ? line_json(last + 1) : NULL;
	gboolean ok = strcmp(text_of(o, "type"), "summary") == 0;
	json_decref(o);
	return ok;
}

static gboolean read_head(const json_t *head, const char *path, struct saved_plan *s, GError **error)
{
	if (strcmp(text_of(head, "type"), "version") != 0)
		return fail(error, ERROR_INVALID, "%s is no plan: `cleave plan --out FILE` writes one", path);
	if (json_integer_value(json_object_get(head, "version")) != 1)
		return fail(error, ERROR_INVALID, "%s is a plan of another version of cleave; plan again", path);
	if (!has_end(s->text))
		return fail(error, ERROR_INVALID, "%s ends before the plan does; plan again", path);
	s->host = g_strdup(text_of(head, "host"));
	s->revision = g_strdup(text_of(head, "revision"));
	const char *at = s->revision;
	struct revision_part part;
	while (revision_next(&at, &part))
		if (!s->commit)
			s->commit = g_strdup(part.commit);
	if (s->commit ? *at != '\0' : strstr(at, "sha1:") != NULL)
		return fail(error, ERROR_INVALID, "%s names no commit: %s", path, s->revision);
	return TRUE;
}

gboolean saved_plan_parse(char *text, const char *path, struct saved_plan *ret, GError **error)
{
	struct saved_plan s = { .text = text };
	json_t *head = line_json(text);
	gboolean ok = read_head(head, path, &s, error);
	json_decref(head);
	if (ok)
		*ret = s;
	else
		saved_plan_clear(&s);
	return ok;
}

void saved_plan_clear(struct saved_plan *s)
{
	g_free(s->text);
	g_free(s->host);
	g_free(s->revision);
	g_free(s->commit);
	*s = (struct saved_plan){ 0 };
}

/* -- differences ------------------------------------------------------------------------------------------------------ */

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');
	return end ? end + 1 : line + strlen(line);
}

static gboolean is_of_worker(const char *line)
{
	return g_str_has_prefix(line, "{\"type\":\"drift\",\"kind\":\"Worker\"");
}

static const char *skip_workers(const char *line)
{
	while (is_of_worker(line))
		line = next_line(line);
	return line;
}

/* "stop-vm VM/a", "VM/a: Differs", "the end". */
static char *line_words(const json_t *o)
{
	const char *type = text_of(o, "type"), *reason = text_of(o, "reason"), *message = text_of(o, "message");
	if (strcmp(type, "action") == 0)
		return g_strdup_printf("%s %s/%s", text_of(o, "verb"), text_of(o, "kind"), text_of(o, "name"));
	if (strcmp(type, "drift") == 0)
		return g_strdup_printf("%s/%s: %s%s%.*s", text_of(o, "kind"), text_of(o, "name"), reason, *reason && *message ? ": " : "", WORDS_LEN, message);
	return g_strdup(!*type ? "nothing" : strcmp(type, "summary") == 0 ? "its end" : type);
}

static char *value_words(const json_t *value)
{
	g_autofree char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	return g_strdup_printf("%.*s%s", WORDS_LEN, text ? text : "nothing", text && strlen(text) > WORDS_LEN ? "…" : "");
}

/* The first key that is another in an object of the same name. */
static char *key_words(const json_t *before, const json_t *now)
{
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)before, key, value)
		if (!json_equal(value, json_object_get(now, key))) {
			g_autofree char *was = value_words(value), *is = value_words(json_object_get(now, key));
			return g_strdup_printf("%s was %s, is %s", key, was, is);
		}
	json_object_foreach ((json_t *)now, key, value)
		if (!json_object_get(before, key)) {
			g_autofree char *is = value_words(value);
			return g_strdup_printf("%s was nothing, is %s", key, is);
		}
	return NULL;
}

static char *difference(const char *before, const char *now)
{
	json_t *was = line_json(before), *is = line_json(now);
	g_autofree char *was_words = line_words(was), *is_words = line_words(is), *key = NULL;
	gboolean is_same = was && is && strcmp(text_of(was, "type"), text_of(is, "type")) == 0 && strcmp(text_of(was, "kind"), text_of(is, "kind")) == 0 &&
	                   strcmp(text_of(was, "name"), text_of(is, "name")) == 0 && strcmp(text_of(was, "verb"), text_of(is, "verb")) == 0;
	if (is_same)
		key = key_words(was, is);
	json_decref(was);
	json_decref(is);
	return key ? g_strdup_printf("%s: %s", was_words, key) : g_strdup_printf("it had %s there, now it is %s", was_words, is_words);
}

char *saved_plan_differs(const struct saved_plan *s, const char *now)
{
	const char *before = skip_workers(s->text);
	now = skip_workers(now);
	while (*before || *now) {
		gsize len = strcspn(before, "\n");
		if (len != strcspn(now, "\n") || memcmp(before, now, len) != 0)
			return difference(before, now);
		before = skip_workers(next_line(before));
		now = skip_workers(next_line(now));
	}
	return NULL;
}
