/* A walk that remembers where it is. */
#include "spec/files.h"
#include "base/arena.h"
#include "spec/walk.h"

struct level {
	const char *key; /* NULL: an item of the list above */
	gboolean is_list;
	guint n; /* items begun */
};

struct search {
	struct arena *arena;
	GArray *levels, *found;
};

/* The number of the next item of the list that is open, or -1. */
static int next_item(struct search *s)
{
	struct level *last = s->levels->len ? &g_array_index(s->levels, struct level, s->levels->len - 1) : NULL;
	return last && last->is_list ? (int)last->n++ : -1;
}

static void append_step(GString *path, const char *key, int item)
{
	if (item >= 0)
		g_string_append_printf(path, "[%d]", item);
	else
		g_string_append_printf(path, "%s%s", path->len ? "." : "", key);
}

static const char *path_of(struct search *s, const char *key, int item)
{
	g_autoptr(GString) path = g_string_new(NULL);
	for (guint i = 0; i < s->levels->len; i++) {
		const struct level *l = &g_array_index(s->levels, struct level, i);
		append_step(path, l->key, l->key ? -1 : (int)g_array_index(s->levels, struct level, i - 1).n - 1);
	}
	append_step(path, key, item);
	return arena_strdup(s->arena, path->str);
}

static void on_scalar(void *user, const char *key, const struct field *f, const char *text)
{
	struct search *s = user;
	int item = next_item(s);
	if (!f || !(f->flags & FIELD_FILE) || text[0] == '/')
		return;
	struct file_use use = { path_of(s, key, item), arena_strdup(s->arena, text) };
	g_array_append_val(s->found, use);
}

static void on_begin(void *user, const char *key, gboolean is_list)
{
	struct search *s = user;
	struct level l = { key, is_list, 0 };
	next_item(s);
	g_array_append_val(s->levels, l);
}

static void on_end(void *user, gboolean is_list)
{
	struct search *s = user;
	(void)is_list;
	g_array_set_size(s->levels, s->levels->len - 1);
}

struct file_uses object_files(struct arena *a, const struct object *o)
{
	static const struct visitor visitor = { on_scalar, on_begin, on_end };
	g_autoptr(GArray) levels = g_array_new(FALSE, FALSE, sizeof(struct level));
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(struct file_use));
	struct search s = { a, levels, found };
	if (o->n_files)
		walk_struct(o->kind->spec_fields, o->spec, 0, FALSE, &visitor, &s);
	return (struct file_uses){ arena_memdup(a, found->data, found->len * sizeof(struct file_use)), found->len };
}
