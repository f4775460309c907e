/* How much memory a process and all that it started hold.
 *
 * In: its number. Out: bytes that are resident now. Called by blender.c a few times a second. */
#pragma once
#include <glib.h>
#include <sys/types.h>

/* 0 when it is gone. Memory that several of them share counts for each. */
guint64 memory_of_tree(pid_t pid);
