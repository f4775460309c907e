/* One element. */
#include "domain/mark.h"
#include "base/arena.h"
#include <glib.h>

char *domain_mark(struct arena *a, const char *farm)
{
	g_autofree char *text = g_markup_printf_escaped("<vm farm=\"%s\"/>", farm);
	return arena_strdup(a, text);
}
