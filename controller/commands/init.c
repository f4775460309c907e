/* cleave init: a repository of specs to start from. The specs are the samples of specs/ (or, with
 * --from-host, init_host.c's), the rest lies in contrib/ and init/; all of it travels in the program. */
#include "commands/init.h"
#include "base/arena.h"
#include "commands/init_repository.h"
#include "report/language.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	IS_SPEC = 1 << 0, /* with --from-host only a comment: nobody has such a host */
	IS_FARM = 1 << 1, /* with --from-host another one is written */
	IS_PROGRAM = 1 << 2,
};

static const struct template {
	const char *path, *resource;
	unsigned flags;
} templates[] = {
	{ "README.md", "init/README.md", 0 },
	{ "farm.yaml", "specs/farm.yaml", IS_SPEC | IS_FARM },
	{ "hosts/example.yaml", "specs/host.yaml", IS_SPEC },
	{ "gpus/example.yaml", "specs/gpu.yaml", IS_SPEC },
	{ "vms/example.yaml", "specs/vm.yaml", IS_SPEC },
	{ "jobs/example.yaml", "specs/renderjob.yaml", IS_SPEC },
	{ "keys/ops.pub", "init/ops.pub", 0 },
	{ ".editorconfig", "init/editorconfig", 0 },
	{ ".gitignore", "init/gitignore", 0 },
	{ ".vscode/settings.json", "init/vscode.json", 0 },
	{ ".github/workflows/cleave.yml", "contrib/ci/github.yaml", 0 },
	{ ".gitlab-ci.yml", "contrib/ci/gitlab.yaml", 0 },
	{ ".github/cleave-comment", "contrib/ci/comment", IS_PROGRAM },
	{ ".gitlab/cleave-comment", "contrib/ci/comment", IS_PROGRAM },
	{ ".githooks/pre-commit", "contrib/git/pre-commit", IS_PROGRAM },
	{ ".githooks/pre-receive", "contrib/git/pre-receive", IS_PROGRAM },
	{ ".githooks/post-receive", "contrib/git/post-receive", IS_PROGRAM },
};

/* -- texts ------------------------------------------------------------------------------------------------ */

static const char *find_resource(struct arena *a, const char *name)
{
	g_autofree char *path = g_strconcat("/cleave/init/", name, NULL);
	g_autoptr(GBytes) bytes = g_resources_lookup_data(path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
	g_assert(bytes); /* the program was linked without its resources */
	gsize size;
	const char *text = g_bytes_get_data(bytes, &size);
	return arena_strndup(a, text, size);
}

const char *init_sample(struct arena *a, const char *name)
{
	g_autofree char *path = g_strdup_printf("specs/%s.yaml", name);
	return find_resource(a, path);
}

const char *init_commented(struct arena *a, const char *text)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line && (line[1] || **line); line++)
		g_string_append_printf(out, "%s%s\n", **line == '#' ? "" : **line ? "# " : "#", *line);
	return arena_strdup(a, out->str);
}

static char *replace(const char *text, const char *pattern, const char *by)
{
	g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_MULTILINE, 0, NULL);
	return g_regex_replace(regex, text, -1, 0, by, 0, NULL);
}

/* A sample for the place it goes to: in a folder the schema lies one above, and no Farm acts before a person
 * wants it to. */
static const char *fit_spec(struct arena *a, const struct template *t, const char *text, gboolean is_comment)
{
	g_autofree char *placed = strchr(t->path, '/') ? replace(text, "\\$schema=(?=cleave)", "$schema=../") : g_strdup(text);
	g_autofree char *quiet = t->flags & IS_FARM ? replace(placed, "^  reconcile: *\\w+", "  reconcile: observe") : NULL;
	const char *fit = arena_strdup(a, quiet ? quiet : placed);
	return is_comment ? init_commented(a, fit) : fit;
}

static gboolean is_taken(const struct init *i, const char *path)
{
	for (guint n = 0; n < i->files->len; n++)
		if (strcmp(g_array_index(i->files, struct init_file, n).path, path) == 0)
			return TRUE;
	return FALSE;
}

/* The template's path, or one beside it: a host may be called example. */
static const char *find_path(struct init *i, const char *path)
{
	const char *dot = strrchr(path, '.'), *found = path;
	for (guint n = 2; is_taken(i, found); n++)
		found = arena_printf(i->arena, "%.*s-%u%s", (int)(dot - path), path, n, dot);
	return found;
}

static void add_templates(struct init *i, gboolean from_host)
{
	for (guint n = 0; n < G_N_ELEMENTS(templates); n++) {
		const struct template *t = &templates[n];
		if (from_host && (t->flags & IS_FARM))
			continue;
		struct init_file file = { find_path(i, t->path), find_resource(i->arena, t->resource), NULL, (t->flags & IS_PROGRAM) != 0 };
		if (t->flags & IS_SPEC)
			file.text = fit_spec(i->arena, t, file.text, from_host);
		if ((t->flags & IS_SPEC) && from_host)
			file.what = "an example, as a comment";
		g_array_append_val(i->files, file);
	}
}

static void add_schema(struct init *i)
{
	g_autoptr(GString) text = g_string_new(NULL);
	report_schema(text, NULL);
	struct init_file file = { "cleave.schema.json", arena_strdup(i->arena, text->str), "for editors", FALSE };
	g_array_append_val(i->files, file);
}

/* -- the folder ------------------------------------------------------------------------------------------- */

/* FALSE when anything lies there besides .git. */
static gboolean is_free(const char *folder, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(GDir) dir = g_dir_open(folder, 0, &trouble);
	if (!dir)
		return g_error_matches(trouble, G_FILE_ERROR, G_FILE_ERROR_NOENT) || fail(error, ERROR_FAILED, "%s", trouble->message);
	for (const char *name; (name = g_dir_read_name(dir));)
		if (strcmp(name, ".git") != 0)
			return fail(error, ERROR_EXISTS, "%s is not empty (there is %s); name a new or an empty folder", folder, name);
	return TRUE;
}

static gboolean write_all(int fd, const char *text)
{
	for (gsize size = strlen(text); size;) {
		ssize_t n = write(fd, text, size);
		if (n < 0 && errno != EINTR)
			return FALSE;
		text += MAX(n, 0);
		size -= (gsize)MAX(n, 0);
	}
	return TRUE;
}

/* A file that came there in the meantime is not ours to replace. */
static gboolean write_file(const char *folder, const struct init_file *file, GError **error)
{
	g_autofree char *path = g_build_filename(folder, file->path, NULL), *parent = g_path_get_dirname(path);
	if (g_mkdir_with_parents(parent, 0755) < 0)
		return fail_errno(error, errno, "making %s", parent);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file->is_executable ? 0777 : 0666);
	if (fd < 0)
		return fail_errno(error, errno, "writing %s", path);
	gboolean is_written = write_all(fd, file->text) || fail_errno(error, errno, "writing %s", path);
	if (close(fd) < 0 && is_written)
		return fail_errno(error, errno, "writing %s", path);
	return is_written;
}

static gboolean write_files(struct init *i, GError **error)
{
	if (!init_make_repository(i, error))
		return FALSE;
	for (guint n = 0; n < i->files->len; n++)
		if (!write_file(i->folder, &g_array_index(i->files, struct init_file, n), error))
			return FALSE;
	return TRUE;
}

/* -- the command ------------------------------------------------------------------------------------------ */

static gboolean say(const struct init *i)
{
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint n = 0; n < i->files->len; n++) {
		const struct init_file *file = &g_array_index(i->files, struct init_file, n);
		g_string_append_printf(text, "wrote %s%s%s\n", file->path, file->what ? ": " : "", file->what ? file->what : "");
	}
	if (i->notes->len)
		g_string_append_printf(text, "\n%s", i->notes->str);
	g_string_append(text, "\nNext:\n");
	if (strcmp(i->folder, ".") != 0) {
		g_autofree char *quoted = g_shell_quote(i->folder);
		g_string_append_printf(text, "  cd %s\n", strpbrk(i->folder, " '\"$\\;&|<>()*?[]`") ? quoted : i->folder);
	}
	g_string_append(text, "  cleave validate                                    # after each change\n"
	                      "  cleave plan --worktree                             # what would be done here; changes nothing\n");
	/* Without the dot git takes what lies beside the folder as well. */
	g_string_append(text, i->work_tree ? "  git add -A . && git commit -m 'the farm as it is'  # from here on a commit counts\n"
	                                   : "  git add -A && git commit -m 'the farm as it is'    # from here on a commit counts\n");
	return command_print(text);
}

static gboolean init(struct init *i, const struct invocation *in, GError **error)
{
	if (!is_free(i->folder, error))
		return FALSE;
	if (in->from_host && !init_add_host(i, &in->settings, error))
		return FALSE;
	add_templates(i, in->from_host);
	add_schema(i);
	return write_files(i, error);
}

int command_init(struct invocation *in)
{
	SCOPED_ARENA(a);
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) notes = g_string_new(NULL);
	g_autoptr(GArray) files = g_array_new(FALSE, TRUE, sizeof(struct init_file));
	struct init i = { .arena = a, .folder = in->n_args ? in->args[0] : ".", .files = files, .notes = notes };
	if (!init(&i, in, &error))
		return command_fail(error);
	return say(&i) ? EXIT_FINE : EXIT_FAILED;
}
