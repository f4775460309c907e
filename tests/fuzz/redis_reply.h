/* A text as an answer of Redis: a line is a text, `:12` a number, `(` and `)` hold an array, `_` is nil. */
#pragma once
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

enum { REPLY_DEPTH_MAX = 7 }; /* as deep as hiredis itself reads */

static inline redisReply *reply_new(int type)
{
	redisReply *r = calloc(1, sizeof *r);
	r->type = type;
	return r;
}

static inline redisReply *reply_scalar(const char *line, size_t len)
{
	redisReply *r = reply_new(REDIS_REPLY_STRING);
	if (len == 1 && *line == '_') {
		r->type = REDIS_REPLY_NIL;
	} else if (len > 0 && *line == ':') {
		r->type = REDIS_REPLY_INTEGER;
		r->integer = strtoll(line + 1, NULL, 10);
	} else {
		r->str = strndup(line, len);
		r->len = strlen(r->str);
	}
	return r;
}

/* Reads up to the closing parenthesis or the text's end; *at is moved behind it. */
static inline redisReply *reply_array(const char **at, unsigned depth)
{
	redisReply *r = reply_new(REDIS_REPLY_ARRAY);
	while (**at) {
		const char *line = *at;
		size_t len = strcspn(line, "\n");
		*at += len + (line[len] == '\n');
		if (len == 1 && *line == ')')
			break;
		r->element = realloc(r->element, (r->elements + 1) * sizeof *r->element);
		r->element[r->elements++] = len == 1 && *line == '(' && depth < REPLY_DEPTH_MAX ? reply_array(at, depth + 1)
		                                                                                  : reply_scalar(line, len);
	}
	return r;
}
