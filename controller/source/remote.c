/* Git's own rule (urlmatch, connect.c): "://" makes a URL, else a colon before the first slash makes host:path. */
#include "source/remote.h"
#include "base/error.h"
#include <string.h>

/* Behind the host: where the path of a URL begins, so that an @ in it names a revision. NULL: no remote. */
static const char *find_path(const char *text)
{
	const char *scheme = strstr(text, "://");
	if (scheme) {
		const char *host = scheme + strlen("://");
		return host + strcspn(host, "/");
	}
	const char *colon = strchr(text, ':'), *slash = strchr(text, '/');
	return colon && colon > text && (!slash || colon < slash) ? colon + 1 : NULL;
}

/* As source_parse() reads it: a name that is there is no URL, whatever it looks like. */
static gboolean is_here(const char *text)
{
	if (g_file_test(text, G_FILE_TEST_EXISTS))
		return TRUE;
	for (const char *at = strchr(text, '@'); at; at = strchr(at + 1, '@')) {
		g_autofree char *left = g_strndup(text, (gsize)(at - text));
		if (*left && g_file_test(left, G_FILE_TEST_EXISTS))
			return TRUE;
	}
	return FALSE;
}

/* Of file:///a@b the longest part that is there is the path. */
static const char *find_revision(const char *text, const char *path)
{
	const char *at = strrchr(path, '@');
	if (at && g_str_has_prefix(text, "file://") && g_file_test(path, G_FILE_TEST_EXISTS))
		return NULL;
	return at;
}

char *remote_shown(const char *url)
{
	const char *path = find_path(url), *scheme = strstr(url, "://");
	if (!path || !scheme)
		return g_strdup(url);
	const char *host = scheme + strlen("://");
	g_autofree char *authority = g_strndup(host, (gsize)(path - host));
	char *at = strrchr(authority, '@'), *colon = at ? memchr(authority, ':', (gsize)(at - authority)) : NULL;
	if (!at)
		return g_strdup(url);
	gsize n_user = g_str_has_prefix(url, "http") ? 0 : (gsize)((colon ? colon : at) - authority);
	return g_strdup_printf("%.*s%.*s%s%s%s", (int)(host - url), url, (int)n_user, authority, n_user ? "@" : "", at + 1, path);
}

gboolean remote_parse(const char *text, struct remote *ret)
{
	const char *path = find_path(text);
	if (!path || is_here(text))
		return FALSE;
	const char *at = find_revision(text, path);
	*ret = (struct remote){ .url = at ? g_strndup(text, (gsize)(at - text)) : g_strdup(text),
		                .rev = at ? g_strdup(at + 1) : NULL };
	ret->shown = remote_shown(ret->url);
	return TRUE;
}

void remote_clear(struct remote *r)
{
	g_free(r->url);
	g_free(r->rev);
	g_free(r->shown);
	*r = (struct remote){ 0 };
}

/* As git reads it (transport.c): what a scheme is made of, then two colons. Those of an IPv6 address stand in brackets. */
static gboolean names_program(const char *url)
{
	const char *at = url;
	while (g_ascii_isalnum(*at) || (at > url && strchr("+-.", *at) && *at))
		at++;
	return g_str_has_prefix(at, "::");
}

gboolean remote_check(const char *url, GError **error)
{
	if (*url == '-')
		return fail(error, ERROR_INVALID, "\"%s\" begins with a dash; a URL begins with ssh://, https://, git:// or file://, or is host:path",
		            url);
	if (names_program(url))
		return fail(error, ERROR_INVALID,
		            "\"%s\" names a transport program, which cleave does not run; write ssh://, https://, git://, file:// or host:path", url);
	return TRUE;
}
