/* A parent for the controller that does nothing but reap.
 *
 * QEMU detaches from who starts it, so a QEMU that ends is reaped by PID 1. Where PID 1 is slow at that
 * (containers whose first program is no init), libvirt finds the zombie alive and a destroy takes 2 s
 * instead of 0.2 s. A subreaper cures it. It must be a process of its own: waitpid(-1) in the process
 * that runs libvirt would steal the children libvirt waits for. With systemd as PID 1 it changes nothing. */
#pragma once
#include <glib.h>

/* Called first in main(), before any thread. TRUE in the child, which goes on as the controller; FALSE in
 * the parent once the child has ended, with the status to exit with (128 + N after signal N). The parent
 * passes on SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 and SIGABRT; if it is killed, the child gets SIGTERM.
 * A unit of Type=notify needs NotifyAccess=all. Where there can be no parent (fork fails), TRUE as well. */
gboolean reaper_split(int *ret_status);
