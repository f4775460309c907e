/* A document in about eight bytes a key besides its texts. Nodes are needed while a document is decoded, and
 * again only when a message wants a place or the Farm changed; kept, they would be most of a farm's memory. */
#pragma once
#include "spec/node.h"

enum { PACK_KEYS = 64 };

/* The keys of a file's documents, each named by its number. What is beyond stands in the bytes as a pointer. */
struct pack_keys {
	const char *texts[PACK_KEYS];
	guint n;
};

struct packed {
	const guint8 *bytes;
	const char *const *keys; /* as numbered */
	const char *path;
};

/* Keys must live as long as the arena; texts are copied. `keys` may be a scratch: ret.keys is set to its
 * texts, and is the caller's to set to a copy once the file is read. */
struct packed node_pack(struct arena *a, struct pack_keys *keys, const struct node *document);
/* The same nodes again. Their texts lie in the packed bytes. */
struct node *node_unpack(struct arena *a, const struct packed *p);
