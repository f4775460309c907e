/* sd_notify() and sd_journal_sendv(). */
#include "commands/service.h"
#define SD_JOURNAL_SUPPRESS_LOCATION /* it would be this file of every entry */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

static gboolean has_journal;
static char *last_status;

/* -- the journal ----------------------------------------------------------------------------------------- */

/* JOURNAL_STREAM is DEVICE:INODE of what the service was started with; a stderr that was sent elsewhere is another
 * file (systemd.exec). */
static gboolean is_journal(int fd)
{
	const char *stream = g_getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;
	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &st) == 0 && st.st_dev == device &&
	       st.st_ino == inode;
}

static void add_field(GPtrArray *fields, const char *name, const char *value)
{
	if (value)
		g_ptr_array_add(fields, g_strdup_printf("%s=%s", name, value));
}

gboolean service_log(enum log_level level, const char *area, const struct service_about *about, const char *sentence)
{
	static const char *const priorities[] = { "3", "4", "5", "7" };
	static const struct service_about nothing;
	if (!has_journal)
		return FALSE;
	about = about ? about : &nothing;
	g_autoptr(GPtrArray) fields = g_ptr_array_new_with_free_func(g_free);
	add_field(fields, "MESSAGE", sentence);
	add_field(fields, "PRIORITY", priorities[level]);
	add_field(fields, "SYSLOG_IDENTIFIER", "cleave");
	add_field(fields, "CLEAVE_AREA", area);
	add_field(fields, "CLEAVE_OBJECT", about->object);
	add_field(fields, "CLEAVE_VERB", about->verb);
	add_field(fields, "CLEAVE_OUTCOME", about->outcome);
	add_field(fields, "CLEAVE_REVISION", about->revision);
	g_autofree struct iovec *parts = g_new0(struct iovec, fields->len);
	for (guint i = 0; i < fields->len; i++)
		parts[i] = (struct iovec){ fields->pdata[i], strlen(fields->pdata[i]) };
	return sd_journal_sendv(parts, (int)fields->len) >= 0;
}

static gboolean write_line(enum log_level level, const char *area, const char *sentence)
{
	return service_log(level, area, NULL, sentence);
}

void service_begin(void)
{
	has_journal = is_journal(STDERR_FILENO);
	if (has_journal)
		log_set_writer(write_line);
}

/* -- notifications ----------------------------------------------------------------------------------------- */

gint64 service_watchdog_ms(void)
{
	const char *text = g_getenv("NOTIFY_SOCKET") ? g_getenv("WATCHDOG_USEC") : NULL;
	guint64 us = text ? g_ascii_strtoull(text, NULL, 10) : 0;
	return us ? MAX((gint64)(us / 2000), 1) : 0;
}

void service_ping(void)
{
	(void)sd_notify(0, "WATCHDOG=1");
}

void service_ready(void)
{
	(void)sd_notify(0, "READY=1");
}

void service_reloading(void)
{
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time());
}

void service_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}

void service_status(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *status = g_strdup_vprintf(format, args);
	va_end(args);
	g_strdelimit(status, "\n", ' ');
	if (g_strcmp0(status, last_status) == 0)
		return;
	g_free(last_status);
	last_status = g_steal_pointer(&status);
	(void)sd_notifyf(0, "STATUS=%s", last_status);
}
