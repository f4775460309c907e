/* Writes the few settings without which the embedded driver needs a daemon or a whole system. */
#include "host/embed.h"
#include "base/error.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* virtlogd is a daemon: QEMU writes its output to files instead. */
static const char USER_CONF[] = "stdio_handler = \"file\"\n"
				"security_driver = \"none\"\n";
/* As root libvirt would give files to another user, build mount namespaces and cgroups, and remember
 * owners in extended attributes, all of which want a system of its own. */
static const char ROOT_CONF[] = "user = \"root\"\n"
				"group = \"root\"\n"
				"remember_owner = 0\n"
				"namespaces = []\n"
				"cgroup_controllers = []\n";

static char *find_root(const char *uri)
{
	g_autoptr(GUri) parsed = g_uri_parse(uri, G_URI_FLAGS_NONE, NULL);
	if (!parsed || strcmp(g_uri_get_scheme(parsed), "qemu") != 0 || strcmp(g_uri_get_path(parsed), "/embed") != 0)
		return NULL;
	const char *query = g_uri_get_query(parsed);
	g_autoptr(GHashTable) params = g_uri_parse_params(query ? query : "", -1, "&", G_URI_PARAMS_NONE, NULL);
	return g_strdup(params ? g_hash_table_lookup(params, "root") : NULL);
}

gboolean virt_embed_prepare(const char *uri, GError **error)
{
	if (!g_str_has_prefix(uri, "qemu:///embed"))
		return TRUE;
	g_autofree char *root = find_root(uri);
	if (!root || !g_path_is_absolute(root))
		return fail(error, ERROR_INVALID, "%s: write qemu:///embed?root=DIR with an absolute DIR", uri);
	g_autofree char *folder = g_build_filename(root, "etc", NULL);
	g_autofree char *path = g_build_filename(folder, "qemu.conf", NULL);
	if (g_mkdir_with_parents(folder, 0700) < 0)
		return fail_errno(error, errno, "preparing %s", folder);
	if (g_file_test(path, G_FILE_TEST_EXISTS))
		return TRUE;
	g_autofree char *text = g_strconcat(USER_CONF, geteuid() == 0 ? ROOT_CONF : "", NULL);
	GError *problem = NULL;
	if (!g_file_set_contents(path, text, -1, &problem)) {
		fail(error, ERROR_FAILED, "preparing %s: %s", path, problem->message);
		g_error_free(problem);
		return FALSE;
	}
	return TRUE;
}
