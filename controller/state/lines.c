/* Reading, appending and rewriting a file of JSON lines. */
#include "state/lines.h"
#include "base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { SIZE_MAX_BYTES = 64 << 20, SLACK_LINES = 256, TEXT_MAX = 600 };

struct lines {
	char *path; /* NULL: in memory alone */
	GString *added;
	guint n_added, n_written;
	gboolean is_broken; /* the file's end is not a line's, or is not known */
	gboolean is_owed;   /* writing failed: what was added then is not in the file */
};

void lines_parse(const char *text, gsize size, lines_each each, void *user)
{
	const char *end = text + size, *newline;
	for (; (newline = memchr(text, '\n', (gsize)(end - text))); text = newline + 1) {
		json_t *record = json_loadb(text, (gsize)(newline - text), JSON_REJECT_DUPLICATES, NULL);
		if (json_is_object(record))
			each(user, record);
		json_decref(record);
	}
}

static guint count_lines(const char *text, gsize size)
{
	guint n = 0;
	for (gsize i = 0; i < size; i++)
		n += text[i] == '\n';
	return n;
}

/* A file that is larger than any of ours is not read at all, and written anew. */
static void read_file(struct lines *l, lines_each each, void *user)
{
	GStatBuf s;
	g_autofree char *text = NULL;
	gsize size;
	if (g_stat(l->path, &s) != 0)
		return;
	l->is_broken = TRUE;
	if (!S_ISREG(s.st_mode) || s.st_size > SIZE_MAX_BYTES || !g_file_get_contents(l->path, &text, &size, NULL))
		return;
	lines_parse(text, size, each, user);
	l->n_written = count_lines(text, size);
	l->is_broken = size && text[size - 1] != '\n';
}

struct lines *lines_open(const char *dir, const char *name, lines_each each, void *user)
{
	struct lines *l = g_new0(struct lines, 1);
	l->added = g_string_new(NULL);
	if (dir) {
		l->path = g_build_filename(dir, name, NULL);
		read_file(l, each, user);
	}
	return l;
}

void lines_free(struct lines *l)
{
	g_string_free(l->added, TRUE);
	g_free(l->path);
	g_free(l);
}

void lines_append(GString *out, json_t *record)
{
	g_autofree char *text = json_dumps(record, JSON_COMPACT);
	if (text)
		g_string_append_printf(out, "%s\n", text);
	json_decref(record);
}

void lines_add(struct lines *l, json_t *record)
{
	if (!l->path) {
		json_decref(record);
		return;
	}
	lines_append(l->added, record);
	l->n_added++;
}

static gboolean write_all(int fd, const GString *text)
{
	for (gsize done = 0; done < text->len;) {
		ssize_t n = write(fd, text->str + done, text->len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return FALSE;
		done += (gsize)n;
	}
	return TRUE;
}

/* What is written before the process ends stays, also when it is killed; only a whole file is worth waiting for the disk. */
static gboolean write_to(const char *path, int flags, const GString *text, gboolean syncs, GError **error)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	if (fd < 0)
		return fail_errno(error, errno, "writing %s", path);
	gboolean ok = write_all(fd, text) && (!syncs || fsync(fd) == 0);
	int why = errno;
	if (close(fd) != 0 && ok) {
		ok = FALSE;
		why = errno;
	}
	return ok || fail_errno(error, why, "writing %s", path);
}

static gboolean rewrite(struct lines *l, GError **error)
{
	g_autofree char *beside = g_strconcat(l->path, ".new", NULL);
	if (!write_to(beside, O_TRUNC, l->added, TRUE, error))
		return FALSE;
	if (g_rename(beside, l->path) != 0)
		return fail_errno(error, errno, "renaming %s", beside);
	l->n_written = l->n_added;
	return TRUE;
}

gboolean lines_flush(struct lines *l, guint n_live, void (*all)(void *user, struct lines *l), void *user, GError **error)
{
	gboolean ok;
	if (!l->n_added && !l->is_owed)
		return TRUE;
	if (l->is_broken || l->n_written + l->n_added > 2 * n_live + SLACK_LINES) {
		g_string_truncate(l->added, 0);
		l->n_added = 0;
		all(user, l);
		ok = rewrite(l, error);
	} else {
		ok = write_to(l->path, O_APPEND, l->added, FALSE, error);
		l->n_written += l->n_added;
	}
	l->is_broken = l->is_owed = !ok;
	g_string_truncate(l->added, 0);
	l->n_added = 0;
	return ok;
}

char *lines_text(const json_t *record, const char *key)
{
	return g_strdup(json_string_value(json_object_get(record, key)));
}

gint64 lines_number(const json_t *record, const char *key)
{
	return json_integer_value(json_object_get(record, key));
}

char *lines_cut(const char *text)
{
	if (!text)
		return NULL;
	char *valid = g_utf8_make_valid(text, -1);
	if (g_utf8_strlen(valid, -1) > TEXT_MAX) {
		g_autofree char *whole = valid, *begin = g_utf8_substring(whole, 0, TEXT_MAX - 1);
		valid = g_strconcat(begin, "…", NULL);
	}
	return valid;
}

void lines_set(json_t *record, const char *key, const char *text)
{
	g_autofree char *cut = lines_cut(text);
	if (cut)
		json_object_set_new(record, key, json_string(cut));
}
