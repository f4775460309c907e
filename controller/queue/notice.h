/* "Look again": a subscription to the queue's notices for a main loop.
 *
 * In: the URL. Out: calls of `look`, once for however many notices came together, and once after each
 * connection, since what was said before it was not heard. Nothing here blocks: the controller's loop
 * goes on while Redis is away. */
#pragma once
#include <glib.h>

struct notice;

/* Starts at once, on the thread's default main context; fails only on the URL or the password file. */
struct notice *notice_new(const char *url, const char *password_file, void (*look)(gpointer data), gpointer data,
			  GError **error);
/* Each word that is said, before `look` is called for it: TRUE takes it, so that it is no reason to look. */
void notice_on_word(struct notice *n, gboolean (*hear)(gpointer data, const char *word), gpointer data);
void notice_free(struct notice *n);
gboolean notice_is_connected(const struct notice *n);
