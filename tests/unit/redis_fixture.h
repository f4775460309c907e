/* A Redis of the test's own: on a socket in a temporary folder, ended with the test.
 *
 * Tests whose machine has no redis-server are skipped, and counted as such by cmocka. */
#pragma once
#include <glib.h>

struct redis_fixture {
	char *folder, *socket_path, *url;
	GPid pid; /* 0 while it is stopped */
};

/* cmocka's group setup and teardown; *state is a struct redis_fixture, or NULL without redis-server. */
int redis_fixture_setup(void **state);
int redis_fixture_teardown(void **state);

/* Ends it by force, and starts it again, empty. */
void redis_fixture_stop(struct redis_fixture *f);
void redis_fixture_start(struct redis_fixture *f);

/* The group's server, emptied; skips the test when there is none. */
struct redis_fixture *redis_fixture_of(void **state);

/* The answer of a command as redis-cli would print it, on one line; the words are separate arguments. */
char *redis_fixture_ask(struct redis_fixture *f, const char *first, ...) G_GNUC_NULL_TERMINATED;
