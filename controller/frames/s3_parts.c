/* Large objects: begun, sent part by part, and then there all at once or not at all. */
#include "base/error.h"
#include "frames/s3_request.h"
#include "frames/s3_xml.h"
#include <string.h>

static char *begin(struct s3 *s, const char *key, GError **error)
{
	const struct s3_body nothing = s3_body_of_text("");
	const struct s3_request r = { .method = "POST", .key = key, .query = "uploads=", .body = &nothing };
	SCOPED_ANSWER(a);
	if (!s3_ask(s, &r, &a, error) || !s3_answer_is_fine(s, &r, &a, error))
		return NULL;
	char *id = s3_xml_find(a.said->str, a.said->len, "UploadId");
	if (!id)
		fail(error, ERROR_INVALID, "POST %s/%s: the answer names no upload", s->name, key);
	return id;
}

static gboolean send_part(struct s3 *s, const char *key, const char *upload, guint number, const struct s3_body *body,
			  GString *list, GError **error)
{
	g_autofree char *query = g_strdup_printf("partNumber=%u&uploadId=%s", number, upload);
	g_autofree char *md5 = s3_body_md5_base64(body);
	g_autofree char *digest = g_strconcat("content-md5: ", md5, NULL);
	const struct s3_request r = { .method = "PUT", .key = key, .query = query, .body = body, .headers = { digest } };
	SCOPED_ANSWER(a);
	if (!s3_ask(s, &r, &a, error) || !s3_answer_is_fine(s, &r, &a, error))
		return FALSE;
	g_autofree char *etag = g_markup_escape_text(a.facts.etag, -1);
	g_string_append_printf(list, "<Part><PartNumber>%u</PartNumber><ETag>\"%s\"</ETag></Part>", number, etag);
	return TRUE;
}

static gboolean send_parts(struct s3 *s, const char *key, const char *upload, int fd, guint64 size, GString *list,
			   GError **error)
{
	guint number = 1;
	for (guint64 at = 0; at < size; at += s->part_bytes, number++) {
		struct s3_body body;
		if (!s3_body_of_fd(fd, at, MIN(s->part_bytes, size - at), &body, error) ||
		    !send_part(s, key, upload, number, &body, list, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean end(struct s3 *s, const char *key, const char *upload, const char *list, const char *condition,
		    struct s3_answer *ret, GError **error)
{
	g_autofree char *query = g_strconcat("uploadId=", upload, NULL);
	g_autofree char *xml = g_strconcat("<CompleteMultipartUpload>", list, "</CompleteMultipartUpload>", NULL);
	const struct s3_body body = s3_body_of_text(xml);
	const struct s3_request r = { .method = "POST", .key = key, .query = query, .body = &body, .headers = { condition } };
	if (!s3_ask(s, &r, ret, error) || !s3_answer_is_fine(s, &r, ret, error))
		return FALSE;
	/* the ETag is in the text; and it may fail after it said 200 */
	g_autofree char *etag = s3_xml_find(ret->said->str, ret->said->len, "ETag");
	if (!etag)
		return fail(error, ERROR_AWAY, "POST %s/%s: the parts were not put together", s->name, key);
	g_strlcpy(ret->facts.etag, etag + (*etag == '"'), sizeof ret->facts.etag);
	ret->facts.etag[strcspn(ret->facts.etag, "\"")] = '\0';
	return TRUE;
}

gboolean s3_put_parts(struct s3 *s, const char *key, int fd, guint64 size, const char *condition,
		      struct s3_answer *ret, GError **error)
{
	g_autofree char *said = begin(s, key, error);
	if (!said)
		return FALSE;
	g_autofree char *upload = s3_escape(said, NULL);
	g_autoptr(GString) list = g_string_new(NULL);
	if (send_parts(s, key, upload, fd, size, list, error) && end(s, key, upload, list->str, condition, ret, error))
		return TRUE;
	/* parts of an upload that is not ended cost space for ever */
	g_autofree char *query = g_strconcat("uploadId=", upload, NULL);
	const struct s3_request r = { .method = "DELETE", .key = key, .query = query };
	SCOPED_ANSWER(a);
	(void)s3_ask(s, &r, &a, NULL);
	return FALSE;
}
