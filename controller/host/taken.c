/* A JSON file a device, ADDRESS.json, written anew as a whole; of a write that does not return, ADDRESS.stuck. */
#include "host/taken.h"
#include "base/arena.h"
#include "base/error.h"
#include "host/put.h"
#include "host/tree.h"
#include <jansson.h>
#include <string.h>

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
	if (!t)
		return;
	g_free(t->folder);
	g_free(t);
}

/* -- a file --------------------------------------------------------------------------------------------- */

#define RECORD ".json"
#define STUCK ".stuck"

/* NULL, and an error, for what is no address: it becomes a file's name. */
static char *path_of(const struct taken *t, const char *address, const char *suffix, GError **error)
{
	if (*address && !address[strspn(address, "0123456789abcdefABCDEF:.")] && *address != '.')
		return g_strconcat(t->folder, "/", address, suffix, NULL);
	fail(error, ERROR_INVALID, "\"%s\" is no PCI address", address);
	return NULL;
}

/* A new reference; NULL without an error when the file is not there. */
static json_t *read_json(const char *path, GError **error)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) why = NULL;
	json_error_t problem;
	if (!g_file_get_contents(path, &text, NULL, &why)) {
		if (!g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT) &&
		    !g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOTDIR))
			fail(error, ERROR_FAILED, "what was taken from the host cannot be read: %s", why->message);
		return NULL;
	}
	json_t *whole = json_loads(text, 0, &problem);
	if (json_is_object(whole))
		return whole;
	json_decref(whole);
	fail(error, ERROR_INVALID, "%s says what was taken from the host, and cannot be read: line %d: %s", path, problem.line,
	     problem.text);
	return NULL;
}

static gboolean write_json(const char *path, const json_t *whole, GError **error)
{
	g_autofree char *text = json_dumps(whole, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	g_autofree char *line = g_strconcat(text, "\n", NULL);
	return put_file(path, line, 0600, error);
}

/* -- what was taken ---------------------------------------------------------------------------------------- */

static gint64 number_of(const json_t *o, const char *key)
{
	const json_t *n = json_object_get(o, key);
	return json_is_integer(n) ? json_integer_value(n) : -1;
}

/* "driver" stands in the file when the driver was taken, null when there was none. */
static struct taken_device decode(struct arena *a, const char *address, const json_t *o)
{
	struct taken_device d = { .address = arena_strdup(a, address),
		                  .id = arena_strdup(a, json_string_value(json_object_get(o, "id"))),
		                  .n_vfs = number_of(o, "vfs"),
		                  .vf_autoprobe = number_of(o, "vfAutoprobe") };
	if (json_object_get(o, "driver"))
		d.what |= TAKEN_DRIVER;
	if (d.n_vfs >= 0)
		d.what |= TAKEN_VFS;
	d.driver = arena_strdup(a, json_string_value(json_object_get(o, "driver")));
	d.driver_override = arena_strdup(a, json_string_value(json_object_get(o, "driverOverride")));
	return d;
}

static json_t *encode(const struct taken_device *d)
{
	json_t *o = json_object();
	if (d->id)
		json_object_set_new(o, "id", json_string(d->id));
	if (d->what & TAKEN_DRIVER) {
		json_object_set_new(o, "driver", d->driver ? json_string(d->driver) : json_null());
		json_object_set_new(o, "driverOverride",
		                    d->driver_override ? json_string(d->driver_override) : json_null());
	}
	if (d->what & TAKEN_VFS) {
		json_object_set_new(o, "vfs", json_integer(d->n_vfs));
		json_object_set_new(o, "vfAutoprobe", json_integer(d->vf_autoprobe));
	}
	return o;
}

gboolean taken_find(struct taken *t, struct arena *a, const char *address, const char *id, struct taken_device *ret,
                    GError **error)
{
	g_autofree char *path = path_of(t, address, RECORD, error);
	json_t *o = path ? read_json(path, error) : NULL;
	if (!o)
		return FALSE;
	struct taken_device d = decode(a, address, o);
	json_decref(o);
	if (id && d.id && strcmp(id, d.id) != 0)
		return FALSE;
	*ret = d;
	return TRUE;
}

static gboolean save(const struct taken *t, const struct taken_device *d, GError **error)
{
	g_autofree char *path = path_of(t, d->address, RECORD, error);
	if (!path)
		return FALSE;
	if (!d->what)
		return put_away(path, error);
	json_t *o = encode(d);
	gboolean ok = write_json(path, o, error);
	json_decref(o);
	return ok;
}

gboolean taken_note(struct taken *t, const struct taken_device *device, GError **error)
{
	SCOPED_ARENA(scratch);
	GError *why = NULL;
	struct taken_device d = { .address = device->address, .n_vfs = -1, .vf_autoprobe = -1 };
	if (!taken_find(t, scratch, device->address, device->id, &d, &why) && why) {
		g_propagate_error(error, why);
		return FALSE;
	}
	d.id = device->id ? device->id : d.id;
	unsigned more = device->what & ~d.what;
	if (!more)
		return TRUE;
	if (more & TAKEN_DRIVER) {
		d.driver = device->driver;
		d.driver_override = device->driver_override;
	}
	if (more & TAKEN_VFS) {
		d.n_vfs = device->n_vfs;
		d.vf_autoprobe = device->vf_autoprobe;
	}
	d.what |= more;
	return save(t, &d, error);
}

gboolean taken_forget(struct taken *t, const char *address, unsigned what, GError **error)
{
	SCOPED_ARENA(scratch);
	GError *why = NULL;
	struct taken_device d;
	if (!taken_find(t, scratch, address, NULL, &d, &why)) {
		if (why)
			g_propagate_error(error, why);
		return !why;
	}
	if (!(d.what & what))
		return TRUE;
	d.what &= ~what;
	return save(t, &d, error);
}

/* Of the files with that suffix. */
static char **list_addresses(const struct taken *t, struct arena *a, const char *suffix)
{
	struct host_tree here = { t->folder, NULL };
	char **names = host_list(a, &here, "%s", "");
	guint n = 0;
	for (char **name = names; *name; name++)
		if (g_str_has_suffix(*name, suffix) && **name != '.')
			names[n++] = arena_strndup(a, *name, strlen(*name) - strlen(suffix));
	names[n] = NULL;
	return names;
}

char **taken_list(struct taken *t, struct arena *a)
{
	return list_addresses(t, a, RECORD);
}

/* -- writes that do not return -------------------------------------------------------------------------------- */

/* When the process began, in ticks since the machine did: with its number and the boot it tells this very process.
 * NULL when it has ended; a zombie has (man proc_pid_stat, fields 3 and 22). */
static char *start_of(struct arena *a, gint64 pid)
{
	enum { FIELD_STATE = 0, FIELD_START = 22 - 3 };
	struct host_tree here = { "/", "/sys" };
	const char *stat = host_read(a, &here, "proc/%" G_GINT64_FORMAT "/stat", pid);
	/* The name before it may hold spaces and brackets. */
	const char *rest = stat ? strrchr(stat, ')') : NULL;
	if (!rest || !rest[1])
		return NULL;
	g_auto(GStrv) fields = g_strsplit(rest + 2, " ", -1);
	if (g_strv_length(fields) <= FIELD_START || strchr("ZXx", *fields[FIELD_STATE]))
		return NULL;
	const char *boot = host_read(a, &here, "proc/sys/kernel/random/boot_id");
	return arena_printf(a, "%s/%s", boot ? boot : "", fields[FIELD_START]);
}

gboolean taken_note_stuck(struct taken *t, const char *address, const char *path, gint64 pid, GError **error)
{
	SCOPED_ARENA(scratch);
	const char *start = start_of(scratch, pid);
	g_autofree char *file = path_of(t, address, STUCK, error);
	if (!file)
		return FALSE;
	if (!start)
		return TRUE;
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *since = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
	json_t *o = json_pack("{s:s, s:s, s:I, s:s}", "path", path, "since", since, "pid", (json_int_t)pid, "start", start);
	gboolean ok = o ? write_json(file, o, error) : fail(error, ERROR_INVALID, "%s: its path is no UTF-8", address);
	json_decref(o);
	return ok;
}

const char *taken_find_stuck(struct taken *t, struct arena *a, const char *address)
{
	g_autofree char *file = path_of(t, address, STUCK, NULL);
	json_t *o = file ? read_json(file, NULL) : NULL;
	if (!o)
		return NULL;
	const char *start = start_of(a, number_of(o, "pid")), *found = NULL;
	if (start && g_strcmp0(start, json_string_value(json_object_get(o, "start"))) == 0)
		found = arena_printf(a, "%s, since %s", json_string_value(json_object_get(o, "path")),
		                     json_string_value(json_object_get(o, "since")));
	else
		put_away(file, NULL);
	json_decref(o);
	return found;
}

char **taken_list_stuck(struct taken *t, struct arena *a)
{
	char **addresses = list_addresses(t, a, STUCK);
	guint n = 0;
	for (char **address = addresses; *address; address++)
		if (taken_find_stuck(t, a, *address))
			addresses[n++] = *address;
	addresses[n] = NULL;
	return addresses;
}
