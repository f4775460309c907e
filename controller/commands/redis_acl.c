/* cleave redis-acl: users for Redis's access lists, a line each, with what controllers, workers and plain workers need
 * and no more. */
#include "commands/command.h"
#include "queue/acl.h"
#include <jansson.h>
#include <string.h>

/* Redis refuses it: nobody gets a password that stands in a manual. */
#define NO_PASSWORD "#SHA256-OF-THE-PASSWORD"

enum { OPTION_USER, OPTION_PASSWORD = OPTION_USER + ACL_ROLES, OPTION_LIST = OPTION_PASSWORD + ACL_ROLES };

const struct own_option redis_acl_options[] = {
	[OPTION_USER + ACL_CONTROLLER] = { "user-controller", 0, "NAME", "The controllers' user; without the option `cleave`." },
	[OPTION_USER + ACL_WORKER] = { "user-worker", 0, "NAME", "The workers' user; without the option `cleave-worker`." },
	[OPTION_USER + ACL_PLAIN] = { "user-plain", 0, "NAME", "The plain workers' user; without the option `plain-worker`." },
	[OPTION_PASSWORD + ACL_CONTROLLER] = { "password-controller", 0, "FILE", "Its password, of which the digest is written." },
	[OPTION_PASSWORD + ACL_WORKER] = { "password-worker", 0, "FILE", "The same." },
	[OPTION_PASSWORD + ACL_PLAIN] = { "password-plain", 0, "FILE", "The same." },
	[OPTION_LIST] = { "list", 0, "LISTS", "The Farm's lists for plain workers, with commas between them; without the option `queue:blender`." },
	{ 0 },
};

static const char *const usual_names[ACL_ROLES] = { "cleave", "cleave-worker", "plain-worker" };

static void write_text(GString *out, const char *name, const char *password, const GPtrArray *rules)
{
	g_string_append_printf(out, "user %s reset on %s", name, password);
	for (guint i = 0; i < rules->len; i++)
		g_string_append_printf(out, " %s", (const char *)rules->pdata[i]);
	g_string_append_c(out, '\n');
}

static json_t *encode(enum acl_role role, const char *name, const char *password, const GPtrArray *rules)
{
	json_t *object = json_object(), *list = json_array();
	json_object_set_new(object, "role", json_string(acl_role_names[role]));
	json_object_set_new(object, "user", json_string(name));
	json_array_append_new(list, json_string("reset"));
	json_array_append_new(list, json_string("on"));
	json_array_append_new(list, json_string(password));
	for (guint i = 0; i < rules->len; i++)
		json_array_append_new(list, json_string(rules->pdata[i]));
	json_object_set_new(object, "rules", list);
	return object;
}

/* Redis reads a user's name up to the next blank, and a list's up to the end of its rule. */
static gboolean check_words(const struct invocation *in, GError **error)
{
	for (guint i = 0; redis_acl_options[i].name; i++)
		if (in->own[i] && (i < OPTION_PASSWORD || i == OPTION_LIST) && (!*in->own[i] || strpbrk(in->own[i], " \t\r\n")))
			return fail(error, ERROR_USAGE, "--%s: a name without blanks", redis_acl_options[i].name);
	return TRUE;
}

int command_redis_acl(struct invocation *in)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) text = g_string_new(NULL);
	g_auto(GStrv) lists = g_strsplit(in->own[OPTION_LIST] ? in->own[OPTION_LIST] : "queue:blender", ",", -1);
	json_t *all = json_array();
	gboolean ok = check_words(in, &error);
	for (enum acl_role role = 0; role < ACL_ROLES && ok; role++) {
		const char *name = in->own[OPTION_USER + role] ? in->own[OPTION_USER + role] : usual_names[role];
		const char *file = in->own[OPTION_PASSWORD + role];
		g_autofree char *password = file ? acl_password(file, &error) : g_strdup(NO_PASSWORD);
		g_autoptr(GPtrArray) rules = acl_rules(role, (const char *const *)lists);
		ok = password != NULL;
		if (ok && in->output == OUTPUT_TEXT)
			write_text(text, name, password, rules);
		else if (ok)
			json_array_append_new(all, encode(role, name, password, rules));
	}
	char *json = json_dumps(all, JSON_INDENT(2));
	if (in->output == OUTPUT_JSON)
		g_string_append_printf(text, "%s\n", json);
	free(json);
	json_decref(all);
	if (!ok)
		return command_fail(error);
	return command_print(text) ? EXIT_FINE : EXIT_FAILED;
}
