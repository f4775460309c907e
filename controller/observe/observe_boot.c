/* How the host boots, what cleave has set for the next boot, and which modules are not to be had. */
#include "base/arena.h"
#include "host/boot.h"
#include "observe/observe.h"
#include "spec/boot.h"
#include <string.h>

/* One path of each row of signs has to be there. */
static gboolean has_signs(const struct host_tree *t, const struct boot_family *family)
{
	for (guint i = 0; i < BOOT_SIGNS && family->signs[i][0]; i++) {
		gboolean is_there = FALSE;
		for (guint way = 0; way < BOOT_WAYS && family->signs[i][way] && !is_there; way++)
			is_there = host_exists(t, "%s", family->signs[i][way]);
		if (!is_there)
			return FALSE;
	}
	return TRUE;
}

const struct boot_family *observe_boot_family(const struct host_tree *t)
{
	const struct boot_family *family = boot_families;
	while (family->name && !has_signs(t, family))
		family++;
	return family;
}

static struct list read_drop_ins(struct arena *a, const struct host_tree *t)
{
	const char **paths = boot_all_paths(a);
	struct host_drop_in *files = ARENA_ARRAY(a, struct host_drop_in, g_strv_length((char **)paths));
	guint n = 0;
	for (; *paths; paths++) {
		const char *text = host_read(a, t, "%s", *paths + 1);
		if (text)
			files[n++] = (struct host_drop_in){ *paths, g_utf8_make_valid(text, -1) };
		if (text)
			arena_own(a, (gpointer)files[n - 1].text, g_free);
	}
	return (struct list){ files, n };
}

static struct strings strings_of(char **items)
{
	return (struct strings){ (const char **)items, g_strv_length(items) };
}

static struct strings missing_modules(struct arena *a, const struct observe_input *in)
{
	struct strings wanted = host_wanted_modules(a, in->want, in->host);
	struct strings missing = { ARENA_ARRAY(a, const char *, wanted.n), 0 };
	for (guint i = 0; i < wanted.n; i++)
		if (!host_has_module(in->tree, wanted.items[i]))
			missing.items[missing.n++] = wanted.items[i];
	return missing;
}

void observe_boot(struct arena *a, const struct observe_input *in, struct objects *have)
{
	struct host_status *s = objects_get(have, KIND_HOST, in->host)->status;
	struct boot_record record;
	boot_record_read(a, in->tree, &record);
	s->boot.family = observe_boot_family(in->tree)->name;
	s->boot.drop_ins = read_drop_ins(a, in->tree);
	s->boot.generated = record.generated;
	s->boot.arguments = strings_of(record.arguments);
	s->blacklisted = strings_of(host_blacklisted(a, in->tree));
	if (!s->is_sysfs_alone)
		s->missing_modules = missing_modules(a, in);
}
