/* An S3 server of the tests' own (tests/tools/s3_server.py) in a temporary folder, with the bucket "farm". */
#pragma once
#include <glib.h>

struct s3_fixture {
	GPid pid;
	char *folder;   /* folder/farm/KEY holds the objects */
	char *endpoint; /* http://127.0.0.1:PORT */
	char *keys;     /* the credentials file */
};

/* `options`: words for the server, NULL-terminated; NULL: none. NULL where python3 is not installed. */
struct s3_fixture *s3_fixture_new(const char *const *options);
/* An empty bucket again, and no faults. */
void s3_fixture_clear(struct s3_fixture *f);
void s3_fixture_free(struct s3_fixture *f);
/* Lines of METHOD PART-OF-THE-KEY KIND TIMES; see the server. */
void s3_fixture_faults(struct s3_fixture *f, const char *lines);
/* How many requests since the last call had this in their line of the log. */
guint s3_fixture_count(struct s3_fixture *f, const char *part);
void s3_fixture_forget(struct s3_fixture *f);
/* The object as it lies there; NULL for none. g_free(). */
char *s3_fixture_object(const struct s3_fixture *f, const char *key);
void s3_fixture_overwrite(const struct s3_fixture *f, const char *key, const char *text);
