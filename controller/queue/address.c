/* One function a scheme. */
#include "queue/address.h"
#include "base/error.h"
#include <string.h>

enum { REDIS_PORT = 6379, SENTINEL_PORT = 26379 };

static void host_free(gpointer data)
{
	struct redis_host *h = data;
	g_free(h->host);
	g_free(h);
}

static gboolean parse_db(const char *text, int *ret, GError **error)
{
	guint64 db;
	if (!text || !*text) {
		*ret = 0;
		return TRUE;
	}
	if (!g_ascii_string_to_unsigned(text, 10, 0, 1 << 20, &db, NULL))
		return fail(error, ERROR_INVALID, "the database in a Redis URL is a number, as redis://host:6379/0");
	*ret = (int)db;
	return TRUE;
}

static gboolean read_password(const char *path, char **ret, GError **error)
{
	g_autofree char *text = NULL;
	if (!g_file_get_contents(path, &text, NULL, error)) {
		g_prefix_error(error, "Redis password: ");
		return FALSE;
	}
	text[strcspn(text, "\r\n")] = '\0';
	if (!*text)
		return TRUE; /* a place for a password, and none in it */
	g_free(*ret);
	*ret = g_steal_pointer(&text);
	return TRUE;
}

/* -- one Redis ------------------------------------------------------------------------------- */

static gboolean parse_tcp(GUri *uri, struct redis_address *a, GError **error)
{
	const char *path = g_uri_get_path(uri);
	if (!g_uri_get_host(uri) || !*g_uri_get_host(uri))
		return fail(error, ERROR_INVALID, "the Redis URL names no host; write redis://host:6379/0");
	a->host = g_strdup(g_uri_get_host(uri));
	a->port = g_uri_get_port(uri) > 0 ? g_uri_get_port(uri) : REDIS_PORT;
	return parse_db(*path == '/' ? path + 1 : path, &a->db, error);
}

static gboolean parse_socket(GUri *uri, struct redis_address *a, GError **error)
{
	const char *query = g_uri_get_query(uri);
	const char *host = g_uri_get_host(uri);
	if (*g_uri_get_path(uri) != '/' || (host && *host))
		return fail(error, ERROR_INVALID,
			    "the Redis URL names no socket; write redis+unix:///run/redis/redis.sock");
	a->socket_path = g_strdup(g_uri_get_path(uri));
	if (query && !g_str_has_prefix(query, "db="))
		return fail(error, ERROR_INVALID,
			    "after ? a Redis socket URL has only db=, as redis+unix:///path?db=1");
	return parse_db(query ? query + 3 : NULL, &a->db, error);
}

/* -- sentinels ------------------------------------------------------------------------------- */

static gboolean parse_host(const char *text, GPtrArray *hosts, GError **error)
{
	g_autofree char *url = g_strconcat("x://", text, NULL);
	g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
	const char *host = uri ? g_uri_get_host(uri) : NULL;
	if (!host || !*host)
		return fail(error, ERROR_INVALID, "\"%s\" is no sentinel; write host or host:26379", text);
	struct redis_host *h = g_new(struct redis_host, 1);
	*h = (struct redis_host){ g_strdup(host), g_uri_get_port(uri) > 0 ? g_uri_get_port(uri) : SENTINEL_PORT };
	g_ptr_array_add(hosts, h);
	return TRUE;
}

static gboolean parse_service(GUri *uri, struct redis_address *a, GError **error)
{
	static const char user_word[] = "sentinelUser=";
	const char *query = g_uri_get_query(uri), *path = g_uri_get_path(uri);
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	guint n = g_strv_length(parts);
	if (n < 2 || n > 3 || !*parts[1])
		return fail(error, ERROR_INVALID, "the URL names no service of the sentinels; write redis+sentinel://host:26379/service/0");
	if (query && (!g_str_has_prefix(query, user_word) || !query[strlen(user_word)]))
		return fail(error, ERROR_INVALID, "after ? a redis+sentinel URL has only sentinelUser=");
	a->service = g_strdup(parts[1]);
	a->sentinel_user = query ? g_strdup(query + strlen(user_word)) : NULL;
	return parse_db(parts[2], &a->db, error);
}

/* GUri knows one host: the list is cut out, and one that stands for all put in its place. */
static char *cut_hosts(const char *url, char **ret_hosts)
{
	const char *authority = strstr(url, "://") + strlen("://");
	gsize len = strcspn(authority, "/?#");
	const char *at = g_strrstr_len(authority, (gssize)len, "@");
	const char *hosts = at ? at + 1 : authority;
	*ret_hosts = g_strndup(hosts, (gsize)(authority + len - hosts));
	return g_strdup_printf("%.*sall%s", (int)(hosts - url), url, authority + len);
}

static GUri *parse_sentinels(const char *url, struct redis_address *a, GError **error)
{
	g_autofree char *hosts = NULL, *one = cut_hosts(url, &hosts);
	g_autoptr(GUri) uri = g_uri_parse(one, G_URI_FLAGS_HAS_PASSWORD, NULL);
	g_auto(GStrv) list = g_strsplit(hosts, ",", -1);
	if (!uri || !list[0]) {
		fail(error, ERROR_INVALID, "a URL of sentinels is redis+sentinel://host:26379,host:26379/service/0");
		return NULL;
	}
	a->sentinels = g_ptr_array_new_with_free_func(host_free);
	for (guint i = 0; list[i]; i++)
		if (!parse_host(list[i], a->sentinels, error))
			return NULL;
	return parse_service(uri, a, error) ? g_steal_pointer(&uri) : NULL;
}

/* -- all of it ------------------------------------------------------------------------------- */

/* What the URL says, but for user and password. */
static GUri *parse_place(const char *url, struct redis_address *a, GError **error)
{
	if (g_str_has_prefix(url, "redis+sentinel://"))
		return parse_sentinels(url, a, error);
	g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_HAS_PASSWORD, NULL);
	const char *scheme = uri ? g_uri_get_scheme(uri) : "";
	gboolean is_right = FALSE;
	if (strcmp(scheme, "redis") == 0)
		is_right = parse_tcp(uri, a, error);
	else if (strcmp(scheme, "redis+unix") == 0)
		is_right = parse_socket(uri, a, error);
	else if (strcmp(scheme, "rediss") == 0)
		fail(error, ERROR_INVALID,
		     "rediss:// needs TLS, which hiredis 0.14 does not have; put stunnel in front, as contrib/redis/stunnel.conf "
		     "does, and write redis://127.0.0.1:6379/0");
	else
		fail(error, ERROR_INVALID, "a Redis URL is redis://host:6379/0, redis+unix:///path or redis+sentinel://host:26379/service");
	return is_right ? g_steal_pointer(&uri) : NULL;
}

gboolean redis_address_parse(const char *url, const char *password_file, struct redis_address *ret, GError **error)
{
	struct redis_address a = { 0 };
	g_autoptr(GUri) uri = parse_place(url, &a, error);
	gboolean is_right = uri != NULL;
	if (is_right) {
		const char *user = g_uri_get_user(uri);
		a.user = user && *user ? g_strdup(user) : NULL;
		a.password = g_strdup(g_uri_get_password(uri));
		a.password_file = g_strdup(password_file);
		is_right = !password_file || read_password(password_file, &a.password, error);
	}
	if (!is_right) {
		redis_address_clear(&a);
		return FALSE;
	}
	*ret = a;
	return TRUE;
}

void redis_address_clear(struct redis_address *a)
{
	g_free(a->host);
	g_free(a->socket_path);
	g_free(a->user);
	g_free(a->password);
	g_free(a->password_file);
	g_free(a->service);
	g_free(a->sentinel_user);
	g_clear_pointer(&a->sentinels, g_ptr_array_unref);
	*a = (struct redis_address){ 0 };
}

gboolean redis_address_refresh(struct redis_address *a, GError **error)
{
	g_autoptr(GError) problem = NULL;
	if (!a->password_file || read_password(a->password_file, &a->password, &problem))
		return TRUE;
	return fail(error, ERROR_AWAY, "%s", problem->message);
}

char *redis_address_text(const struct redis_address *a)
{
	if (a->host)
		return g_strdup_printf("%s:%d", a->host, a->port);
	return a->service ? g_strconcat("service ", a->service, NULL) : g_strdup(a->socket_path);
}
