/* A document in about eight bytes a key besides its texts. Nodes are needed while a document is decoded, and
 * again only when a message wants a place or the Farm changed; kept, they would be most of a farm's memory. */
#pragma once
#include "spec/node.h"

enum { PACK_KEYS = 64 };

struct packed {
	const guint8 *bytes;
	const char *const *keys; /* as numbered */
	const char *path;
};

/* Packs one file after another. The keys of a file's documents are each named by a number; one beyond
 * PACK_KEYS stands in the bytes as a pointer. */
struct packer {
	const char *keys[PACK_KEYS];
	guint n_keys, key_at;
	guint8 *out; /* kept from document to document */
	gsize n, max;
	guint32 line;
};

void packer_init(struct packer *p);
void packer_clear(struct packer *p);
/* Keys must live as long as the arena. The document's texts lie in the packed bytes from now on, so that it
 * may be decoded as it is. `keys` of what is returned are the packer's, until the file's last document is
 * packed and packer_keys() gives those to keep. */
struct packed packer_put(struct packer *p, struct arena *a, struct node *document);
/* The keys of the file, to be set in all that was packed of it; the packer is ready for the next. */
const char *const *packer_keys(struct packer *p, struct arena *a);
/* The same nodes again. Their texts lie in the packed bytes. */
struct node *node_unpack(struct arena *a, const struct packed *p);
