/* A JSON file a device, written anew as a whole. */
#include "host/taken.h"

struct taken {
	char *folder;
};

struct taken *taken_new(const char *state)
{
	struct taken *t = g_new0(struct taken, 1);
	t->folder = g_build_filename(state, "devices", NULL);
	return t;
}

void taken_free(struct taken *t)
{
	g_free(t->folder);
	g_free(t);
}
