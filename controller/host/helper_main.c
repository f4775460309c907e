/* The helper's side: a table of operations, one request after the other. */
#include "base/arena.h"
#include "base/error.h"
#include "host/hands_main.h"
#include "host/helper.h"
#include "host/holders.h"
#include "host/nvml_main.h"
#include "host/pci.h"
#include "host/pci_scan.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static json_t *run_ping(const json_t *request, GError **error)
{
	(void)request, (void)error;
	return json_object();
}

/* Strings of an array, NULL at the end; they live as long as the request. */
static const char **strings_of(struct arena *a, const json_t *array)
{
	const char **all = ARENA_ARRAY(a, const char *, json_array_size(array) + 1);
	for (gsize i = 0; i < json_array_size(array); i++)
		all[i] = json_string_value(json_array_get(array, i));
	return all;
}

static json_t *run_pci(const json_t *request, GError **error)
{
	SCOPED_ARENA(a);
	const struct pci_request asked = { json_string_value(json_object_get(request, "sysfs")),
		                           strings_of(a, json_object_get(request, "named")),
		                           strings_of(a, json_object_get(request, "busy")) };
	if (asked.sysfs)
		return pci_scan(&asked, error);
	fail(error, ERROR_INVALID, "pci: the request has no \"sysfs\"");
	return NULL;
}

static const struct helper_operation operations[] = {
	{ "ping", run_ping },
	{ "pci", run_pci },
	{ "holders", holders_find },
	{ "nvml", nvml_main_read },
	{ "mig", nvml_main_cut },
	{ "write", hands_main_write },
	{ "read", hands_main_read },
	{ "put", hands_main_put },
	{ "remove", hands_main_remove },
	{ "run", hands_main_run },
};

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

static json_t *answer_to(const char *line, const struct helper_operation *first, guint n_first)
{
	json_error_t problem;
	json_t *request = json_loads(line, 0, &problem), *ok = NULL;
	const char *op = json_string_value(json_object_get(request, "op"));
	GError *error = NULL;
	const struct helper_operation *operation = find(first, n_first, op);
	if (!operation)
		operation = find(operations, G_N_ELEMENTS(operations), op);
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

int helper_main(void)
{
	return helper_main_with(NULL, 0);
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

int helper_main_with(const struct helper_operation *first, guint n_first)
{
	char *line = NULL;
	size_t room = 0;
	let_go();
	while (getline(&line, &room, stdin) > 0)
		if (!write_line(answer_to(line, first, n_first)))
			break;
	free(line);
	return 0;
}
