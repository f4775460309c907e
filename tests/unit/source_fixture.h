/* Temporary folders and the real git, for the source tests. */
#pragma once
#include <glib.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* `sh -c` in `dir` with a fixed identity and no configuration of the machine; fails the test on error. */
static inline void run_in(const char *dir, const char *script)
{
	g_auto(GStrv) env = g_get_environ();
	env = g_environ_setenv(env, "HOME", dir, TRUE);
	env = g_environ_setenv(env, "GIT_CONFIG_GLOBAL", "/dev/null", TRUE);
	env = g_environ_setenv(env, "GIT_CONFIG_NOSYSTEM", "1", TRUE);
	for (guint i = 0; i < 2; i++) {
		const char *who = i ? "COMMITTER" : "AUTHOR";
		g_autofree char *name = g_strdup_printf("GIT_%s_NAME", who),
				*mail = g_strdup_printf("GIT_%s_EMAIL", who);
		env = g_environ_setenv(env, name, "Ada", TRUE);
		env = g_environ_setenv(env, mail, "ada@example.org", TRUE);
	}
	g_autofree char *full = g_strconcat("set -e; git() { command git -c init.defaultBranch=main "
					    "-c protocol.file.allow=always -c gc.auto=0 \"$@\"; }\n",
					    script, NULL);
	const char *argv[] = { "/bin/bash", "-c", full, NULL };
	g_autofree char *err = NULL;
	gint status;
	g_autoptr(GError) error = NULL;
	if (!g_spawn_sync(dir, (char **)argv, env, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, &err, &status,
			  &error) ||
	    !g_spawn_check_wait_status(status, &error))
		fail_msg("%s: %s\n%s", script, error->message, err ? err : "");
}

static inline char *temp_folder(void)
{
	char *dir = g_dir_make_tmp("cleave-source-XXXXXX", NULL);
	assert_non_null(dir);
	return dir;
}

static inline void temp_remove(char *dir)
{
	const char *argv[] = { "/bin/rm", "-rf", "--", dir, NULL };
	g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL);
	g_free(dir);
}
