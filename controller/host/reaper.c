/* prctl(PR_SET_CHILD_SUBREAPER), fork, and a loop of sigwaitinfo(). */
#include "host/reaper.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void fill_signals(sigset_t *set)
{
	static const int passed[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGABRT /* systemd's watchdog */ };
	sigemptyset(set);
	for (gsize i = 0; i < G_N_ELEMENTS(passed); i++)
		sigaddset(set, passed[i]);
}

/* Reaps all that ended. TRUE when the child was among them. */
static gboolean reap(pid_t child, int *ret_status)
{
	gboolean ended = FALSE;
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		if (pid != child)
			continue;
		ended = TRUE;
		*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	return ended;
}

static int watch_over(pid_t child, const sigset_t *signals)
{
	int status = 1;
	for (;;) {
		siginfo_t info;
		int n = sigwaitinfo(signals, &info);
		if (n < 0 && errno != EINTR)
			return status;
		if (n == SIGCHLD && reap(child, &status))
			return status;
		/* The terminal's own Ctrl-C (SI_KERNEL) went to the child too. */
		if (n > 0 && n != SIGCHLD && info.si_code != SI_KERNEL)
			kill(child, n);
	}
}

gboolean reaper_split(int *ret_status)
{
	sigset_t signals, before;
	fill_signals(&signals);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || sigprocmask(SIG_BLOCK, &signals, &before) < 0)
		return TRUE;
	pid_t parent = getpid(), child = fork();
	if (child > 0) {
		*ret_status = watch_over(child, &signals);
		return FALSE;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent) /* it was killed before the line above */
			raise(SIGTERM);
	}
	return TRUE;
}
