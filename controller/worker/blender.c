/* What is said to it and how its answers are understood; how it is started and heard is child.c's. */
#include "worker/blender.h"
#include "base/error.h"
#include "worker/child.h"
#include "worker/memory.h"
#include "worker/words.h"
#include <signal.h>
#include <string.h>

enum { HELLO_MS = 60000, LINE_SHOWN = 200, GROWTH_LOOK_MS = 1000 };

/* More than this beyond twice what it held after its first frame is a leak. */
static const guint64 GROWTH_BYTES = (guint64)1 << 30;

struct blender {
	struct child child;
	char *version;
	char **devices, **arguments, **opened;
	gboolean runs_scripts;
	char *scripts_of; /* digest of the scene whose scripts it ran; NULL: none yet */
	int n_frames;
	gboolean is_worn;
	guint64 loaded_bytes; /* resident after the first frame of a scene; 0: not measured */
	gint64 measured_us;   /* when its memory was looked at last */
};

/* -- starting and ending --------------------------------------------------------------------- */

/* Site preferences are asked for by BLENDER_USER_CONFIG; without it nobody's apply. */
static char **blender_argv(const struct blender *b, const char *program)
{
	g_autofree char *script = g_build_filename(b->child.scratch.scripts, "warm.py", NULL);
	GStrvBuilder *argv = g_strv_builder_new();
	const char *before[] = { program, "--background", "-noaudio",
		                 b->runs_scripts ? "--enable-autoexec" : "--disable-autoexec",
		                 g_getenv("BLENDER_USER_CONFIG") ? NULL : "--factory-startup", NULL };
	const char *after[] = { "--python-exit-code", "3", "--python", script, "--", G_STRINGIFY(CHILD_ORDERS_FD),
		                G_STRINGIFY(CHILD_ANSWERS_FD), NULL };
	g_strv_builder_addv(argv, before);
	if (b->arguments)
		g_strv_builder_addv(argv, (const char **)b->arguments);
	g_strv_builder_addv(argv, after);
	char **all = g_strv_builder_end(argv);
	g_strv_builder_unref(argv);
	return all;
}

static gboolean spawn(struct blender *b, const struct blender_setup *setup, GError **error)
{
	g_autofree char *program = g_find_program_in_path(setup->program);
	if (!program)
		return fail(error, ERROR_NOT_FOUND, "No such file or directory");
	g_auto(GStrv) command = blender_argv(b, program);
	const struct child_order order = { (const char *const *)command, setup->variables, setup->readable };
	return child_spawn(&b->child, &order, error);
}

void blender_stop(struct blender *b)
{
	if (!b)
		return;
	child_clear(&b->child);
	g_free(b->version);
	g_free(b->scripts_of);
	g_strfreev(b->devices);
	g_strfreev(b->arguments);
	g_strfreev(b->opened);
	g_free(b);
}

static gboolean await_hello(struct blender *b, GError **error)
{
	g_autofree char *line = NULL;
	const struct patience patience = { .deadline_us = g_get_monotonic_time() + (gint64)HELLO_MS * 1000 };
	enum heard heard = child_hear(&b->child, &patience, &line);
	if (heard == HEARD_LATE)
		return fail(error, ERROR_TIMEOUT, "Blender did not start within a minute");
	if (heard != HEARD_LINE) {
		g_autofree char *end = heard == HEARD_END ? child_describe_end(&b->child) : g_strdup("Blender's answer has no end");
		return fail(error, ERROR_FAILED, "%s", end);
	}
	struct answer hello = answer_decode(line);
	gboolean is_hello = hello.type == ANSWER_HELLO && hello.version;
	b->version = g_steal_pointer(&hello.version);
	b->devices = g_steal_pointer(&hello.devices);
	answer_clear(&hello);
	return is_hello || fail(error, ERROR_FAILED, "Blender answered \"%.*s\"", LINE_SHOWN, line);
}

struct blender *blender_start(const struct blender_setup *setup, GError **error)
{
	struct blender *b = g_new0(struct blender, 1);
	b->arguments = g_strdupv((char **)setup->arguments);
	b->runs_scripts = setup->runs_scripts;
	/* An order that nobody reads is heard as the end of the answers; without this its pipe would end us. */
	signal(SIGPIPE, SIG_IGN);
	if (child_init(&b->child, setup->sandbox, error) && spawn(b, setup, error) && await_hello(b, error))
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
	/* What a scene's scripts leave behind in it is not for another scene. */
	if (b->scripts_of && strcmp(b->scripts_of, task->scene_sha256) != 0)
		return FALSE;
	return b->runs_scripts == (task->runs_scripts != 0) && g_strv_equal(ours, wanted);
}

gboolean blender_is_worn(const struct blender *b)
{
	return b->is_worn;
}

const char *blender_folder(const struct blender *b)
{
	return b->child.scratch.output;
}

const char *const *blender_opened(const struct blender *b)
{
	return (const char *const *)b->opened;
}

const char *blender_printed(const struct blender *b)
{
	const GString *tail = b->child.tail;
	return tail->len > CHILD_TAIL_SIZE ? tail->str + tail->len - CHILD_TAIL_SIZE : tail->str;
}

/* -- rendering ------------------------------------------------------------------------------- */

static enum render_end failed(struct blender *b, struct answer *ret, char *said)
{
	char *reason = said ? said : g_strdup("Blender gave no reason");
	answer_clear(ret);
	ret->type = ANSWER_FAILED;
	ret->reason = reason;
	ret->is_gpu_full = words_tell_gpu_full(reason) || words_tell_gpu_full(b->child.tail->str);
	b->is_worn = TRUE;
	return RENDER_FAILED;
}

static gint64 deadline_of(const struct order *o)
{
	return o->task->time_limit_ms ? g_get_monotonic_time() + o->task->time_limit_ms * 1000 : 0;
}

/* Every process of Blender is asked, and each of their threads for children: too dear for each of many short frames. */
static void look_at_growth(struct blender *b)
{
	gint64 now_us = g_get_monotonic_time();
	if (b->loaded_bytes && now_us - b->measured_us < GROWTH_LOOK_MS * 1000)
		return;
	guint64 bytes = memory_of_tree(b->child.pid);
	b->measured_us = now_us;
	if (!b->loaded_bytes)
		b->loaded_bytes = bytes;
	b->is_worn = bytes > 2 * b->loaded_bytes + GROWTH_BYTES;
}

/* Cycles goes on, and writes a black image, after it said that. */
static enum render_end done(struct blender *b, const struct order *o, struct answer *ret)
{
	child_read_log(&b->child);
	if (ret->has_frame && ret->frame != o->frame)
		return failed(b, ret, g_strdup_printf("Blender rendered frame %" G_GINT64_FORMAT ", not %" G_GINT64_FORMAT
						      ": a script in the scene changes it", ret->frame, o->frame));
	if (ret->opened) {
		g_strfreev(b->opened);
		b->opened = g_steal_pointer(&ret->opened);
	}
	if (words_tell_gpu_full(b->child.tail->str))
		return failed(b, ret, words_last(b->child.tail->str));
	look_at_growth(b);
	return RENDER_DONE;
}

static char *describe_silence(struct blender *b, enum heard heard, const struct order *o)
{
	switch (heard) {
	case HEARD_LATE: return g_strdup_printf("the time limit of %.1f s passed", (double)o->task->time_limit_ms / 1000);
	case HEARD_FULL:
		return g_strdup_printf("Blender took more than %.2f GiB of memory", (double)o->memory_bytes / (double)(1 << 30));
	case HEARD_LOUD: return g_strdup("Blender's answer has no end");
	case HEARD_END:
	case HEARD_LINE:
	case HEARD_STOP: break;
	}
	return child_describe_end(&b->child);
}

static void give_order(struct blender *b, struct order o)
{
	b->n_frames++;
	child_read_log(&b->child);
	g_string_truncate(b->child.tail, 0);
	scratch_clear_output(&b->child.scratch);
	if (b->runs_scripts && !b->scripts_of)
		b->scripts_of = g_strdup(o.task->scene_sha256);
	o.folder = b->child.scratch.output;
	g_autofree char *line = order_encode(&o);
	(void)child_send(&b->child, line);
}

static enum render_end take_failure(struct blender *b, struct answer *ret)
{
	gboolean is_final = ret->is_final;
	child_read_log(&b->child);
	failed(b, ret, g_steal_pointer(&ret->reason));
	ret->is_final = is_final;
	return RENDER_FAILED;
}

enum render_end blender_render(struct blender *b, const struct order *o, const int stop_fds[2], struct answer *ret)
{
	*ret = (struct answer){ 0 };
	give_order(b, *o);
	gboolean was_loaded = FALSE;
	for (struct patience patience = { deadline_of(o), o->memory_bytes, stop_fds };;) {
		g_autofree char *line = NULL;
		enum heard heard = child_hear(&b->child, &patience, &line);
		if (heard == HEARD_STOP)
			return RENDER_INTERRUPTED;
		if (heard != HEARD_LINE)
			return failed(b, ret, describe_silence(b, heard, o));
		answer_clear(ret);
		*ret = answer_decode(line);
		ret->was_loaded = was_loaded;
		if (ret->type == ANSWER_DONE)
			return done(b, o, ret);
		if (ret->type == ANSWER_FAILED)
			return take_failure(b, ret);
		/* A second scene would give it a second time limit, and a third… */
		if (ret->type != ANSWER_LOADED || was_loaded)
			return failed(b, ret, g_strdup_printf("Blender answered \"%.*s\"", LINE_SHOWN, line));
		patience.deadline_us = deadline_of(o);
		b->loaded_bytes = 0;
		was_loaded = TRUE;
	}
}
