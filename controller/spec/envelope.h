/* What all documents have around their spec: apiVersion, kind, metadata. */
#pragma once
#include "spec/kinds.h"

struct node;

struct envelope {
	struct arena *arena; /* of what is read */
	struct problems *problems;
	gboolean is_status; /* observed objects: any kind and name, and an id */
	const char *source; /* as spec_file says */
};

/* The document's kind, or NULL after a problem (or for an empty document). */
const struct kind *envelope_kind(const struct envelope *e, const struct node *doc);
/* Checks the document's keys and reads its metadata; ret->name stays NULL after a problem with it. */
void envelope_read(const struct envelope *e, const struct node *doc, struct meta *ret);
/* The text of a scalar member, or NULL. */
const char *envelope_text(const struct node *map, const char *key);
