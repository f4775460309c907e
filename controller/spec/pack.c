/* Pre-order; numbers take seven bits a byte, lines are told as the step from the node before. */
#include "spec/pack.h"
#include "base/arena.h"
#include <string.h>

/* A node's first byte: its type, and these bits above it. */
enum { PLAIN_BIT = 2, FLOW_BIT = 3 };

void packer_init(struct packer *p)
{
	*p = (struct packer){ .max = 4096 };
	p->out = g_malloc(p->max);
}

void packer_clear(struct packer *p)
{
	g_free(p->out);
	*p = (struct packer){ 0 };
}

enum { NODE_MOST = 64 }; /* bytes of a node and its key, without its text */

static void make_room(struct packer *p, gsize size)
{
	if (p->max - p->n >= size)
		return;
	p->max = MAX(p->max * 2, p->n + size);
	p->out = g_realloc(p->out, p->max);
}

static void put_number(struct packer *p, guint32 n)
{
	for (; n >= 0x80; n >>= 7)
		p->out[p->n++] = (guint8)(n | 0x80);
	p->out[p->n++] = (guint8)n;
}

static void put_bytes(struct packer *p, const void *bytes, gsize size)
{
	memcpy(p->out + p->n, bytes, size);
	p->n += size;
}

static void put_place(struct packer *p, guint32 line, guint32 column)
{
	put_number(p, line - p->line); /* wraps, if it ever steps back */
	put_number(p, column);
	p->line = line;
}

/* The key's number, or PACK_KEYS. Keys of one file are interned: equal ones are one pointer. A document's keys
 * mostly come in the order of the one before, so that the search begins behind the key found last. */
static guint number_of(struct packer *p, const char *key)
{
	guint i = p->key_at;
	for (guint tried = 0; tried < p->n_keys; tried++, i++) {
		i = i < p->n_keys ? i : 0;
		if (p->keys[i] == key)
			return i;
	}
	if (p->n_keys == PACK_KEYS)
		return PACK_KEYS;
	p->keys[p->n_keys] = key;
	return p->n_keys++;
}

static void put_key(struct packer *p, const char *key)
{
	guint i = number_of(p, key);
	p->key_at = i + 1;
	put_number(p, i < PACK_KEYS ? i + 1 : 0);
	if (i == PACK_KEYS)
		put_bytes(p, &key, sizeof key);
}

/* Leaves in a scalar's `n`, which has no children, where its text begins. */
static void put_node(struct packer *p, struct node *n)
{
	make_room(p, NODE_MOST);
	p->out[p->n++] = (guint8)(n->type | (guint)n->plain << PLAIN_BIT | (guint)n->flow << FLOW_BIT);
	put_place(p, n->line, n->column);
	if (n->type == NODE_SCALAR) {
		gsize size = strlen(n->text) + 1;
		put_number(p, (guint32)size);
		make_room(p, size);
		n->n = (guint32)p->n;
		put_bytes(p, n->text, size);
		return;
	}
	put_number(p, n->n);
	for (guint i = 0; i < n->n; i++)
		if (n->type == NODE_MAP) {
			make_room(p, NODE_MOST);
			put_key(p, n->members[i].key);
			put_place(p, n->members[i].line, n->members[i].column);
			put_node(p, &n->members[i].value);
		} else {
			put_node(p, &n->items[i]);
		}
}

static void move_texts(struct node *n, const char *bytes)
{
	if (n->type == NODE_SCALAR) {
		n->text = bytes + n->n;
		n->n = 0;
		return;
	}
	for (guint i = 0; i < n->n; i++)
		move_texts(n->type == NODE_MAP ? &n->members[i].value : &n->items[i], bytes);
}

struct packed packer_put(struct packer *p, struct arena *a, struct node *document)
{
	p->n = 0;
	p->line = 0;
	put_node(p, document);
	const char *bytes = arena_strndup(a, (const char *)p->out, p->n);
	move_texts(document, bytes);
	return (struct packed){ .bytes = (const guint8 *)bytes, .keys = p->keys, .path = document->path };
}

const char *const *packer_keys(struct packer *p, struct arena *a)
{
	const char *const *keys = arena_memdup(a, p->keys, p->n_keys * sizeof p->keys[0]);
	p->n_keys = p->key_at = 0;
	return keys;
}

/* -- back ---------------------------------------------------------------------------------------------- */

struct unpacker {
	struct arena *arena;
	const guint8 *at;
	const struct packed *from;
	guint32 line;
};

static guint32 take_number(struct unpacker *u)
{
	guint32 n = 0;
	for (guint shift = 0;; shift += 7) {
		guint8 byte = *u->at++;
		n |= (guint32)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return n;
	}
}

static guint32 take_line(struct unpacker *u)
{
	u->line += take_number(u);
	return u->line;
}

static const char *take_key(struct unpacker *u)
{
	guint32 number = take_number(u);
	const char *key;
	if (number)
		return u->from->keys[number - 1];
	memcpy(&key, u->at, sizeof key);
	u->at += sizeof key;
	return key;
}

static void take_node(struct unpacker *u, struct node *ret)
{
	guint32 head = *u->at++;
	ret->path = u->from->path;
	ret->type = head & 3u;
	ret->plain = head >> PLAIN_BIT & 1u;
	ret->flow = head >> FLOW_BIT & 1u;
	ret->line = take_line(u);
	ret->column = take_number(u) & ((1u << 20) - 1);
	guint32 n = take_number(u);
	if (ret->type == NODE_SCALAR) {
		ret->text = (const char *)u->at;
		u->at += n;
		return;
	}
	ret->n = n;
	if (ret->type == NODE_MAP)
		ret->members = ARENA_ARRAY(u->arena, struct member, n);
	else
		ret->items = ARENA_ARRAY(u->arena, struct node, n);
	for (guint i = 0; i < n; i++) {
		if (ret->type == NODE_LIST) {
			take_node(u, &ret->items[i]);
			continue;
		}
		struct member *m = &ret->members[i];
		m->key = take_key(u);
		m->line = take_line(u);
		m->column = take_number(u);
		take_node(u, &m->value);
	}
}

struct node *node_unpack(struct arena *a, const struct packed *p)
{
	struct unpacker u = { a, p->bytes, p, 0 };
	struct node *n = ARENA_NEW(a, struct node);
	take_node(&u, n);
	return n;
}
