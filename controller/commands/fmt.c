/* cleave fmt [PATH…]: YAML files in one form. The only files this command touches are those that are
 * named, or lie in a folder that is; each is replaced as a whole, or not at all. */
#include "spec/fmt.h"
#include "base/arena.h"
#include "base/units.h"
#include "commands/command.h"
#include "report/report.h"
#include "source/collect.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct run {
	const struct invocation *in;
	gboolean is_wrong;   /* a file could not be read, formatted or written */
	gboolean is_changed; /* a file is not in its form, or was not */
};

struct file {
	const char *path; /* as it is shown */
	char *bytes;
	gsize size;
	struct stat st;
};

static const char *find_text(void *user, const char *path, gsize *ret_size)
{
	const struct file *f = user;
	(void)path;
	*ret_size = f->size;
	return f->bytes;
}

static void say_error(struct run *r, const GError *error)
{
	fprintf(stderr, "cleave: %s\n", error->message);
	r->is_wrong = TRUE;
}

/* The text in its form, or NULL after its problems were printed. */
static GString *format(struct run *r, struct file *f)
{
	SCOPED_ARENA(a);
	struct problems problems;
	GString *text = g_string_new(NULL);
	problems_init(&problems, a);
	if (!fmt_yaml(a, f->path, f->bytes, f->size, text, &problems)) {
		g_autoptr(GString) said = g_string_new(NULL);
		problems_sort(&problems);
		report_problems_text(said, &problems, find_text, f);
		fputs(said->str, stderr);
		r->is_wrong = TRUE;
		g_string_free(text, TRUE);
		text = NULL;
	}
	problems_clear(&problems);
	return text;
}

static gboolean is_equal(const struct file *f, const GString *text)
{
	return f->size == text->len && (!f->size || memcmp(f->bytes, text->str, text->len) == 0);
}

/* -- reading --------------------------------------------------------------------------------------------------- */

/* Stops behind the limit: a pipe may have no end. */
static gboolean read_all(int fd, struct file *f, GError **error)
{
	const gsize limit = FMT_FILE_MIB_MAX * MiB;
	GString *bytes = g_string_new(NULL);
	char part[64 * 1024];
	ssize_t n = 0;
	while (bytes->len <= limit && ((n = read(fd, part, sizeof part)) > 0 || (n < 0 && errno == EINTR)))
		if (n > 0)
			g_string_append_len(bytes, part, n);
	int failure = n < 0 ? errno : 0;
	f->size = bytes->len;
	f->bytes = g_string_free(bytes, FALSE);
	if (f->size > limit)
		return fail(error, ERROR_INVALID, "%s: has more than %d MiB, the most that is formatted; write it as several files", f->path,
		            FMT_FILE_MIB_MAX);
	return n == 0 || fail_errno(error, failure, "%s: reading", f->path);
}

/* O_NONBLOCK: a FIFO called x.yaml does not hold us. */
static gboolean read_file(struct file *f, GError **error)
{
	int fd = open(f->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ELOOP ? fail(error, ERROR_INVALID, "%s: is a symbolic link; name the file itself", f->path)
		                      : fail_errno(error, errno, "%s: opening", f->path);
	gboolean is_read;
	if (fstat(fd, &f->st) < 0)
		is_read = fail_errno(error, errno, "%s", f->path);
	else if (!S_ISREG(f->st.st_mode))
		is_read = fail(error, ERROR_INVALID, "%s: is not a regular file", f->path);
	else
		is_read = read_all(fd, f, error);
	close(fd);
	return is_read;
}

/* -- writing --------------------------------------------------------------------------------------------------- */

static gboolean write_all(int fd, const GString *text)
{
	for (gsize done = 0; done < text->len;) {
		ssize_t n = write(fd, text->str + done, text->len - done);
		if (n < 0 && errno != EINTR)
			return FALSE;
		done += n > 0 ? (gsize)n : 0;
	}
	return TRUE;
}

/* Who owns the file is kept where that is allowed (root formats another's file); the mode always. */
static gboolean fill(int fd, const struct file *f, const GString *text)
{
	if (fchown(fd, f->st.st_uid, f->st.st_gid) < 0 && errno != EPERM)
		return FALSE;
	return fchmod(fd, f->st.st_mode & 07777) == 0 && write_all(fd, text) && fsync(fd) == 0;
}

/* Another program may have written the file since it was read: its text is not ours to throw away. */
static gboolean is_as_read(const struct file *f)
{
	struct stat now;
	return lstat(f->path, &now) == 0 && now.st_ino == f->st.st_ino && now.st_size == f->st.st_size &&
	       now.st_mtim.tv_sec == f->st.st_mtim.tv_sec && now.st_mtim.tv_nsec == f->st.st_mtim.tv_nsec;
}

static gboolean replace_file(const struct file *f, const GString *text, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(f->path), *temporary = g_build_filename(folder, ".cleave-fmt-XXXXXX", NULL);
	int fd = g_mkstemp_full(temporary, O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_errno(error, errno, "%s: a new file beside it", f->path);
	gboolean is_done = fill(fd, f, text) || fail_errno(error, errno, "%s: writing", f->path);
	close(fd);
	if (is_done && !is_as_read(f))
		is_done = fail(error, ERROR_FAILED, "%s: was changed by another program; it is left as it is", f->path);
	if (is_done && rename(temporary, f->path) < 0)
		is_done = fail_errno(error, errno, "%s: replacing", f->path);
	if (!is_done)
		unlink(temporary);
	return is_done;
}

/* -- paths ----------------------------------------------------------------------------------------------------- */

static void format_file(struct run *r, const char *path)
{
	g_autoptr(GError) error = NULL;
	struct file f = { .path = path };
	g_autoptr(GString) text = read_file(&f, &error) ? format(r, &f) : NULL;
	if (text && !is_equal(&f, text)) {
		r->is_changed = TRUE;
		if (r->in->check || replace_file(&f, text, &error))
			puts(path);
	}
	if (error)
		say_error(r, error);
	g_free(f.bytes);
}

static void format_stdin(struct run *r)
{
	g_autoptr(GError) error = NULL;
	struct file f = { .path = "<stdin>" };
	g_autoptr(GString) text = read_all(STDIN_FILENO, &f, &error) ? format(r, &f) : NULL;
	if (text && !is_equal(&f, text)) {
		r->is_changed = TRUE;
		if (r->in->check)
			puts(f.path);
	}
	if (text && !r->in->check)
		r->is_wrong |= !command_print(text);
	if (error)
		say_error(r, error);
	g_free(f.bytes);
}

static gint by_name(gconstpointer x, gconstpointer y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

/* Links in a folder are neither followed nor formatted: as specs they are refused where they are read. */
static void format_folder(struct run *r, const char *folder)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) dir = g_dir_open(folder, 0, &error);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	if (!dir) {
		say_error(r, error);
		return;
	}
	for (const char *name; (name = g_dir_read_name(dir));)
		if (!source_name_is_hidden(name))
			g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, by_name);
	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);
		g_autofree char *path = strcmp(folder, ".") == 0 ? g_strdup(name) : g_build_filename(folder, name, NULL);
		struct stat st;
		if (lstat(path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			format_folder(r, path);
		else if (S_ISREG(st.st_mode) && source_name_is_yaml(name))
			format_file(r, path);
	}
}

static void format_path(struct run *r, const char *path)
{
	struct stat st;
	if (strcmp(path, "-") == 0)
		format_stdin(r);
	else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		format_folder(r, path);
	else
		format_file(r, path);
}

int command_fmt(struct invocation *in)
{
	struct run r = { .in = in };
	for (guint i = 0; i < in->n_args; i++)
		format_path(&r, in->args[i]);
	if (!in->n_args)
		format_path(&r, ".");
	r.is_wrong |= !command_flush();
	return r.is_wrong || (in->check && r.is_changed) ? EXIT_FAILED : EXIT_FINE;
}
