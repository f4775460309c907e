/* libisofs: a tree of memory files, times and owners fixed, written by its thread, which this one reads from. */
#include "apply/iso.h"
#include "base/error.h"
#include <errno.h>
#include <stdint.h>
#define LIBISOFS_WITHOUT_LIBBURN /* declares struct burn_source itself */
#include <libisofs/libisofs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 2048 };

/* 1 Jan 2020. Any time would do that does not change. */
static const time_t made_at = 1577836800;
static char made_text[] = "2020010100000000";

static gboolean fail_iso(GError **error, int code, const char *what)
{
	return fail(error, ERROR_FAILED, "%s: %s", what, iso_error_to_msg(code));
}

/* libisofs frees the bytes. */
static int add_file(IsoDir *root, const struct iso_file *f)
{
	IsoStream *stream;
	IsoFile *node;
	unsigned char *copy = malloc(MAX(f->size, 1));
	if (!copy)
		return (int)ISO_OUT_OF_MEM;
	memcpy(copy, f->bytes, f->size);
	int code = iso_memory_stream_new(copy, f->size, &stream);
	if (code < 0) {
		free(copy);
		return code;
	}
	code = iso_tree_add_new_file(root, f->name, stream, &node);
	if (code < 0) {
		iso_stream_unref(stream);
		return code;
	}
	iso_node_set_permissions(ISO_NODE(node), f->mode);
	iso_node_set_uid(ISO_NODE(node), 0);
	iso_node_set_gid(ISO_NODE(node), 0);
	return ISO_SUCCESS;
}

static int fill(IsoImage *image, const char *label, const struct iso_file *files, guint n)
{
	IsoDir *root = iso_image_get_root(image);
	int code = ISO_SUCCESS;
	iso_image_set_volume_id(image, label);
	iso_image_set_volset_id(image, label);
	iso_image_set_application_id(image, "cleave");
	iso_node_set_permissions(ISO_NODE(root), 0755);
	iso_node_set_uid(ISO_NODE(root), 0);
	iso_node_set_gid(ISO_NODE(root), 0);
	for (guint i = 0; i < n && code >= 0; i++)
		code = add_file(root, &files[i]);
	return code;
}

/* Times come from the clock unless they are all set; a digest in the image or a serial number of a file would differ
 * from one image to the next. */
static int set_options(IsoWriteOpts *opts)
{
	iso_write_opts_set_iso_level(opts, 3);
	iso_write_opts_set_rockridge(opts, 1);
	iso_write_opts_set_joliet(opts, 1);
	iso_write_opts_set_hardlinks(opts, 0);
	iso_write_opts_set_record_md5(opts, 0, 0);
	iso_write_opts_set_replace_timestamps(opts, 2);
	iso_write_opts_set_default_timestamp(opts, made_at);
	iso_write_opts_set_always_gmt(opts, 1);
	return iso_write_opts_set_pvd_times(opts, made_at, made_at, 0, 0, made_text);
}

static gboolean put_block(int fd, const guchar *block, GError **error)
{
	for (gsize done = 0; done < BLOCK;) {
		ssize_t n = write(fd, block + done, BLOCK - done);
		if (n < 0 && errno != EINTR)
			return fail_errno(error, errno, "writing an image");
		if (n > 0)
			done += (gsize)n;
	}
	return TRUE;
}

static gboolean copy_blocks(int fd, struct burn_source *source, char **ret_digest, GError **error)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	guchar block[BLOCK];
	int n;
	while ((n = source->read_xt(source, block, BLOCK)) == BLOCK) {
		g_checksum_update(sum, block, BLOCK);
		if (!put_block(fd, block, error)) {
			source->cancel(source);
			return FALSE;
		}
	}
	if (n != 0)
		return fail(error, ERROR_FAILED, "libisofs ended in the middle of an image");
	*ret_digest = g_strdup(g_checksum_get_string(sum));
	return TRUE;
}

static gboolean write_image(int fd, IsoImage *image, IsoWriteOpts *opts, char **ret_digest, GError **error)
{
	struct burn_source *source;
	int code = iso_image_create_burn_source(image, opts, &source);
	if (code < 0)
		return fail_iso(error, code, "preparing an image");
	gboolean ok = copy_blocks(fd, source, ret_digest, error);
	source->free_data(source);
	free(source);
	return ok;
}

static gboolean build(int fd, const char *label, const struct iso_file *files, guint n, char **ret_digest, GError **error)
{
	IsoImage *image = NULL;
	IsoWriteOpts *opts = NULL;
	gboolean ok = FALSE;
	int code = iso_image_new(label, &image);
	if (code >= 0)
		code = fill(image, label, files, n);
	if (code >= 0)
		code = iso_write_opts_new(&opts, 0);
	if (code >= 0)
		code = set_options(opts);
	if (code < 0)
		fail_iso(error, code, "making an image");
	else
		ok = write_image(fd, image, opts, ret_digest, error);
	if (opts)
		iso_write_opts_free(opts);
	if (image)
		iso_image_unref(image);
	return ok;
}

/* The library counts files and keeps messages for the whole process. */
gboolean iso_write(int fd, const char *label, const struct iso_file *files, guint n, char **ret_digest, GError **error)
{
	static GMutex one_at_a_time;
	g_mutex_lock(&one_at_a_time);
	gboolean ok = FALSE;
	int code = iso_init();
	if (code < 0) {
		fail_iso(error, code, "libisofs");
	} else {
		iso_set_msgs_severities("NEVER", "NEVER", "");
		ok = build(fd, label, files, n, ret_digest, error);
		iso_finish();
	}
	g_mutex_unlock(&one_at_a_time);
	return ok;
}
