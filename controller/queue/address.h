/* Where Redis is, and as whom it is asked.
 *
 * In: a URL and a password file. Out: a struct that the connections of queue/ read; the password is read again for
 * each of them, so that it may change while a program runs. */
#pragma once
#include <glib.h>

/* The URL is redis://[user[:password]@]host[:port][/db], redis+unix:///path[?db=n], or
 * redis+sentinel://[user[:password]@]host[:port][,host[:port]…]/service[/db][?sentinelUser=name]. */
struct redis_address {
	char *host; /* NULL for a socket, and until the sentinels have told it */
	int port;
	char *socket_path; /* NULL for TCP */
	char *user;        /* NULL: the default user */
	char *password;    /* NULL: none */
	char *password_file; /* NULL: none */
	int db;
	char *service;       /* what the sentinels call this Redis; NULL: there are no sentinels */
	GPtrArray *sentinels; /* struct redis_host, in the order of the URL; NULL without a service */
	char *sentinel_user; /* the sentinels are given the password too, under this name; NULL: they ask for none */
};

struct redis_host {
	char *host;
	int port;
};

/* The password of `password_file` (may be NULL), without its line end, goes before the URL's; an empty file has
 * none. */
gboolean redis_address_parse(const char *url, const char *password_file, struct redis_address *ret, GError **error);
void redis_address_clear(struct redis_address *address);
/* Reads the password file again, if there is one. ERROR_AWAY: it cannot be read now. */
gboolean redis_address_refresh(struct redis_address *address, GError **error);
/* "10.0.0.5:6379", the socket's path, or "service render"; g_free(). */
char *redis_address_text(const struct redis_address *address);
