/* What systemd is told of `cleave run`, and what it asks for: readiness, one line of status, the watchdog, and the
 * journal's fields. Without systemd all of it does nothing, and log lines go to stderr.
 *
 * The controller is the child of a reaper (host/reaper.h), so its unit says NotifyAccess=all, and the watchdog's
 * WATCHDOG_PID, which names the parent, is not looked at. Called on the main thread, but for service_log(). */
#pragma once
#include "base/log.h"

/* Log lines become journal entries from here on, where stderr is the journal. */
void service_begin(void);
/* Half of what the watchdog allows; 0: there is none. */
gint64 service_watchdog_ms(void);
void service_ping(void);
void service_ready(void);
void service_reloading(void);
void service_stopping(void);
/* `systemctl status` shows it; the same line is told once. */
void service_status(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* What an entry is about; each may be NULL. */
struct service_about {
	const char *object; /* "VM/w1" */
	const char *verb, *outcome, *revision;
};

/* FALSE where no journal listens: the caller prints. */
gboolean service_log(enum log_level level, const char *area, const struct service_about *about, const char *sentence);
