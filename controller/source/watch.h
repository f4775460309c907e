/* Wakes the main loop when a source may have changed: a push, a commit, a branch made or deleted, a
 * file written in a plain directory.
 *
 * An event says only "look again". libinotifytools keeps its descriptor and tables in static variables
 * and has no locks: one watch at a time in a process, all of its calls on the watch's own thread, which
 * sleeps in the kernel until something happens (no periodic wake-up). It waits with select(): start
 * the watch before the program opens its thousandth descriptor. */
#pragma once
#include "source/source.h"

struct source_watch;

typedef void (*source_watch_func)(gpointer user);

/* Watches all of `wheres`. `callback` runs on the thread-default main context of the caller, once for
 * all that came since it last ran. ERROR_EXISTS when a watch is running, ERROR_FAILED when the
 * kernel's limits allow no more watches. Read once after this returns: it arms before it returns. */
struct source_watch *source_watch_start(const struct source_where *wheres, guint n_wheres, source_watch_func callback,
					gpointer user, GError **error);
/* Ends the thread; the callback does not run after this. On the thread that started it. */
void source_watch_stop(struct source_watch *w);
/* Why part of it is not watched now (a folder gone, a limit reached), or NULL; it is tried again every
 * 30 s, with a callback each time. g_free(). */
char *source_watch_trouble(struct source_watch *w);
