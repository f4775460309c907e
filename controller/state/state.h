/* The --state folder: one writer a host, and the socket where others ask it.
 *
 * In: the folder. Out: the lock held, a listening control socket, and the requests that came. Called by
 * commands/: run serves, the others ask. Requests are only collected here; the loop takes them
 * between two passes, so that none is answered from half a pass. */
#pragma once
#include <glib.h>

struct state_lock;

/* Makes DIR (0700) and takes DIR/lock, which ends with the process. ERROR_EXISTS when another process
 * holds it; its number is in the message. */
struct state_lock *state_lock(const char *dir, GError **error);
void state_unlock(struct state_lock *l);
/* Whether some process holds the lock now. */
gboolean state_is_locked(const char *dir);

/* -- server -------------------------------------------------------------------------------------- */

struct control;
struct control_request;

/* Listens on DIR/control.sock (0600) on the default main context; `came` is called when a request waits. A line has 64 KiB at
 * most and 10 s to come, an answer 30 s to be read, and 64 clients are there at once: others are told to ask again. */
struct control *control_open(const char *dir, void (*came)(gpointer user), gpointer user, GError **error);
void control_close(struct control *c);
/* The oldest waiting request, or NULL. To be answered with control_answer(), which frees it. */
struct control_request *control_take(struct control *c);
const char *control_command(const struct control_request *r);
/* FALSE: the client has gone, and will not read an answer. */
gboolean control_is_open(const struct control_request *r);
/* `error` (may be NULL) is told to the client, else `body` is what it asked for. Returns at once: it is written on the main
 * loop as the client reads it. */
void control_answer(struct control_request *r, const char *body, const GError *error);

/* The last character of an answer to "reconcile" when not all of it could be done. */
#define CONTROL_IN_PART '\004'
/* Whether an answer ends so; takes that character off. */
gboolean control_take_in_part(char *body);

/* -- client -------------------------------------------------------------------------------------- */

/* Asks the controller that holds DIR and waits for the whole answer; g_free(). ERROR_AWAY when nobody
 * listens, else the server's own error. */
char *control_ask(const char *dir, const char *command, GError **error);
/* The same, for so long at most (0: for ever), of requests that are answered only when something happens. ERROR_TIMEOUT. */
char *control_ask_within(const char *dir, const char *command, gint64 timeout_ms, GError **error);

/* -- the key of secrets' digests ---------------------------------------------------------------------- */

/* 64 hex digits, made when it is first asked for; g_free(). NULL when it can be neither read nor made: then no digest of a
 * secret can be told. */
char *state_secret_key(const char *dir);
