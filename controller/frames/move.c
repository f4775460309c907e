/* The copy goes the way of every frame: staging, manifest, visible name. */
#include "frames/move.h"
#include "base/error.h"
#include "frames/copy.h"
#include "frames/deliver.h"
#include "frames/manifest.h"
#include "frames/root.h"
#include "frames/store.h"
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static const char *name_in(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static gboolean may_become(const struct record *r, const char *visible, gboolean any_name)
{
	if (strcmp(store_extension(r->file), store_extension(visible)) != 0)
		return FALSE;
	return any_name || strcmp(name_in(r->file), name_in(visible)) == 0;
}

static gboolean is_whole(const struct move_place *place, const struct record *r)
{
	struct frame_sight sight;
	return frame_inspect(&place->look, r->frame, r->key, r->file, &sight, NULL) && sight.state == FRAME_WHOLE &&
	       strcmp(sight.digest.sha256, r->sha256) == 0;
}

gboolean move_find(const struct move_place *places, guint n, const struct move_place *own, gint64 frame, const char *key,
		   const char *visible, gboolean any_name, struct move_source *ret)
{
	for (guint i = 0; i < n; i++) {
		const struct record *r = NULL;
		while ((r = manifest_next(places[i].look.view, frame, r))) {
			gboolean is_itself = &places[i] == own && strcmp(r->file, visible) == 0;
			if (is_itself || strcmp(r->key, key) != 0 || !may_become(r, visible, any_name) || !is_whole(&places[i], r))
				continue;
			*ret = (struct move_source){ &places[i], r };
			return TRUE;
		}
	}
	return FALSE;
}

/* The same at each try. A frame may have several files of one name in different folders. */
static char *token_of(gint64 frame, const char *visible)
{
	gulong sum = crc32_z(crc32_z(0, NULL, 0), (const guchar *)visible, strlen(visible));
	return g_strdup_printf("copy-%" G_GINT64_FORMAT "-%08lx", frame, sum);
}

static gboolean stage_copy(const struct move_source *from, const struct move_place *own, const char *folder,
			   const char *name, GError **error)
{
	SCOPED_FD(stage) = root_mkdirs(own->look.root_fd, folder);
	g_autofree char *partial = g_strconcat(name, STORE_PARTIAL, NULL);
	if (stage < 0)
		return fail_errno(error, errno, "%s cannot be made", folder);
	if (!copy_checked(from->place->look.root_fd, from->record->file, stage, partial, from->record->sha256, NULL, error))
		return FALSE;
	if (renameat(stage, partial, stage, name) < 0 || root_sync_dir(stage) < 0)
		return fail_errno(error, errno, "%s/%s cannot be made", folder, name);
	return TRUE;
}

/* Who rendered it is known from the first record; a second one with a time would be paid for twice. */
static gboolean record_copy(const struct move_source *from, const char *token, const char *visible, struct manifest *m,
			    GError **error)
{
	struct record copy = *from->record;
	copy.time_us = 0;
	copy.seconds = 0;
	copy.token = token;
	copy.file = visible;
	copy.staged = NULL;
	copy.mtime_ns = 0;
	return manifest_append(m, &copy, error);
}

gboolean move_copy(const struct move_source *from, const struct move_place *own, const char *visible, struct manifest *m,
		   GError **error)
{
	enum delivered how;
	g_autofree char *token = token_of(from->record->frame, visible);
	g_autofree char *folder = root_job_path(own->look.job_dir, "staging", token, error);
	const struct delivery d = { .root_fd = own->look.root_fd,
				    .job_dir = own->look.job_dir,
				    .token = token,
				    .sha256 = from->record->sha256,
				    .visible = visible,
				    .may_replace = TRUE };
	if (!folder || !stage_copy(from, own, folder, name_in(visible), error) ||
	    !record_copy(from, token, visible, m, error) || !frame_deliver(&d, &how, error)) {
		g_prefix_error(error, "copying %s:%s: ", from->place->root, from->record->file);
		return FALSE;
	}
	SCOPED_ENTRY(entry);
	if (root_open_entry(own->look.root_fd, folder, FALSE, &entry, NULL) && entry.dir_fd >= 0)
		(void)unlinkat(entry.dir_fd, entry.name, AT_REMOVEDIR); /* what is left else is collected later */
	return TRUE;
}
