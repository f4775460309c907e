/* cleave root list, cleave root init NAME [--dir DIR]: the Farm's roots as this host sees them, and the file that proves
 * that one is mounted. */
#include "commands/bucket.h"
#include "commands/command.h"
#include "frames/root.h"
#include "report/report.h"
#include "spec/farm.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { ROOT_DIR };

const struct own_option root_options[] = {
	[ROOT_DIR] = { "dir", 0, "DIR", "init: where the root is mounted here, when not at its `path`" },
	{ 0 },
};

static const struct farm_root *find_root(const struct farm_spec *farm, const char *name, GError **error)
{
	g_autoptr(GString) known = g_string_new(NULL);
	const struct farm_root *root = farm ? farm_root_find(farm, name) : NULL;
	for (guint i = 0; farm && i < farm->roots.n; i++)
		g_string_append_printf(known, "%s%s", i ? ", " : "", LIST_AT(farm->roots, struct farm_root, i)->name);
	if (!root)
		fail(error, ERROR_NOT_FOUND, "the Farm has no root %s; it has %s", name, known->len ? known->str : "none");
	return root;
}

/* What is mounted there later would hide the marker. */
static void warn_of_no_mount(const char *dir)
{
	struct stat here, above;
	g_autofree char *parent = g_build_filename(dir, "..", NULL);
	if (stat(dir, &here) == 0 && stat(parent, &above) == 0 && here.st_dev == above.st_dev)
		fprintf(stderr, "cleave: warning: %s is no mount point; is the share mounted? What is mounted there later hides the marker\n", dir);
}

/* TRUE: the root was marked before, as it should be. */
static gboolean is_marked(const char *dir, const struct farm_root *root, GError **error)
{
	SCOPED_FD(fd) = root_open_marked(dir, root->marker, NULL);
	g_autofree char *name = fd >= 0 ? root_name_in(fd, root->marker, NULL) : NULL;
	if (name && strcmp(name, root->name) != 0)
		fail(error, ERROR_EXISTS, "%s is marked as root %s, not %s; it may be another share", dir, *name ? name : "(without a name)",
		     root->name);
	return name && strcmp(name, root->name) == 0;
}

static int init_root(struct invocation *in, const struct farm_root *root)
{
	g_autoptr(GError) error = NULL;
	const char *dir = in->own[ROOT_DIR] ? in->own[ROOT_DIR] : root->path;
	if (!g_file_test(dir, G_FILE_TEST_IS_DIR))
		fail(&error, ERROR_NOT_FOUND, "%s is no folder%s", dir, in->own[ROOT_DIR] ? "" : "; where it is mounted else, --dir DIR says");
	else if (is_marked(dir, root, &error))
		printf("%s is marked as root %s already\n", dir, root->name);
	else if (!error && root_mark_as(dir, root->marker, root->name, &error)) {
		warn_of_no_mount(dir);
		printf("%s is root %s: %s is written\n", dir, root->name, root->marker);
	}
	return error ? command_fail(error) : EXIT_FINE;
}

static int init_bucket(const struct invocation *in, const struct farm_root *root)
{
	gboolean was_marked = FALSE;
	g_autoptr(GError) error = NULL;
	if (in->own[ROOT_DIR])
		fail(&error, ERROR_USAGE, "root %s is the bucket %s: it has no folder for --dir to name", root->name, root->url);
	else if (bucket_mark(root, &was_marked, &error))
		printf(was_marked ? "%s is marked as root %s already\n" : "%s is root %s: its marker is written\n", root->url, root->name);
	return error ? command_fail(error) : EXIT_FINE;
}

static int list_roots(struct invocation *in, const struct looked *l)
{
	g_autoptr(GString) text = g_string_new(NULL);
	if (in->output == OUTPUT_JSON)
		report_roots_json(text, l->plan);
	else
		report_roots_text(text, l->plan);
	return command_print(text) ? EXIT_FINE : EXIT_FAILED;
}

int command_root(struct invocation *in)
{
	struct looked l;
	g_autoptr(GError) error = NULL;
	const char *what = in->n_args ? in->args[0] : "list";
	gboolean is_init = strcmp(what, "init") == 0;
	if (is_init ? in->n_args != 2 : in->n_args > 1 || strcmp(what, "list") != 0) {
		fputs("cleave: as `cleave root list`, or `cleave root init NAME`\n", stderr);
		return EXIT_BAD_USAGE;
	}
	in->settings.libvirt = in->settings.libvirt ? in->settings.libvirt : g_strdup("none");
	int code = command_look(in, &l);
	if (code < 0) {
		const struct object *farm = objects_farm(l.wanted.objects);
		const struct farm_root *root = is_init ? find_root(farm ? farm->spec : NULL, in->args[1], &error) : NULL;
		code = error ? command_fail(error) : !is_init ? list_roots(in, &l) : root->path ? init_root(in, root) : init_bucket(in, root);
	}
	looked_clear(&l);
	return code;
}
