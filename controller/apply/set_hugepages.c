/* set-hugepages: asks the kernel for numbers of pages, node by node, and reads what it has got together
 * (Documentation/admin-guide/mm/hugetlbpage.rst: it takes what it finds and reports no error). */
#include "apply/apply.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/units.h"
#include "host/hands.h"
#include "spec/host.h"

static const char *path_of(struct arena *a, const struct host_hugepages *pages)
{
	const char *folder = pages->node < 0 ? "sys/kernel/mm"
	                                     : arena_printf(a, "sys/devices/system/node/node%" G_GINT64_FORMAT, pages->node);
	return arena_printf(a, "%s/hugepages/hugepages-%" G_GUINT64_FORMAT "kB/nr_hugepages", folder, pages->size_bytes / KiB);
}

/* "1G", as the kernel's arguments have it. */
static const char *size_argument(struct arena *a, guint64 bytes)
{
	guint64 unit = bytes % GiB == 0 ? GiB : bytes % MiB == 0 ? MiB : KiB;
	return arena_printf(a, "%" G_GUINT64_FORMAT "%c", bytes / unit, unit == GiB ? 'G' : unit == MiB ? 'M' : 'K');
}

/* Sentence of what is wrong now, or NULL. */
static const char *why_not_there(struct arena *a, const struct host_hugepages *pages, gint64 n_now)
{
	const char *size = bytes_format(a, pages->size_bytes);
	if (n_now == pages->count)
		return NULL;
	if (n_now < 0)
		return arena_printf(a, "the number of pages of %s cannot be read back", size);
	if (n_now > pages->count)
		return arena_printf(a, "%" G_GINT64_FORMAT " pages of %s are left of which %" G_GINT64_FORMAT
		                       " are wanted: they are in use", n_now, size, pages->count);
	return arena_printf(a, "%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " pages of %s: its memory is in use or in pieces; "
	                       "kernelArgs hugepagesz=%s and hugepages=%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT
	                       " set them aside at the next boot",
	                    n_now, pages->count, size, size_argument(a, pages->size_bytes), MAX(pages->node, 0), pages->count);
}

/* How far one write goes: to find and clear memory takes its time, and each write has a deadline. */
enum { STEP_GIB = 16 };

static gint64 next_count(const struct host_hugepages *pages, gint64 n_now)
{
	gint64 step = MAX((gint64)(STEP_GIB * GiB / pages->size_bytes), 1);
	return n_now < 0 || pages->count < n_now ? pages->count : MIN(pages->count, n_now + step);
}

static const char *set_pages(const struct apply_input *in, const struct host_hugepages *pages)
{
	const char *path = path_of(in->arena, pages);
	gint64 n_now = host_read_number(in->hands->tree, -1, "%s", path);
	while (n_now != pages->count) {
		g_autoptr(GError) local = NULL;
		gint64 n_asked = next_count(pages, n_now);
		g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT "\n", n_asked);
		if (!hands_write(in->hands, NULL, path, text, &local))
			return arena_strdup(in->arena, local->message);
		n_now = host_read_number(in->hands->tree, -1, "%s", path);
		if (n_now != n_asked)
			break;
	}
	return why_not_there(in->arena, pages, n_now);
}

gboolean set_hugepages(const struct apply_input *in, const struct action *act, GError **error)
{
	g_autoptr(GString) failures = g_string_new(NULL);
	/* One node that falls short keeps nothing from the others. */
	for (guint i = 0; i < act->host->pages.n; i++) {
		const struct host_hugepages *pages = LIST_AT(act->host->pages, struct host_hugepages, i);
		const char *why_not = set_pages(in, pages);
		if (why_not)
			g_string_append_printf(failures, "%snode %" G_GINT64_FORMAT ": %s", failures->len ? "; " : "",
			                       MAX(pages->node, 0), why_not);
	}
	return failures->len ? fail(error, ERROR_FAILED, "%s", failures->str) : TRUE;
}
