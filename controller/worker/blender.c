/* Orders and answers go through two pipes of their own; what Blender prints goes into a bounded tail. */
#include "worker/blender.h"
#include "base/error.h"
#include "worker/memory.h"
#include "worker/words.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	HELLO_MS = 60000,
	TAIL_SIZE = 64 << 10,
	REAP_MS = 10000,
	MEMORY_LOOK_MS = 200,
	READS_MAX = 64,               /* at once: who writes without end is left to the time limit */
	ANSWER_MAX = 16 << 20,
};

/* More than this beyond twice what it held after its first frame is a leak. */
static const guint64 GROWTH_BYTES = (guint64)1 << 30;

/* Descriptors in the child, and as warm.py is told them. */
#define ORDERS_FD  3
#define ANSWERS_FD 4

struct blender {
	GPid pid; /* 0: not running */
	pid_t parent;
	int orders_fd, answers_fd, log_fd;
	GString *answers; /* read, not yet a whole line */
	GString *tail;    /* of what it printed */
	char *folder;     /* ours, with the folders below */
	char *scripts;    /* warm.py and what it imports; it may read them */
	char *scratch;    /* its own; TMPDIR and HOME */
	char *output;     /* in that: the files of an order */
	const struct blender_setup *setup; /* only while it is started */
	const struct sandbox *sandbox;
	char *version;
	char **devices, **arguments, **opened;
	gboolean runs_scripts;
	int n_frames;
	gboolean is_worn;
	guint64 loaded_bytes; /* resident after the first frame of a scene; 0: not measured */
};

/* -- starting and ending --------------------------------------------------------------------- */

/* In the child. Its own process group: a Ctrl-C is for the worker to handle. */
static void prepare_child(gpointer data)
{
	const struct blender *b = data;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != b->parent)
		_exit(1);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	/* Where memory ends, it is Blender that goes, and not the worker which can tell about it. */
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t ignored = write(fd, "500", 3);
		(void)ignored;
		close(fd);
	}
}

/* warm.py imports the others from its own folder. */
static gboolean write_scripts(const struct blender *b, GError **error)
{
	static const char *const names[] = { "warm.py", "outputs.py", "opened.py" };
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(b->scripts, names[i], NULL);
		g_autofree char *resource = g_strconcat("/cleave/worker/", names[i], NULL);
		g_autoptr(GBytes) script = g_resources_lookup_data(resource, G_RESOURCE_LOOKUP_FLAGS_NONE, error);
		gsize size;
		const char *text = script ? g_bytes_get_data(script, &size) : NULL;
		if (!text || !g_file_set_contents_full(path, text, (gssize)size, G_FILE_SET_CONTENTS_NONE, 0644, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean make_folders(struct blender *b, GError **error)
{
	b->folder = g_dir_make_tmp("cleave-blender-XXXXXX", error);
	if (!b->folder)
		return FALSE;
	b->scripts = g_build_filename(b->folder, "scripts", NULL);
	b->scratch = g_build_filename(b->folder, "scratch", NULL);
	b->output = g_build_filename(b->scratch, "out", NULL);
	/* Whatever the worker's umask is: another user reads the one. */
	if (mkdir(b->scripts, 0755) < 0 || chmod(b->scripts, 0755) < 0 || mkdir(b->scratch, 0700) < 0 ||
	    mkdir(b->output, 0700) < 0)
		return fail_errno(error, errno, "%s cannot be filled", b->folder);
	return sandbox_hand_over(b->sandbox, b->scratch, error) && sandbox_hand_over(b->sandbox, b->output, error) &&
	       write_scripts(b, error);
}

/* Site preferences are asked for by BLENDER_USER_CONFIG; without it nobody's apply. */
static char **blender_argv(const struct blender *b, const char *program)
{
	g_autofree char *script = g_build_filename(b->scripts, "warm.py", NULL);
	GStrvBuilder *argv = g_strv_builder_new();
	const char *before[] = { program, "--background", "-noaudio",
		                 b->runs_scripts ? "--enable-autoexec" : "--disable-autoexec",
		                 g_getenv("BLENDER_USER_CONFIG") ? NULL : "--factory-startup", NULL };
	const char *after[] = { "--python-exit-code", "3", "--python", script, "--", G_STRINGIFY(ORDERS_FD),
		                G_STRINGIFY(ANSWERS_FD), NULL };
	g_strv_builder_addv(argv, before);
	if (b->arguments)
		g_strv_builder_addv(argv, (const char **)b->arguments);
	g_strv_builder_addv(argv, after);
	char **all = g_strv_builder_end(argv);
	g_strv_builder_unref(argv);
	return all;
}

static char **readable_folders(const struct blender *b)
{
	GStrvBuilder *all = g_strv_builder_new();
	if (b->setup->readable)
		g_strv_builder_addv(all, (const char **)b->setup->readable);
	g_strv_builder_add(all, b->scripts);
	char **folders = g_strv_builder_end(all);
	g_strv_builder_unref(all);
	return folders;
}

static gboolean spawn(struct blender *b, int orders_read, int answers_write, int log_write, GError **error)
{
	g_autofree char *program = g_find_program_in_path(b->setup->program);
	if (!program)
		return fail(error, ERROR_NOT_FOUND, "No such file or directory");
	g_auto(GStrv) command = blender_argv(b, program);
	g_auto(GStrv) readable = readable_folders(b);
	const struct cage cage = { b->scratch, (const char *const *)readable };
	g_auto(GStrv) argv = sandbox_wrap(b->sandbox, &cage, (const char *const *)command);
	g_auto(GStrv) environment = sandbox_environment(b->setup->variables, b->scratch);
	const int sources[] = { orders_read, answers_write }, targets[] = { ORDERS_FD, ANSWERS_FD };
	return g_spawn_async_with_pipes_and_fds("/", (const char *const *)argv, (const char *const *)environment,
						G_SPAWN_DO_NOT_REAP_CHILD, prepare_child, b, -1, log_write, log_write,
						sources, targets, 2, &b->pid, NULL, NULL, NULL, error);
}

static gboolean open_and_spawn(struct blender *b, GError **error)
{
	int orders[2] = { -1, -1 }, answers[2] = { -1, -1 }, log[2] = { -1, -1 };
	gboolean is_started =
		g_unix_open_pipe(orders, FD_CLOEXEC, error) && g_unix_open_pipe(answers, FD_CLOEXEC, error) &&
		g_unix_open_pipe(log, FD_CLOEXEC, error) && spawn(b, orders[0], answers[1], log[1], error);
	b->orders_fd = orders[1];
	b->answers_fd = answers[0];
	b->log_fd = log[0];
	const int child_ends[] = { orders[0], answers[1], log[1] };
	for (guint i = 0; i < G_N_ELEMENTS(child_ends); i++)
		if (child_ends[i] >= 0)
			close(child_ends[i]);
	if (!is_started)
		return FALSE;
	return g_unix_set_fd_nonblocking(b->answers_fd, TRUE, error) &&
	       g_unix_set_fd_nonblocking(b->log_fd, TRUE, error);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	(void)remove(path);
	return 0;
}

/* A process that hangs in a driver cannot be waited for without end. Returns its status, or -1. */
static int kill_and_reap(struct blender *b)
{
	int status = -1;
	if (!b->pid)
		return status;
	kill(-b->pid, SIGKILL);
	kill(b->pid, SIGKILL);
	for (int i = 0; i < REAP_MS / 10; i++) {
		if (waitpid(b->pid, &status, WNOHANG) != 0)
			break;
		g_usleep(10000);
	}
	b->pid = 0;
	return status;
}

void blender_stop(struct blender *b)
{
	if (!b)
		return;
	kill_and_reap(b);
	const int fds[] = { b->orders_fd, b->answers_fd, b->log_fd };
	for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (b->folder)
		nftw(b->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	char *texts[] = { b->folder, b->scripts, b->scratch, b->output, b->version };
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	g_strfreev(b->devices);
	g_strfreev(b->arguments);
	g_strfreev(b->opened);
	g_string_free(b->answers, TRUE);
	g_string_free(b->tail, TRUE);
	g_free(b);
}

/* -- listening ------------------------------------------------------------------------------- */

static void read_log(struct blender *b)
{
	char buffer[4096];
	ssize_t n;
	for (int i = 0; i < READS_MAX && (n = read(b->log_fd, buffer, sizeof buffer)) > 0; i++)
		g_string_append_len(b->tail, buffer, n);
	/* Not at each line: what stays is moved. */
	if (b->tail->len > 2 * TAIL_SIZE)
		g_string_erase(b->tail, 0, (gssize)(b->tail->len - TAIL_SIZE));
}

/* FALSE at the end of the pipe. */
static gboolean read_answers(struct blender *b)
{
	char buffer[4096];
	ssize_t n = 0;
	for (int i = 0; i < READS_MAX && (n = read(b->answers_fd, buffer, sizeof buffer)) > 0; i++)
		g_string_append_len(b->answers, buffer, n);
	return n > 0 || (n < 0 && errno == EAGAIN);
}

static char *take_line(struct blender *b)
{
	const char *end = strchr(b->answers->str, '\n');
	if (!end)
		return NULL;
	gssize len = end - b->answers->str;
	char *line = g_strndup(b->answers->str, (gsize)len);
	g_string_erase(b->answers, 0, len + 1);
	return line;
}

/* How the child ended, in a sentence. */
static char *describe_end(struct blender *b)
{
	int status = -1;
	/* Its pipe was closed: it ends by itself within moments, and its own status says more than SIGKILL. */
	for (int i = 0; i < 100 && waitpid(b->pid, &status, WNOHANG) == 0; i++)
		g_usleep(10000);
	read_log(b);
	g_autofree char *words = words_last(b->tail->str);
	if (status == -1)
		return g_strdup_printf("Blender closed its answers: %s", words);
	b->pid = 0;
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : sandbox_signal_of(b->sandbox, WEXITSTATUS(status));
	if (number)
		return g_strdup_printf("Blender was ended by signal %d (%s): %s", number, g_strsignal(number), words);
	return g_strdup_printf("Blender ended with code %d: %s", WEXITSTATUS(status), words);
}

enum heard { HEARD_LINE, HEARD_END, HEARD_LATE, HEARD_STOP, HEARD_FULL, HEARD_ENDLESS };

/* What ends the wait for a line. */
struct patience {
	gint64 deadline_us;   /* monotonic; 0: none */
	guint64 memory_bytes; /* 0: no limit */
	const int *stop_fds;  /* two, or NULL */
};

/* For poll(). -1: for ever; 0: it is too late. */
static int time_left(const struct patience *p)
{
	gint64 ms = G_MAXINT;
	if (p->deadline_us)
		ms = MAX((p->deadline_us - g_get_monotonic_time()) / 1000 + 1, 0);
	if (p->memory_bytes)
		ms = MIN(ms, MEMORY_LOOK_MS);
	return ms == G_MAXINT ? -1 : (int)ms;
}

static enum heard hear(struct blender *b, const struct patience *p, char **ret_line)
{
	struct pollfd fds[] = { { b->answers_fd, POLLIN, 0 },
				{ b->log_fd, POLLIN, 0 },
				{ p->stop_fds ? p->stop_fds[0] : -1, POLLIN, 0 },
				{ p->stop_fds ? p->stop_fds[1] : -1, POLLIN, 0 } };
	gboolean is_open = TRUE;
	for (gint64 looked_us = 0;;) {
		gint64 now_us = g_get_monotonic_time();
		if ((*ret_line = take_line(b)))
			return HEARD_LINE;
		if (!is_open)
			return HEARD_END;
		if (b->answers->len > ANSWER_MAX)
			return HEARD_ENDLESS;
		if (p->deadline_us && now_us >= p->deadline_us)
			return HEARD_LATE;
		if (p->memory_bytes && now_us - looked_us >= MEMORY_LOOK_MS * 1000) {
			looked_us = now_us;
			if (memory_of_tree(b->pid) > p->memory_bytes)
				return HEARD_FULL;
		}
		if (poll(fds, G_N_ELEMENTS(fds), time_left(p)) < 0)
			continue;
		if (fds[2].revents || fds[3].revents)
			return HEARD_STOP;
		if (fds[1].revents) {
			read_log(b);
			fds[1].fd = fds[1].revents & POLLIN ? fds[1].fd : -1;
		}
		if (fds[0].revents)
			is_open = read_answers(b);
	}
}

static gboolean await_hello(struct blender *b, GError **error)
{
	g_autofree char *line = NULL;
	const struct patience patience = { .deadline_us = g_get_monotonic_time() + (gint64)HELLO_MS * 1000 };
	enum heard heard = hear(b, &patience, &line);
	if (heard == HEARD_LATE)
		return fail(error, ERROR_TIMEOUT, "Blender did not start within a minute");
	if (heard == HEARD_END) {
		g_autofree char *end = describe_end(b);
		return fail(error, ERROR_FAILED, "%s", end);
	}
	if (heard == HEARD_ENDLESS)
		return fail(error, ERROR_FAILED, "Blender answered without an end of line");
	struct answer hello = answer_decode(line);
	gboolean is_hello = hello.type == ANSWER_HELLO && hello.version;
	b->version = g_steal_pointer(&hello.version);
	b->devices = g_steal_pointer(&hello.devices);
	answer_clear(&hello);
	return is_hello || fail(error, ERROR_FAILED, "Blender answered \"%s\"", line);
}

struct blender *blender_start(const struct blender_setup *setup, GError **error)
{
	struct blender *b = g_new0(struct blender, 1);
	b->setup = setup;
	b->sandbox = setup->sandbox;
	b->arguments = g_strdupv((char **)setup->arguments);
	b->runs_scripts = setup->runs_scripts;
	b->orders_fd = b->answers_fd = b->log_fd = -1;
	b->parent = getpid();
	b->answers = g_string_new(NULL);
	b->tail = g_string_new(NULL);
	gboolean is_there = make_folders(b, error) && open_and_spawn(b, error) && await_hello(b, error);
	b->setup = NULL;
	if (is_there)
		return b;
	g_prefix_error(error, "%s: ", setup->program);
	blender_stop(b);
	return NULL;
}

const char *blender_version(const struct blender *b)
{
	return b->version;
}

const char *const *blender_devices(const struct blender *b)
{
	return (const char *const *)b->devices;
}

int blender_n_frames(const struct blender *b)
{
	return b->n_frames;
}

gboolean blender_suits(const struct blender *b, const struct task *task)
{
	static const char *const none[] = { NULL };
	if (!task)
		return TRUE;
	const char *const *ours = b->arguments ? (const char *const *)b->arguments : none;
	const char *const *wanted = task->arguments ? task->arguments : none;
	return b->runs_scripts == (task->runs_scripts != 0) && g_strv_equal(ours, wanted);
}

gboolean blender_is_worn(const struct blender *b)
{
	return b->is_worn;
}

const char *blender_folder(const struct blender *b)
{
	return b->output;
}

const char *const *blender_opened(const struct blender *b)
{
	return (const char *const *)b->opened;
}

const char *blender_printed(const struct blender *b)
{
	return b->tail->len > TAIL_SIZE ? b->tail->str + b->tail->len - TAIL_SIZE : b->tail->str;
}

/* -- rendering ------------------------------------------------------------------------------- */

/* It may be a stranger's by now: nothing is followed, and nothing below it touched. */
static void clear_output(const struct blender *b)
{
	int fd = open(b->output, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	while (dir && (entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

static gboolean send_order(const struct blender *b, struct order o)
{
	o.folder = b->output;
	g_autofree char *line = order_encode(&o);
	gsize size = strlen(line), sent = 0;
	while (sent < size) {
		ssize_t n = write(b->orders_fd, line + sent, size - sent);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return FALSE;
		sent += (gsize)n;
	}
	return TRUE;
}

static enum render_end failed(struct blender *b, struct answer *ret, char *said)
{
	char *reason = said ? said : g_strdup("Blender gave no reason");
	answer_clear(ret);
	ret->type = ANSWER_FAILED;
	ret->reason = reason;
	ret->is_gpu_full = words_tell_gpu_full(reason) || words_tell_gpu_full(b->tail->str);
	b->is_worn = TRUE;
	return RENDER_FAILED;
}

static gint64 deadline_of(const struct order *o)
{
	return o->task->time_limit_ms ? g_get_monotonic_time() + o->task->time_limit_ms * 1000 : 0;
}

/* Cycles goes on, and writes a black image, after it said that. */
static enum render_end done(struct blender *b, const struct order *o, struct answer *ret)
{
	read_log(b);
	if (ret->has_frame && ret->frame != o->frame)
		return failed(b, ret, g_strdup_printf("Blender rendered frame %" G_GINT64_FORMAT ", not %" G_GINT64_FORMAT
						      ": a script in the scene changes it", ret->frame, o->frame));
	if (ret->opened) {
		g_strfreev(b->opened);
		b->opened = g_steal_pointer(&ret->opened);
	}
	if (words_tell_gpu_full(b->tail->str))
		return failed(b, ret, words_last(b->tail->str));
	guint64 bytes = memory_of_tree(b->pid);
	if (!b->loaded_bytes)
		b->loaded_bytes = bytes;
	b->is_worn = bytes > 2 * b->loaded_bytes + GROWTH_BYTES;
	return RENDER_DONE;
}

static char *describe_limit(enum heard heard, const struct order *o)
{
	if (heard == HEARD_LATE)
		return g_strdup_printf("the time limit of %.1f s passed", (double)o->task->time_limit_ms / 1000);
	if (heard == HEARD_ENDLESS)
		return g_strdup_printf("Blender answered %u MiB without an end of line", (guint)ANSWER_MAX >> 20);
	return g_strdup_printf("Blender took more than %.2f GiB of memory",
			       (double)o->memory_bytes / (double)(1 << 30));
}

enum render_end blender_render(struct blender *b, const struct order *o, const int stop_fds[2], struct answer *ret)
{
	*ret = (struct answer){ 0 };
	b->n_frames++;
	read_log(b);
	g_string_truncate(b->tail, 0);
	clear_output(b);
	/* An order that cannot be sent is heard as the end of the answers; without this its pipe would end us. */
	signal(SIGPIPE, SIG_IGN);
	(void)send_order(b, *o);
	gboolean was_loaded = FALSE;
	for (struct patience patience = { deadline_of(o), o->memory_bytes, stop_fds };;) {
		g_autofree char *line = NULL;
		enum heard heard = hear(b, &patience, &line);
		if (heard == HEARD_STOP)
			return RENDER_INTERRUPTED;
		if (heard != HEARD_LINE)
			return failed(b, ret, heard == HEARD_END ? describe_end(b) : describe_limit(heard, o));
		answer_clear(ret);
		*ret = answer_decode(line);
		ret->was_loaded = was_loaded;
		if (ret->type == ANSWER_DONE)
			return done(b, o, ret);
		if (ret->type == ANSWER_FAILED) {
			gboolean is_final = ret->is_final;
			read_log(b);
			failed(b, ret, g_steal_pointer(&ret->reason));
			ret->is_final = is_final;
			return RENDER_FAILED;
		}
		if (ret->type != ANSWER_LOADED)
			return failed(b, ret, g_strdup_printf("Blender answered \"%s\"", line));
		patience.deadline_us = deadline_of(o);
		b->loaded_bytes = 0;
		was_loaded = TRUE;
	}
}
