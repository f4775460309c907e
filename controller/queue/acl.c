/* Tables of keys and commands; what the functions call is not in one of them. */
#include "queue/acl.h"
#include "base/error.h"
#include "queue/functions.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

const char *const acl_role_names[ACL_ROLES] = { "controller", "worker", "plain" };

/* First words of keys behind "cleave:" that a worker writes nothing of: without them it cannot act as the job owner.
 * Their first letters differ, because a pattern excludes letter by letter. */
static const struct {
	const char *word;
	gboolean is_read;
} reserved[] = {
	{ "owner", FALSE }, { "epoch", FALSE }, { "homes", FALSE }, { "plain", FALSE }, { "drain", TRUE }, { "rollout", FALSE },
};

/* Beside what the functions call. */
static const char *const own_commands[ACL_ROLES] = {
	[ACL_CONTROLLER] = "ping select role info fcall function|load subscribe",
	[ACL_WORKER] = "ping select role fcall blpop",
	[ACL_PLAIN] = "ping select brpop blpop rpop lpop llen hset hget",
};

static void add(GPtrArray *rules, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void add(GPtrArray *rules, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_ptr_array_add(rules, g_strdup_vprintf(format, args));
	va_end(args);
}

static gint by_text(gconstpointer x, gconstpointer y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static void add_commands(GPtrArray *rules, enum acl_role role)
{
	g_autoptr(GPtrArray) called = role == ACL_PLAIN ? g_ptr_array_new() : functions_commands();
	g_auto(GStrv) own = g_strsplit(own_commands[role], " ", -1);
	g_ptr_array_sort(called, by_text);
	for (guint i = 0; own[i]; i++)
		add(rules, "+%s", own[i]);
	for (guint i = 0; i < called->len; i++)
		add(rules, "+%s", (const char *)called->pdata[i]);
}

/* All keys of cleave's but the reserved ones: of a word's first letter those whose second letter is another. */
static void add_worker_keys(GPtrArray *rules)
{
	g_autoptr(GString) letters = g_string_new(NULL);
	for (guint i = 0; i < G_N_ELEMENTS(reserved); i++) {
		g_assert(!strchr(letters->str, *reserved[i].word));
		g_string_append_c(letters, *reserved[i].word);
	}
	add(rules, "~cleave:[^%s]*", letters->str);
	for (guint i = 0; i < G_N_ELEMENTS(reserved); i++) {
		add(rules, "~cleave:%c[^%c]*", reserved[i].word[0], reserved[i].word[1]);
		if (reserved[i].is_read)
			add(rules, "%%R~cleave:%s", reserved[i].word);
	}
}

static void add_keys(GPtrArray *rules, enum acl_role role, const char *const *lists)
{
	if (role == ACL_CONTROLLER)
		add(rules, "~cleave:*");
	if (role == ACL_WORKER)
		add_worker_keys(rules);
	for (guint i = 0; role != ACL_WORKER && lists[i]; i++)
		add(rules, "~%s", lists[i]);
	if (role != ACL_WORKER && lists[0])
		add(rules, "~job:*");
	if (role != ACL_PLAIN)
		add(rules, "&cleave:notice");
}

GPtrArray *acl_rules(enum acl_role role, const char *const *lists)
{
	GPtrArray *rules = g_ptr_array_new_with_free_func(g_free);
	add_keys(rules, role, lists);
	add(rules, "-@all");
	add_commands(rules, role);
	return rules;
}

void acl_users_clear(struct acl_user users[ACL_ROLES])
{
	for (guint i = 0; i < ACL_ROLES; i++) {
		g_clear_pointer(&users[i].password, g_free);
		g_clear_pointer(&users[i].rules, g_ptr_array_unref);
	}
}

char *acl_users_text(const struct acl_user users[ACL_ROLES])
{
	GString *out = g_string_new(NULL);
	for (guint i = 0; i < ACL_ROLES; i++) {
		g_string_append_printf(out, "user %s reset on %s", users[i].name, users[i].password);
		for (guint k = 0; k < users[i].rules->len; k++)
			g_string_append_printf(out, " %s", (const char *)users[i].rules->pdata[k]);
		g_string_append_c(out, '\n');
	}
	return g_string_free(out, FALSE);
}

char *acl_users_json(const struct acl_user users[ACL_ROLES])
{
	json_t *all = json_array();
	for (guint i = 0; i < ACL_ROLES; i++) {
		json_t *object = json_object(), *list = json_array();
		const char *head[] = { "reset", "on", users[i].password };
		json_object_set_new(object, "role", json_string(acl_role_names[users[i].role]));
		json_object_set_new(object, "user", json_string(users[i].name));
		for (guint k = 0; k < G_N_ELEMENTS(head); k++)
			json_array_append_new(list, json_string(head[k]));
		for (guint k = 0; k < users[i].rules->len; k++)
			json_array_append_new(list, json_string(users[i].rules->pdata[k]));
		json_object_set_new(object, "rules", list);
		json_array_append_new(all, object);
	}
	char *json = json_dumps(all, JSON_INDENT(2)), *text = g_strconcat(json, "\n", NULL);
	free(json);
	json_decref(all);
	return text;
}

char *acl_password(const char *file, GError **error)
{
	g_autofree char *text = NULL;
	if (!g_file_get_contents(file, &text, NULL, error)) {
		g_prefix_error(error, "password: ");
		return NULL;
	}
	text[strcspn(text, "\r\n")] = '\0';
	if (!*text) {
		fail(error, ERROR_INVALID, "password: the first line of %s is empty", file);
		return NULL;
	}
	g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
	return g_strconcat("#", hash, NULL);
}
