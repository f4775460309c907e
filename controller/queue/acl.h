/* What each kind of client may do in Redis, as rules of its access lists (https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/).
 *
 * In: a role. Out: rules. The commands of the functions are read from the functions themselves: Redis checks what a
 * function does against the rights of its caller. That is also what can be told apart: Redis 7 has no right to call one
 * function and not another, but a function that touches a key which its caller may not touch ends there. */
#pragma once
#include <glib.h>

enum acl_role { ACL_CONTROLLER, ACL_WORKER, ACL_PLAIN, ACL_ROLES };

/* "controller" and so on. */
extern const char *const acl_role_names[ACL_ROLES];

/* Rules in order, without name and password: char *, g_ptr_array_unref(). `lists` (NULL-terminated) are those of plain
 * workers. */
GPtrArray *acl_rules(enum acl_role role, const char *const *lists);
struct acl_user {
	enum acl_role role;
	const char *name;
	char *password; /* a rule: "#" and a digest; owned */
	GPtrArray *rules; /* owned */
};
/* Frees what they own. */
void acl_users_clear(struct acl_user users[ACL_ROLES]);
/* A line each, as in users.acl; g_free(). */
char *acl_users_text(const struct acl_user users[ACL_ROLES]);
/* A JSON array of {role, user, rules}; g_free(). */
char *acl_users_json(const struct acl_user users[ACL_ROLES]);
/* "#" and the SHA-256 of the file's first line. */
char *acl_password(const char *file, GError **error);
