/* A job's manifest on disk: the input is a segment. A line that begins with `=` gets its right CRC, so that
 * what stands behind it is read at all. */
#include "base/arena.h"
#include "base/error.h"
#include "frames/manifest.h"
#include "fuzz.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define FOLDER ".cleave/job/manifest"

static char *root;

static void remove_root(void)
{
	const char *argv[] = { "/bin/rm", "-rf", "--", root, NULL };
	g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL);
}

static int open_root(void)
{
	if (!root) {
		root = g_dir_make_tmp("cleave-fuzz-XXXXXX", NULL);
		g_autofree char *folder = g_build_filename(root, FOLDER, NULL);
		g_assert(g_mkdir_with_parents(folder, 0700) == 0);
		atexit(remove_root);
	}
	return open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static GString *with_checksums(const uint8_t *data, size_t size)
{
	GString *out = g_string_new(NULL);
	const char *at = (const char *)data, *end = at + size;
	while (at < end) {
		const char *lf = memchr(at, '\n', (gsize)(end - at));
		gsize len = (gsize)((lf ? lf : end) - at);
		if (len > 0 && *at == '=')
			g_string_append_printf(out, "%08lx ", crc32_z(crc32_z(0, NULL, 0), (const Bytef *)at + 1, len - 1));
		g_string_append_len(out, len > 0 && *at == '=' ? at + 1 : at, (gssize)(len > 0 && *at == '=' ? len - 1 : len));
		if (lf)
			g_string_append_c(out, '\n');
		at += len + (lf ? 1 : 0);
	}
	return out;
}

static void check_view(const struct manifest_view *v)
{
	for (gint64 frame = 0; frame < 4; frame++) {
		const struct record *r = NULL;
		for (guint i = 0; i < 1000 && (r = manifest_next(v, frame, r)); i++)
			g_assert(r->frame == frame && r->key && r->token && r->sha256 && r->file && record_staged_name(r));
		manifest_seen(v, frame, "a.png");
		manifest_frame(v, frame, "k");
	}
	manifest_any_content(v, "s");
	manifest_pin(v, "scene.blend");
	manifest_latest_us(v);
}

static void check_record(const char *line, gsize len)
{
	GStringChunk *strings = g_string_chunk_new(64);
	g_autoptr(GString) out = g_string_new(NULL);
	struct record r, again;
	if (record_decode(line, len, strings, &r) == RECORD_LINE_OK) {
		g_assert(record_encode(&r, out, NULL));
		g_assert(record_decode(out->str, out->len - 1, strings, &again) == RECORD_LINE_OK);
		g_assert(r.type == again.type && r.time_us == again.time_us && r.frame == again.frame);
		g_assert(g_strcmp0(r.file, again.file) == 0 && r.size == again.size && r.ino == again.ino);
	}
	g_string_chunk_free(strings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SCOPED_ARENA(a);
	g_autoptr(GString) text = with_checksums(data, size);
	int root_fd = open_root();
	g_autofree char *path = g_build_filename(root, FOLDER, "w.log", NULL);
	g_assert(g_file_set_contents_full(path, text->str, (gssize)text->len, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
	const struct manifest_view *v = manifest_read(a, root_fd, "job", NULL);
	g_assert_nonnull(v);
	check_view(v);
	check_record(text->str, strcspn(text->str, "\n"));
	close(root_fd);
	return 0;
}
