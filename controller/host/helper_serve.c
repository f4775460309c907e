/* The helper's side: one request after the other, over whatever table of operations its program has. */
#include "base/error.h"
#include "host/helper.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static gboolean write_line(json_t *answer)
{
	g_autofree char *text = json_dumps(answer, JSON_COMPACT);
	g_autofree char *line = g_strconcat(text ? text : "{\"error\":\"an answer that is no UTF-8\"}", "\n", NULL);
	json_decref(answer);
	const char *at = line;
	for (gsize n = strlen(line); n > 0;) {
		ssize_t sent = send(0, at, n, MSG_NOSIGNAL);
		if (sent <= 0)
			return FALSE;
		at += sent;
		n -= (gsize)sent;
	}
	return TRUE;
}

void helper_die(const char *sentence)
{
	g_autofree char *valid = g_utf8_make_valid(sentence, -1);
	write_line(json_pack("{s:s, s:b}", "error", valid, "last", 1));
	_exit(1);
}

static const struct helper_operation *find(const struct helper_operation *table, gsize n, const char *name)
{
	for (gsize i = 0; name && i < n; i++)
		if (strcmp(name, table[i].name) == 0)
			return &table[i];
	return NULL;
}

static json_t *answer_to(const char *line, const struct helper_table *t)
{
	json_error_t problem;
	json_t *request = json_loads(line, 0, &problem), *ok = NULL;
	const char *op = json_string_value(json_object_get(request, "op"));
	GError *error = NULL;
	const struct helper_operation *operation = find(t->first, t->n_first, op);
	if (!operation)
		operation = find(t->rest, t->n_rest, op);
	if (operation)
		ok = operation->run(request, &error);
	json_decref(request);
	if (ok)
		return json_pack("{s:o}", "ok", ok);
	g_autofree char *sentence =
		g_utf8_make_valid(error ? error->message : "the helper does not know this request", -1);
	g_clear_error(&error);
	return json_pack("{s:s}", "error", sentence);
}

/* Nothing of the controller's is kept: not what was left open on exec (libinotifytools' descriptors), and not its
 * output, since whoever reads that to its end would wait for a helper that the kernel does not let go. */
static void let_go(void)
{
	int null = open("/dev/null", O_WRONLY);
	if (null >= 0 && dup2(null, STDOUT_FILENO) >= 0)
		dup2(null, STDERR_FILENO);
	close_range(3, ~0U, 0);
}

int helper_serve(const struct helper_table *t)
{
	char *line = NULL;
	size_t room = 0;
	let_go();
	while (getline(&line, &room, stdin) > 0)
		if (!write_line(answer_to(line, t)))
			break;
	free(line);
	return 0;
}
