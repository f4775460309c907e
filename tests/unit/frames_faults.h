/* Crashes and I/O errors at every step that changes or syncs something: the program's own system calls stand in for
 * libc's. Included by one file of a test program. */
#pragma once
#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NEVER = -1 };
static struct {
	gint steps_left; /* until the fault; NEVER: none */
	int fault_errno; /* 0: crash */
	gint n_steps;    /* counted */
} disk = { NEVER, 0, 0 };

/* Before each such call; FALSE with errno set: it must fail. */
static gboolean step_may_go_on(void)
{
	disk.n_steps++;
	if (disk.steps_left == NEVER || disk.steps_left-- > 0)
		return TRUE;
	disk.steps_left = NEVER;
	if (!disk.fault_errno)
		raise(SIGKILL);
	errno = disk.fault_errno;
	return FALSE;
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	return step_may_go_on() ? (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags) : -1;
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	return step_may_go_on() ? (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags) : -1;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return step_may_go_on() ? (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0) : -1;
}

int unlinkat(int fd, const char *name, int flags)
{
	return step_may_go_on() ? (int)syscall(SYS_unlinkat, fd, name, flags) : -1;
}

int mkdirat(int fd, const char *name, mode_t mode)
{
	return step_may_go_on() ? (int)syscall(SYS_mkdirat, fd, name, mode) : -1;
}

int fsync(int fd)
{
	return step_may_go_on() ? (int)syscall(SYS_fsync, fd) : -1;
}

int fdatasync(int fd)
{
	return step_may_go_on() ? (int)syscall(SYS_fdatasync, fd) : -1;
}

/* Runs `act` with a fault at step `step`, in a process of its own when that is a crash. */
static inline void with_fault(void (*act)(gpointer user), gpointer user, gint step, int fault_errno)
{
	disk.steps_left = step;
	disk.fault_errno = fault_errno;
	pid_t child = fault_errno ? 0 : fork();
	if (child == 0)
		act(user);
	if (child == 0 && !fault_errno)
		_exit(0);
	if (child > 0)
		waitpid(child, NULL, 0);
	disk.steps_left = NEVER;
}

/* How many steps `act` takes without a fault. */
static inline gint count_steps(void (*act)(gpointer user), gpointer user)
{
	gint before = disk.n_steps;
	act(user);
	return disk.n_steps - before;
}
