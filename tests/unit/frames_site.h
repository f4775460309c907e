/* A process that uses the bucket of s3_fixture.h. */
#pragma once
#include "frames/remote.h"
#include "frames_files.h"
#include "s3_fixture.h"

/* One process' view of the bucket. */
struct site {
	struct remote *remote;
	char *local;
	int fd;
};

static inline void site_open(struct site *s, const struct s3_fixture *f)
{
	GError *error = NULL;
	const struct s3_options o = { .url = "s3://farm",
				      .endpoint = f->endpoint,
				      .credentials_file = f->keys,
				      .patience_ms = 800,
				      .stall_s = 2 };
	s->local = g_dir_make_tmp("cleave-remote-XXXXXX", NULL);
	s->remote = remote_new(&o, s->local, &error);
	assert_non_null(s->remote);
	s->fd = remote_open(s->remote, NULL, &error);
	if (s->fd < 0)
		print_message("%s\n", error->message);
	assert_true(s->fd >= 0);
}

static inline void site_close(struct site *s)
{
	close(s->fd);
	remote_free(s->remote);
	nftw(s->local, test_remove, 16, FTW_DEPTH | FTW_PHYS);
	g_free(s->local);
}

static inline struct s3_fixture *site_bucket(const char *const *options)
{
	struct s3_fixture *f = s3_fixture_new(options);
	if (!f) {
		print_message("python3 is not installed\n");
		skip();
	}
	s3_fixture_overwrite(f, ".cleave-root", "farm\n");
	return f;
}

#define FINE(call)                                                                 \
	do {                                                                       \
		GError *why = NULL;                                                \
		if (!(call)) {                                                     \
			print_message("%s: %s\n", #call, why ? why->message : ""); \
			assert_true(FALSE);                                        \
		}                                                                  \
	} while (0)
