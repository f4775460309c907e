/* Xids in a kernel's log that a plain file stands in for. */
#include "base/arena.h"
#include "host/xid.h"
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char log_text[] =
	"6,1,10,-;Linux version 6.1\n"
	"4,2,20,-;NVRM: Xid (PCI:0000:65:00): 13, pid=12, Graphics Exception\n"
	"4,3,30,-;NVRM: Xid (PCI:0000:65:00): 79, pid='<unknown>', GPU has fallen off the bus.\n"
	"4,4,40,-;NVRM: Xid (PCI:0000:B3:00): 31, pid=7\n"
	"4,5,50,-;NVRM: Xid (PCI:): x\n4,6,60,-;NVRM: Xid (PCI:0000:65:00\n"
	"4,7,70,-;NVRM: Xid (PCI:0000000000000000000000000000000000000000000:65:00): 1\n";

static void reads_the_log(void **state)
{
	(void)state;
	SCOPED_ARENA(a);
	g_autofree char *root = g_dir_make_tmp("cleave-xid-XXXXXX", NULL), *dev = g_build_filename(root, "dev", NULL);
	g_autofree char *log = g_build_filename(dev, "kmsg", NULL);
	struct host_tree t = host_tree_at(a, root, NULL);
	struct xid_counts all;
	xid_read(a, &t, &all);
	assert_false(all.is_told);
	assert_null(xid_find(&all, "0000:65:00.0"));
	assert_int_equal(g_mkdir(dev, 0700), 0);
	assert_true(g_file_set_contents(log, log_text, -1, NULL));
	xid_read(a, &t, &all);
	assert_true(all.is_told);
	const struct xid_count *first = xid_find(&all, "0000:65:00.0"), *second = xid_find(&all, "0000:b3:00.1");
	assert_non_null(first);
	assert_int_equal(first->last, 79);
	assert_int_equal(first->n, 2);
	assert_non_null(second);
	assert_int_equal(second->last, 31);
	assert_null(xid_find(&all, "0000:66:00.0"));
	assert_null(xid_find(&all, NULL));
	g_remove(log);
	g_rmdir(dev);
	g_rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads_the_log) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
