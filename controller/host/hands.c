/* The controller's side: asks the helper, and says what came of it. */
#include "host/hands.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/helper.h"
#include "host/taken.h"
#include <string.h>
#include <sys/wait.h>

enum { DEVICE_MS = 30000, FILE_MS = 60000, MARGIN_MS = 2000 };

/* Takes `request`. A new reference. */
static json_t *ask(const struct hands *h, json_t *request, gint64 timeout_ms, GError **error)
{
	json_t *answer = NULL;
	if (!request)
		fail(error, ERROR_INVALID, "a path or text that is no UTF-8");
	else
		helper_call(h->helper, request, timeout_ms, &answer, error);
	json_decref(request);
	return answer;
}

/* -- attributes of devices -------------------------------------------------------------------------------- */

/* "driver/unbind" of "sys/bus/pci/devices/0000:65:00.0/driver/unbind". */
static const char *short_path(struct arena *a, const char *device, const char *path)
{
	static const char bus[] = "sys/bus/pci/";
	const char *folder = arena_printf(a, "%sdevices/%s/", bus, device);
	if (g_str_has_prefix(path, folder))
		return path + strlen(folder);
	return g_str_has_prefix(path, bus) ? path + strlen(bus) : path;
}

static gboolean is_free(const struct hands *h, struct arena *a, const char *device, GError **error)
{
	const char *stuck = device && h->taken ? taken_find_stuck(h->taken, a, device) : NULL;
	return stuck ? fail(error, ERROR_REFUSED, "%s is stuck in the kernel: %s", device, stuck) : TRUE;
}

/* A helper that outlived its end hangs in the kernel: whatever is asked of the device next would, too. */
static void note_stuck(const struct hands *h, struct arena *a, const char *device, const char *path, GError **error)
{
	g_autoptr(GError) why = NULL;
	gint64 pid = helper_last_pid(h->helper);
	if (!device || !h->taken || !pid)
		return;
	if (!taken_note_stuck(h->taken, device, short_path(a, device, path), pid, &why))
		g_prefix_error(error, "(%s) ", why->message);
}

/* One request on an attribute; a new reference, NULL with an error. */
static json_t *touch(const struct hands *h, struct arena *a, const char *device, const char *path, json_t *request,
                     GError **error)
{
	if (!is_free(h, a, device, error)) {
		json_decref(request);
		return NULL;
	}
	GError *why = NULL;
	json_t *answer = ask(h, request, h->device_timeout_ms > 0 ? h->device_timeout_ms : DEVICE_MS, &why);
	if (!answer) {
		if (g_error_matches(why, CLEAVE_ERROR, ERROR_TIMEOUT))
			note_stuck(h, a, device, path, &why);
		g_propagate_error(error, why);
	}
	return answer;
}

gboolean hands_write(const struct hands *h, const char *device, const char *path, const char *text, GError **error)
{
	SCOPED_ARENA(scratch);
	const char *whole = host_path(scratch, h->tree, "%s", path);
	GError *why = NULL;
	json_t *answer = touch(h, scratch, device, path,
	                       json_pack("{s:s, s:s, s:s}", "op", "write", "path", whole, "text", text), &why);
	int e = (int)json_integer_value(json_object_get(answer, "errno"));
	const json_t *part = json_object_get(answer, "short");
	if (e)
		fail_errno(&why, e, "the kernel refused it");
	else if (part)
		fail(&why, ERROR_FAILED, "only %d of %d bytes were taken", (int)json_integer_value(part), (int)strlen(text));
	json_decref(answer);
	if (!why)
		return TRUE;
	/* A line as one would write it by hand; the newline at its end is no matter. */
	g_prefix_error(&why, "writing \"%.*s\" to %s: ", (int)strcspn(text, "\n"), text, whole);
	g_propagate_error(error, why);
	return FALSE;
}

char *hands_read(const struct hands *h, struct arena *a, const char *device, const char *path, GError **error)
{
	const char *whole = host_path(a, h->tree, "%s", path);
	GError *why = NULL;
	json_t *answer = touch(h, a, device, path, json_pack("{s:s, s:s}", "op", "read", "path", whole), &why);
	int e = (int)json_integer_value(json_object_get(answer, "errno"));
	char *text = arena_strdup(a, json_string_value(json_object_get(answer, "text")));
	if (e)
		fail_errno(&why, e, "reading %s", whole);
	else if (why)
		g_prefix_error(&why, "reading %s: ", whole);
	json_decref(answer);
	if (why)
		g_propagate_error(error, why);
	return text;
}

/* -- files ------------------------------------------------------------------------------------------------------ */

gboolean hands_put(const struct hands *h, const char *path, const char *text, GError **error)
{
	SCOPED_ARENA(scratch);
	const char *whole = host_path(scratch, h->tree, "%s", path);
	json_t *answer = ask(h, json_pack("{s:s, s:s, s:s}", "op", "put", "path", whole, "text", text), FILE_MS, error);
	json_decref(answer);
	return answer != NULL;
}

gboolean hands_remove(const struct hands *h, const char *path, GError **error)
{
	SCOPED_ARENA(scratch);
	const char *whole = host_path(scratch, h->tree, "%s", path);
	json_t *answer = ask(h, json_pack("{s:s, s:s}", "op", "remove", "path", whole), FILE_MS, error);
	json_decref(answer);
	return answer != NULL;
}

/* -- programs ----------------------------------------------------------------------------------------------------- */

static gboolean judge(const json_t *answer, gint64 timeout_ms, GError **error)
{
	int e = (int)json_integer_value(json_object_get(answer, "errno"));
	int status = (int)json_integer_value(json_object_get(answer, "status"));
	const char *said = json_string_value(json_object_get(answer, "said"));
	const char *colon = said && *said ? ": " : "";
	said = said ? said : "";
	if (e)
		return fail_errno(error, e, "it cannot be run");
	if (json_is_true(json_object_get(answer, "late")))
		return fail(error, ERROR_TIMEOUT, "it was ended after %" G_GINT64_FORMAT " ms%s%s", timeout_ms, colon, said);
	if (WIFSIGNALED(status))
		return fail(error, ERROR_FAILED, "ended by signal %d%s%s", WTERMSIG(status), colon, said);
	if (WEXITSTATUS(status))
		return fail(error, ERROR_FAILED, "exit status %d%s%s", WEXITSTATUS(status), colon, said);
	return TRUE;
}

gboolean hands_run(const struct hands *h, const char *const *argv, gint64 timeout_ms, GError **error)
{
	if (strcmp(h->tree->root, "/") != 0)
		return fail(error, ERROR_FAILED, "%s is not run: the host is the folder %s", argv[0], h->tree->root);
	json_t *words = json_array();
	for (; *argv; argv++)
		json_array_append_new(words, json_string(*argv));
	const char *program = json_string_value(json_array_get(words, 0));
	g_autofree char *name = g_strdup(program);
	GError *why = NULL;
	json_t *request = json_pack("{s:s, s:o, s:I}", "op", "run", "argv", words, "timeout_ms", (json_int_t)timeout_ms);
	json_t *answer = ask(h, request, timeout_ms + MARGIN_MS, &why);
	gboolean ok = answer && judge(answer, timeout_ms, &why);
	json_decref(answer);
	if (why) {
		g_prefix_error(&why, "%s: ", name);
		g_propagate_error(error, why);
	}
	return ok;
}
