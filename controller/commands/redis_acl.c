/* cleave redis-acl: users for Redis's access lists, a line each, with what controllers, workers and plain workers need
 * and no more. */
#include "commands/command.h"
#include "queue/acl.h"
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
	struct acl_user users[ACL_ROLES] = { 0 };
	gboolean ok = check_words(in, &error);
	for (enum acl_role role = 0; role < ACL_ROLES && ok; role++) {
		const char *name = in->own[OPTION_USER + role], *file = in->own[OPTION_PASSWORD + role];
		users[role] = (struct acl_user){ role, name ? name : usual_names[role], file ? acl_password(file, &error) : g_strdup(NO_PASSWORD),
			                         acl_rules(role, (const char *const *)lists) };
		ok = users[role].password != NULL;
	}
	if (ok) {
		g_autofree char *out = in->output == OUTPUT_JSON ? acl_users_json(users) : acl_users_text(users);
		g_string_append(text, out);
	}
	acl_users_clear(users);
	if (!ok)
		return command_fail(error);
	return command_print(text) ? EXIT_FINE : EXIT_FAILED;
}
