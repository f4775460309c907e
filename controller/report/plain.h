/* What a terminal would obey, out of what is printed. */
#pragma once
#include <glib.h>

/* Control characters become U+FFFD, whoever put them there: workers, domains and files say what they like. Lines, tabs and
 * cleave's own colours stay. NULL: there is nothing to take out. */
GString *report_plain(const GString *text);
