/* Files of the commit that objects name. Whether they are there is for who reads the tree to say. */
#pragma once
#include "spec/kinds.h"

struct file_use {
	const char *key;  /* cloudInit.users[0].sshKeysFile */
	const char *path; /* relative to the tree */
};

struct file_uses {
	struct file_use *items;
	guint n;
};

struct file_uses object_files(struct arena *a, const struct object *o);
