/* An archive is what the farm says of it: its digest, and then its own word for the version. */
#include "worker/blenders.h"
#include "base/error.h"
#include "base/log.h"
#include "frames/root.h"
#include "worker/bring.h"
#include <gio/gio.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_S = 60 };

/* One that is or was here; its version may be all that is known of it. */
struct known {
	char *program; /* NULL: in the cache */
	char *version;
};

struct blenders {
	char **programs; /* as told; not owned */
	GArray *known;   /* NULL: not asked yet */
	GPtrArray *versions;
};

static void known_clear(gpointer data)
{
	struct known *k = data;
	g_free(k->program);
	g_free(k->version);
}

struct blenders *blenders_new(char **programs)
{
	struct blenders *b = g_new0(struct blenders, 1);
	b->programs = programs;
	b->versions = g_ptr_array_new();
	return b;
}

void blenders_free(struct blenders *b)
{
	if (!b)
		return;
	if (b->known)
		g_array_unref(b->known);
	g_ptr_array_unref(b->versions);
	g_free(b);
}

gboolean blenders_suits(const char *version, const char *wanted)
{
	gsize len = wanted ? strlen(wanted) : 0;
	return len == 0 || (strncmp(version, wanted, len) == 0 && (version[len] == '\0' || version[len] == '.'));
}

/* -- asking ---------------------------------------------------------------------------------- */

static gboolean on_late(gpointer process)
{
	g_subprocess_force_exit(process);
	return G_SOURCE_REMOVE;
}

static void on_said(GObject *process, GAsyncResult *result, gpointer said)
{
	if (!g_subprocess_communicate_utf8_finish(G_SUBPROCESS(process), result, said, NULL, NULL))
		*(char **)said = g_strdup("");
}

/* "Blender 3.4.1" and what it was built of → "3.4.1". */
static char *version_of(const char *said)
{
	const char *line = g_str_has_prefix(said, "Blender ") ? said : strstr(said, "\nBlender ");
	const char *begin = line ? strstr(line, "Blender ") + strlen("Blender ") : "";
	gsize len = strspn(begin, "0123456789.");
	return len ? g_strndup(begin, len) : NULL;
}

/* It runs nothing that came with a scene; all the same it is told no more than a sandbox is, and gets a minute. */
static char *ask_version(const char *program, GError **error)
{
	g_autoptr(GSubprocessLauncher) launcher =
		g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
	g_auto(GStrv) environment = sandbox_environment(NULL, g_get_tmp_dir());
	g_subprocess_launcher_set_environ(launcher, environment);
	g_autoptr(GMainContext) context = g_main_context_new();
	g_autofree char *said = NULL;
	g_main_context_push_thread_default(context);
	g_autoptr(GSubprocess) process = g_subprocess_launcher_spawn(launcher, error, program, "--version", NULL);
	if (process) {
		g_autoptr(GSource) late = g_timeout_source_new_seconds(ASK_S);
		g_source_set_callback(late, on_late, process, NULL);
		g_source_attach(late, context);
		g_subprocess_communicate_utf8_async(process, NULL, NULL, on_said, &said);
		while (!said)
			g_main_context_iteration(context, TRUE);
		g_source_destroy(late);
	}
	g_main_context_pop_thread_default(context);
	char *version = said ? version_of(said) : NULL;
	if (process && !version)
		fail(error, ERROR_FAILED, "%s does not tell its version", program);
	return version;
}

static void know(struct blenders *b, const char *program, const char *version)
{
	for (guint i = 0; i < b->known->len; i++)
		if (strcmp(g_array_index(b->known, struct known, i).version, version) == 0)
			return;
	const struct known k = { g_strdup(program), g_strdup(version) };
	g_array_append_val(b->known, k);
}

static void need_known(struct blenders *b)
{
	if (b->known)
		return;
	b->known = g_array_new(FALSE, FALSE, sizeof(struct known));
	g_array_set_clear_func(b->known, known_clear);
	for (guint i = 0; b->programs[i]; i++) {
		g_autoptr(GError) problem = NULL;
		g_autofree char *version = ask_version(b->programs[i], &problem);
		if (version)
			know(b, b->programs[i], version);
		else
			log_warning("worker", "no Blender: %s", problem->message);
	}
}

const char *const *blenders_versions(struct blenders *b)
{
	need_known(b);
	g_ptr_array_set_size(b->versions, 0);
	for (guint i = 0; i < b->known->len; i++)
		g_ptr_array_add(b->versions, g_array_index(b->known, struct known, i).version);
	g_ptr_array_add(b->versions, NULL);
	return (const char *const *)b->versions->pdata;
}

/* -- installing ------------------------------------------------------------------------------ */

struct bringing {
	struct worker *w;
	const struct task *task;
};

static gboolean unpack(struct worker *w, const char *path, const struct cache_place *place, GError **error)
{
	SCOPED_FD(fd) = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(error, errno, "opening %s", path);
	return bring_archive(w, fd, place, error);
}

/* A file of this machine is read where it lies. */
static gboolean bring_file(const struct bringing *b, const struct cache_place *place, GError **error)
{
	const struct task *t = b->task;
	struct file_digest digest;
	SCOPED_FD(fd) = open(t->blender_file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(error, errno, "opening %s", t->blender_file);
	if (!digest_fd(fd, &digest, error))
		return FALSE;
	if (strcmp(digest.sha256, t->blender_sha256) != 0)
		return fail(error, ERROR_INVALID, "its sha256 is %s, not %s", digest.sha256, t->blender_sha256);
	return bring_archive(b->w, fd, place, error);
}

static gboolean bring(const struct cache_place *place, void *user, GError **error)
{
	const struct bringing *b = user;
	g_autofree char *part = g_build_filename(place->folder, place->part, NULL);
	if (*b->task->blender_file)
		return bring_file(b, place, error);
	gboolean is_there = bring_url(b->w, b->task->blender_url, b->task->blender_sha256, place, error);
	if (is_there && unpack(b->w, part, place, error))
		return TRUE;
	if (is_there)
		(void)unlink(part);
	return FALSE;
}

static gboolean is_over(void *user)
{
	return bring_is_over(((const struct bringing *)user)->w);
}

/* The archive's own folder, or none: blender, or NAME/blender if there is one NAME with it. */
static char *find_program(const char *folder, GError **error)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	g_autofree char *found = g_build_filename(folder, "blender", NULL);
	guint n = g_file_test(found, G_FILE_TEST_IS_EXECUTABLE) && !g_file_test(found, G_FILE_TEST_IS_DIR);
	for (const char *name; dir && !n && (name = g_dir_read_name(dir));) {
		g_autofree char *path = g_build_filename(folder, name, "blender", NULL);
		if (!g_file_test(path, G_FILE_TEST_IS_EXECUTABLE) || g_file_test(path, G_FILE_TEST_IS_DIR))
			continue;
		g_free(found);
		found = g_steal_pointer(&path);
		n++;
	}
	if (n == 1)
		return g_steal_pointer(&found);
	fail(error, ERROR_REFUSED, "the archive holds no program blender");
	return NULL;
}

static gboolean check_version(struct blenders *known, const struct task *t, struct blenders_choice *c, GError **error)
{
	c->version = ask_version(c->program, error);
	if (!c->version)
		return FALSE;
	if (!blenders_suits(c->version, t->blender))
		return fail(error, ERROR_REFUSED, "the archive holds Blender %s", c->version);
	know(known, NULL, c->version);
	return TRUE;
}

static gboolean install(struct worker *w, const struct task *t, struct blenders_choice *ret, GError **error)
{
	struct bringing b = { w, t };
	const struct cache_order order = { t->blender_sha256, bring, is_over, &b };
	g_autofree char *what = g_strdup_printf("Blender %s from %s", t->blender, *t->blender_file ? t->blender_file : t->blender_url);
	g_autoptr(GError) problem = NULL;
	if (!sha256_is_valid(t->blender_sha256))
		return fail(error, ERROR_REFUSED, "%s: the farm gives no sha256", what);
	ret->entry = cache_take(w->cache, &order, &problem);
	if (!ret->entry) {
		g_autoptr(GError) meaning = NULL;
		(void)bring_fail(w, problem, what, &meaning);
		if (g_error_matches(meaning, CLEAVE_ERROR, ERROR_FAILED))
			return fail(error, ERROR_NOT_FOUND, "%s", meaning->message);
		g_propagate_error(error, g_steal_pointer(&meaning));
		return FALSE;
	}
	ret->folder = g_strdup(cache_entry_folder(ret->entry));
	ret->program = find_program(ret->folder, error);
	if (ret->program && check_version(w->blenders, t, ret, error))
		return TRUE;
	g_prefix_error(error, "%s: ", what);
	return FALSE;
}

/* -- choosing -------------------------------------------------------------------------------- */

/* The folder of a program that is not among the system's; its own resources lie beside it. */
static char *own_folder(const char *program)
{
	g_autofree char *path = g_find_program_in_path(program);
	char real[PATH_MAX];
	if (!path || !realpath(path, real) || g_str_has_prefix(real, "/usr/"))
		return NULL;
	char *folder = g_path_get_dirname(real);
	/* All of the machine is no folder of a program. */
	if (strcmp(folder, "/") != 0)
		return folder;
	g_free(folder);
	return NULL;
}

gboolean blenders_choose(struct worker *w, const struct task *task, struct blenders_choice *ret, GError **error)
{
	struct blenders *b = w->blenders;
	const char *wanted = task ? task->blender : "";
	*ret = (struct blenders_choice){ 0 };
	need_known(b);
	for (guint i = 0; i < b->known->len; i++) {
		const struct known *k = &g_array_index(b->known, struct known, i);
		if (!k->program || !blenders_suits(k->version, wanted))
			continue;
		ret->program = g_strdup(k->program);
		ret->version = g_strdup(k->version);
		ret->folder = own_folder(k->program);
		return TRUE;
	}
	if (!*wanted) {
		/* What starts it says best what is wrong with it. */
		ret->program = g_strdup(b->programs[0] ? b->programs[0] : "blender");
		g_clear_pointer(&b->known, g_array_unref);
		return TRUE;
	}
	if (!*task->blender_url && !*task->blender_file)
		return fail(error, ERROR_NOT_FOUND, "Blender %s is not on this machine, and the farm has no archive of it", wanted);
	if (install(w, task, ret, error))
		return TRUE;
	blenders_choice_clear(ret);
	return FALSE;
}

void blenders_choice_clear(struct blenders_choice *c)
{
	cache_release(c->entry);
	g_free(c->program);
	g_free(c->version);
	g_free(c->folder);
	*c = (struct blenders_choice){ 0 };
}
