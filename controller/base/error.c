/* GError in cleave's own domain. */
#include "base/error.h"
#include <errno.h>

G_DEFINE_QUARK(cleave-error-quark, cleave_error)

gboolean fail(GError **error, enum cleave_error code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (error)
		*error = g_error_new_valist(CLEAVE_ERROR, (gint)code, format, args);
	va_end(args);
	return FALSE;
}

gboolean fail_errno(GError **error, int errno_value, const char *format, ...)
{
	enum cleave_error code = errno_value == ENOENT   ? ERROR_NOT_FOUND
	                         : errno_value == EEXIST ? ERROR_EXISTS
	                                                 : ERROR_FAILED;
	va_list args;
	va_start(args, format);
	g_autofree char *what = g_strdup_vprintf(format, args);
	va_end(args);
	return fail(error, code, "%s: %s", what, g_strerror(errno_value));
}
