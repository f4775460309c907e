/* host_path_outside() in a tree with links that lead in and out. */
#include "base/arena.h"
#include "host/allowed.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct ctx {
	char *dir;
	struct arena *arena;
	struct host_tree tree;
};

static void make(struct ctx *x, const char *folder)
{
	g_autofree char *path = g_build_filename(x->dir, folder, NULL);
	assert_int_equal(g_mkdir_with_parents(path, 0755), 0);
}

static void link_to(struct ctx *x, const char *target, const char *name)
{
	g_autofree char *path = g_build_filename(x->dir, name, NULL), *to = g_build_filename(x->dir, target, NULL);
	assert_int_equal(symlink(to, path), 0);
}

static int setup(void **state)
{
	struct ctx *x = g_new0(struct ctx, 1);
	g_autofree char *dir = g_dir_make_tmp("cleave-allowed-XXXXXX", NULL);
	x->dir = realpath(dir, NULL);
	x->arena = arena_new();
	x->tree = host_tree_at(x->arena, x->dir, NULL);
	make(x, "srv/boot");
	make(x, "srv/boot-old");
	make(x, "etc");
	make(x, "data/boot");
	link_to(x, "etc", "srv/boot/out");
	link_to(x, "srv/boot-old", "srv/boot/twin");
	link_to(x, "srv/boot", "srv/same");
	link_to(x, "nowhere/at/all", "srv/boot/dangling");
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct ctx *x = *state;
	const char *argv[] = { "/bin/rm", "-rf", "--", x->dir, NULL };
	g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL);
	arena_free(x->arena);
	free(x->dir);
	g_free(x);
	return 0;
}

static const char *look(struct ctx *x, const char *folder, const char *path)
{
	const char *const folders[] = { "/nowhere", folder };
	const char *why = host_path_outside(x->arena, &x->tree, folders, 2, path, FALSE);
	const char *remote = host_path_outside(x->arena, &x->tree, folders, 2, path, TRUE);
	assert_int_equal(why != NULL, remote != NULL);
	return why;
}

static void by_name(void **state)
{
	struct ctx *x = *state;
	assert_null(host_path_outside(x->arena, &x->tree, NULL, 0, "/etc/shadow", FALSE));
	assert_null(look(x, "/srv/boot", "/srv/boot/vmlinuz"));
	assert_null(look(x, "/srv/boot/", "/srv/boot"));
	assert_null(look(x, "/srv/boot", "/srv//boot/./deep/er/file"));
	assert_null(look(x, "/", "/etc/passwd"));
	assert_non_null(strstr(look(x, "/srv/boot", "/etc/shadow"), "is outside of what"));
	assert_non_null(look(x, "/srv/boot", "/srv/boot-old/vmlinuz"));
	assert_non_null(look(x, "/srv/boot", "/srv/boot/../../etc/shadow"));
	assert_non_null(look(x, "/srv/boot", "/srv"));
}

static void by_links(void **state)
{
	struct ctx *x = *state;
	assert_non_null(strstr(look(x, "/srv/boot", "/srv/boot/out/shadow"), "leads by a link to"));
	assert_non_null(look(x, "/srv/boot", "/srv/boot/out"));
	assert_non_null(look(x, "/srv/boot", "/srv/boot/twin/x"));
	assert_null(look(x, "/srv", "/srv/boot/twin/x"));
	/* The folder may be a link itself; one that leads nowhere yet is not followed by guesses. */
	assert_null(look(x, "/srv/same", "/srv/same/vmlinuz"));
	assert_non_null(look(x, "/srv/same", "/srv/same/out/x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(by_links, setup, teardown),
	};
	return cmocka_run_group_tests_name("host_allowed", tests, NULL, NULL);
}
