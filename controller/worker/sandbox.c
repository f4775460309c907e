/* bubblewrap's command line. As root it mounts with root's rights and setpriv(1) takes another uid within, so that no
 * user namespace is needed and folders above a root may be closed to that uid; as a user a user namespace stands in. */
#include "worker/sandbox.h"
#include "base/error.h"
#include <errno.h>
#include <gio/gio.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN_USER "cleave-blender"

enum { NOBODY = 65534, SIGNAL_BASE = 128, SIGNALS = 64, GROUPS_MAX = 64 };

struct sandbox {
	gboolean is_open;    /* confines nothing */
	gboolean has_proc;   /* a /proc of its own can be mounted */
	gboolean is_root;    /* ours is root's uid */
	char *bwrap, *setpriv;
	uid_t uid;
	gid_t gid;
	char *groups; /* "44,107" for setpriv; "": none */
	char *text;
};

/* -- what it may know ------------------------------------------------------------------------ */

/* Of the environment: names, and beginnings of names where they end with `*`. The queue's address and credentials are
 * not among them, and neither is what nobody thought of. */
static const char *const known_variables[] = {
	"PATH", "LANG", "LC_*", "TZ", "LD_LIBRARY_PATH", "OCIO", "BLENDER_*", "CYCLES_*",
	"CUDA_*", "NVIDIA_*", "OPTIX_*", "HIP_*", "ROCR_*", "HSA_*", "ONEAPI_*", "SYCL_*", "ZE_*", "GPU_*",
	"__GL*", "__EGL*", "__NV_*", "VK_*", "MESA_*", "LIBGL_*", "OMP_*", "TBB_*",
};

static gboolean is_known(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(known_variables); i++) {
		const char *known = known_variables[i];
		gsize len = strlen(known) - 1;
		if (known[len] == '*' ? strncmp(name, known, len) == 0 : strcmp(name, known) == 0)
			return TRUE;
	}
	return FALSE;
}

char **sandbox_environment(const char *const *variables, const char *scratch)
{
	char **environment = g_new0(char *, 1);
	g_auto(GStrv) ours = g_listenv();
	for (guint i = 0; variables && variables[i]; i++) {
		g_auto(GStrv) pair = g_strsplit(variables[i], "=", 2);
		environment = g_environ_setenv(environment, pair[0], pair[1], TRUE);
	}
	for (guint i = 0; ours[i]; i++)
		if (is_known(ours[i]))
			environment = g_environ_setenv(environment, ours[i], g_getenv(ours[i]), TRUE);
	environment = g_environ_setenv(environment, "HOME", scratch, TRUE);
	return g_environ_setenv(environment, "TMPDIR", scratch, TRUE);
}

/* -- the command line ------------------------------------------------------------------------ */

static void add(GPtrArray *argv, const char *first, const char *second, const char *third)
{
	const char *const words[] = { first, second, third };
	for (guint i = 0; i < G_N_ELEMENTS(words) && words[i]; i++)
		g_ptr_array_add(argv, g_strdup(words[i]));
}

/* The folders above a path, which bubblewrap would close to others where what is bound there is not open to them. */
static void add_parents(GPtrArray *argv, const char *path)
{
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		g_autofree char *folder = g_strndup(path, (gsize)(slash - path));
		add(argv, "--dir", folder, NULL);
	}
}

/* Read only; what is not there is left out. */
static void add_readable(GPtrArray *argv, const char *path)
{
	add_parents(argv, path);
	add(argv, "--ro-bind-try", path, path);
}

/* Programs and libraries. On a merged /usr the others are links into it. */
static void add_system(GPtrArray *argv)
{
	static const char *const beside_usr[] = { "/bin", "/sbin", "/lib", "/lib32", "/lib64" };
	static const char *const settings[] = {
		"ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "passwd", "group", "nsswitch.conf",
		"fonts", "OpenCL", "vulkan", "glvnd", "egl", "drirc", "nvidia",
	};
	add(argv, "--ro-bind", "/usr", "/usr");
	for (guint i = 0; i < G_N_ELEMENTS(beside_usr); i++) {
		g_autofree char *target = g_file_read_link(beside_usr[i], NULL);
		if (target)
			add(argv, "--symlink", target, beside_usr[i]);
		else
			add_readable(argv, beside_usr[i]);
	}
	for (guint i = 0; i < G_N_ELEMENTS(settings); i++) {
		g_autofree char *path = g_build_filename("/etc", settings[i], NULL);
		add_readable(argv, path);
	}
	/* Cycles and the drivers look there for the topology and the GPUs. */
	add_readable(argv, "/sys");
	add_readable(argv, "/var/cache/fontconfig");
}

static gboolean is_gpu_node(const char *name)
{
	return g_str_has_prefix(name, "nvidia") || strcmp(name, "dri") == 0 || strcmp(name, "kfd") == 0 || strcmp(name, "dxg") == 0;
}

/* Looked up each time: a GPU may have come since. */
static void add_devices(GPtrArray *argv)
{
	g_autoptr(GDir) dev = g_dir_open("/dev", 0, NULL);
	const char *name;
	add(argv, "--dev", "/dev", NULL);
	while (dev && (name = g_dir_read_name(dev))) {
		g_autofree char *path = g_build_filename("/dev", name, NULL);
		if (is_gpu_node(name))
			add(argv, "--dev-bind-try", path, path);
	}
}

/* Where /proc cannot be mounted (systemd's ProtectKernelTunables, containers) the host's is not shown either: through
 * /proc/PID/root the worker's files would be within reach. */
static void add_proc(const struct sandbox *s, GPtrArray *argv)
{
	static const char *const facts[] = { "/proc/cpuinfo", "/proc/meminfo", "/proc/driver" };
	if (s->has_proc)
		add(argv, "--proc", "/proc", NULL);
	for (guint i = 0; !s->has_proc && i < G_N_ELEMENTS(facts); i++)
		add_readable(argv, facts[i]);
}

static void add_isolation(const struct sandbox *s, GPtrArray *argv)
{
	static const char *const flags[] = { "--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
		                             "--unshare-cgroup-try", "--die-with-parent", "--new-session" };
	add(argv, s->bwrap, s->is_root ? NULL : "--unshare-user", NULL);
	for (guint i = 0; i < G_N_ELEMENTS(flags); i++)
		add(argv, flags[i], NULL, NULL);
	if (!s->is_root)
		return;
	add(argv, "--cap-drop", "ALL", NULL);
	add(argv, "--cap-add", "CAP_SETUID", NULL);
	add(argv, "--cap-add", "CAP_SETGID", NULL);
}

/* Within: root becomes the other user for good. */
static void add_user(const struct sandbox *s, GPtrArray *argv)
{
	g_autofree char *uid = g_strdup_printf("--reuid=%u", (guint)s->uid);
	g_autofree char *gid = g_strdup_printf("--regid=%u", (guint)s->gid);
	g_autofree char *groups = *s->groups ? g_strconcat("--groups=", s->groups, NULL) : g_strdup("--clear-groups");
	add(argv, s->setpriv, uid, gid);
	add(argv, groups, "--inh-caps=-all", "--no-new-privs");
	add(argv, "--", NULL, NULL);
}

/* An empty one that ends with it. */
static void add_private(GPtrArray *argv, const char *folder)
{
	add(argv, "--perms", "1777", NULL);
	add(argv, "--tmpfs", folder, NULL);
}

/* The folder a program was unpacked to holds its data too. */
static void add_program(GPtrArray *argv, const char *program)
{
	char *real = realpath(program, NULL);
	const char *const paths[] = { program, real };
	for (guint i = 0; i < G_N_ELEMENTS(paths) && paths[i]; i++) {
		g_autofree char *folder = g_path_get_dirname(paths[i]);
		if (strcmp(folder, "/") == 0)
			add_readable(argv, paths[i]);
		else if (!g_str_has_prefix(folder, "/usr/") && !g_str_has_prefix(folder, "/bin"))
			add_readable(argv, folder);
	}
	free(real);
}

char **sandbox_wrap(const struct sandbox *s, const struct cage *cage, const char *const *command)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
	if (s->is_open)
		return g_strdupv((char **)command);
	add_isolation(s, argv);
	add_system(argv);
	add_devices(argv);
	add_proc(s, argv);
	add_private(argv, "/tmp");
	add_private(argv, "/dev/shm");
	add_program(argv, command[0]);
	for (guint i = 0; cage->readable && cage->readable[i]; i++)
		add_readable(argv, cage->readable[i]);
	/* The last, since it may lie in one of those. */
	add_parents(argv, cage->scratch);
	add(argv, "--bind", cage->scratch, cage->scratch);
	add(argv, "--remount-ro", "/", NULL);
	add(argv, "--chdir", "/", "--");
	if (s->is_root)
		add_user(s, argv);
	for (guint i = 0; command[i]; i++)
		add(argv, command[i], NULL, NULL);
	g_ptr_array_add(argv, NULL);
	return (char **)g_ptr_array_steal(argv, NULL);
}

gboolean sandbox_hand_over(const struct sandbox *s, const char *scratch, GError **error)
{
	if (s->is_open || !s->is_root || lchown(scratch, s->uid, s->gid) == 0)
		return TRUE;
	return fail_errno(error, errno, "%s cannot be given to uid %u", scratch, (guint)s->uid);
}

int sandbox_signal_of(const struct sandbox *s, int exit_code)
{
	int number = exit_code - SIGNAL_BASE;
	return !s->is_open && number > 0 && number <= SIGNALS ? number : 0;
}

/* -- finding one ----------------------------------------------------------------------------- */

/* The groups that own the GPUs' device nodes, and those of the user: "44,107". */
static char *find_groups(const char *user, gid_t gid)
{
	static const char *const nodes[] = { "/dev/kfd", "/dev/dri/renderD128", "/dev/dri/card0" };
	gid_t all[GROUPS_MAX];
	int n = GROUPS_MAX - (int)G_N_ELEMENTS(nodes);
	struct stat st;
	if (!user || getgrouplist(user, gid, all, &n) < 0)
		n = 0;
	for (guint i = 0; i < G_N_ELEMENTS(nodes); i++)
		if (stat(nodes[i], &st) == 0 && st.st_gid != 0)
			all[n++] = st.st_gid;
	GString *text = g_string_new(NULL);
	for (int i = 0; i < n; i++)
		g_string_append_printf(text, "%s%u", i ? "," : "", (guint)all[i]);
	return g_string_free(text, FALSE);
}

static void choose_user(struct sandbox *s)
{
	const struct passwd *own = getpwnam(OWN_USER);
	s->is_root = geteuid() == 0;
	s->uid = !s->is_root ? geteuid() : own ? own->pw_uid : NOBODY;
	s->gid = !s->is_root ? getegid() : own ? own->pw_gid : NOBODY;
	s->groups = find_groups(own ? OWN_USER : NULL, s->gid);
}

/* Runs `id -u` in it, which must say the uid that Blender will have. */
static gboolean works(const struct sandbox *s, GError **error)
{
	g_autofree char *scratch = g_dir_make_tmp("cleave-sandbox-XXXXXX", error);
	g_autofree char *id = g_find_program_in_path("id");
	const char *const command[] = { id ? id : "/usr/bin/id", "-u", NULL };
	const struct cage cage = { .scratch = scratch };
	if (!scratch)
		return FALSE;
	g_auto(GStrv) argv = sandbox_hand_over(s, scratch, error) ? sandbox_wrap(s, &cage, command) : NULL;
	g_autoptr(GSubprocess) child =
		argv ? g_subprocess_newv((const char *const *)argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, error)
		     : NULL;
	g_autofree char *said = NULL, *complaint = NULL;
	g_autofree char *uid = g_strdup_printf("%u\n", (guint)s->uid);
	gboolean was_run = child && g_subprocess_communicate_utf8(child, NULL, NULL, &said, &complaint, error);
	(void)rmdir(scratch);
	if (!was_run || (g_subprocess_get_successful(child) && strcmp(said, uid) == 0))
		return was_run;
	return fail(error, ERROR_REFUSED, "%s", *g_strstrip(complaint) ? complaint : "it runs programs under another uid");
}

static gboolean find_bubblewrap(struct sandbox *s, GError **error)
{
	g_autoptr(GError) first = NULL;
	s->bwrap = g_find_program_in_path("bwrap");
	s->setpriv = g_find_program_in_path("setpriv");
	if (!s->bwrap)
		return fail(error, ERROR_REFUSED, "the program bwrap (package bubblewrap) is not there");
	if (s->is_root && !s->setpriv)
		return fail(error, ERROR_REFUSED, "the program setpriv (package util-linux) is not there");
	s->has_proc = TRUE;
	if (works(s, &first))
		return TRUE;
	s->has_proc = FALSE;
	if (works(s, NULL))
		return TRUE;
	return fail(error, ERROR_REFUSED, "bwrap: %s", first->message);
}

struct sandbox *sandbox_find(enum sandbox_wish wish, GError **error)
{
	struct sandbox *s = g_new0(struct sandbox, 1);
	g_autoptr(GError) problem = NULL;
	choose_user(s);
	s->is_open = wish == SANDBOX_NONE;
	if (s->is_open) {
		s->text = g_strdup("nothing confines Blender: scripts of scenes can do what this worker can");
		return s;
	}
	if (find_bubblewrap(s, &problem)) {
		s->text = g_strdup_printf("bubblewrap, uid %u%s%s", (guint)s->uid, s->is_root ? "" : ", a user namespace",
					  s->has_proc ? "" : ", no /proc");
		return s;
	}
	fail(error, ERROR_REFUSED, "Blender cannot be confined: %s; make that work, or say --sandbox none to render without",
	     problem->message);
	sandbox_free(s);
	return NULL;
}

void sandbox_free(struct sandbox *s)
{
	if (!s)
		return;
	g_free(s->bwrap);
	g_free(s->setpriv);
	g_free(s->groups);
	g_free(s->text);
	g_free(s);
}

gboolean sandbox_confines(const struct sandbox *s)
{
	return !s->is_open;
}

const char *sandbox_text(const struct sandbox *s)
{
	return s->text;
}
