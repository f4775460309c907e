/* Rates are of this burst of work: they begin with its first frame (before that a VM boots and Blender
 * starts), and again when more is wanted or something was lost. */
#include "commands/progress.h"
#include "report/report.h"
#include "spec/vm.h"
#include "spec/status.h"
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct job_progress {
	guint64 whole, wanted;             /* as last told */
	guint64 whole_at_start;
	gint64 start_us; /* of the burst's first frame; 0 before it */
	gint64 end_us;   /* valid when it is done */
	gboolean is_known, is_done;
};

struct vm_progress {
	gint64 start_us; /* seen running, its worker not there yet */
	gboolean is_up;
	gboolean is_seen, is_new; /* started since this process looks: only then its start is told, with what it takes */
	guint started; /* a hash of when cleave started it last */
};

struct progress {
	gboolean is_json, is_terminal, has_open_line;
	guint n_drawn; /* lines of the block that is drawn over */
	GHashTable *jobs, *vms;
};

struct progress *progress_new(gboolean is_json, gboolean is_terminal)
{
	struct progress *p = g_new0(struct progress, 1);
	p->is_json = is_json;
	p->is_terminal = is_terminal && !is_json;
	p->jobs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	p->vms = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return p;
}

void progress_break(struct progress *p)
{
	if (p->has_open_line)
		fputc('\n', stdout);
	if (p->n_drawn) {
		printf("\033[%uA\r\033[J", p->n_drawn);
		fflush(stdout); /* what comes next may go to stderr */
	}
	p->n_drawn = 0;
	p->has_open_line = FALSE;
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	p->n_drawn = 0; /* the last bars stay */
	progress_break(p);
	g_hash_table_destroy(p->jobs);
	g_hash_table_destroy(p->vms);
	g_free(p);
}

static gpointer entry(GHashTable *table, const char *id, gsize size)
{
	gpointer e = g_hash_table_lookup(table, id);
	if (!e) {
		e = g_malloc0(size);
		g_hash_table_insert(table, g_strdup(id), e);
	}
	return e;
}

static void tell(struct progress *p, gboolean is_last, const char *line)
{
	if (p->is_terminal)
		fputs("\r\033[K", stdout);
	fputs(line, stdout);
	p->has_open_line = p->is_terminal && !is_last;
	if (!p->has_open_line)
		fputc('\n', stdout);
	fflush(stdout);
}

static char *bar(guint64 whole, guint64 wanted)
{
	enum { WIDTH = 20 };
	char cells[WIDTH + 1];
	guint64 full = wanted ? whole * WIDTH / wanted : 0;
	for (guint i = 0; i < WIDTH; i++)
		cells[i] = i < full ? '#' : '.';
	cells[WIDTH] = '\0';
	return g_strdup(cells);
}

/* What the plan says of the job now. FALSE: nothing is known, or nothing new. */
static gboolean update_job(struct job_progress *j, const struct plan *plan, const char *id)
{
	guint64 whole, wanted;
	if (!report_job_progress(plan, id, &whole, &wanted) || (j->is_known && j->whole == whole && j->wanted == wanted))
		return FALSE;
	gboolean is_new_burst = j->wanted != wanted || j->is_done || whole < j->whole;
	if (is_new_burst)
		j->start_us = 0;
	if (!is_new_burst && !j->start_us && whole > j->whole) {
		j->start_us = g_get_monotonic_time();
		j->whole_at_start = whole;
	}
	j->is_known = TRUE;
	j->whole = whole;
	j->wanted = wanted;
	j->is_done = whole == wanted;
	if (j->is_done)
		j->end_us = g_get_monotonic_time();
	return TRUE;
}

static void append_left(GString *out, double seconds)
{
	gint64 s = (gint64)(seconds + 0.5);
	if (s < 120)
		g_string_append_printf(out, "  %" G_GINT64_FORMAT " s left", s);
	else if (s < 7200)
		g_string_append_printf(out, "  %" G_GINT64_FORMAT " min left", s / 60);
	else
		g_string_append_printf(out, "  %.1f h left", seconds / 3600);
}

static void append_job(GString *out, const struct job_progress *j, const char *id)
{
	gint64 now = j->is_done ? j->end_us : g_get_monotonic_time();
	double seconds = j->start_us ? (double)(now - j->start_us) / G_USEC_PER_SEC : 0;
	double rate = j->start_us && j->whole > j->whole_at_start && seconds > 0 ? (double)(j->whole - j->whole_at_start) / seconds : 0;
	g_autofree char *cells = bar(j->whole, j->wanted);
	g_string_append_printf(out, "  frames %-24s [%s] %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT, id, cells, j->whole, j->wanted);
	if (rate > 0)
		g_string_append_printf(out, "  %.2f/s", rate);
	if (rate > 0 && !j->is_done)
		append_left(out, (double)(j->wanted - j->whole) / rate);
}

/* As a line of its own; TRUE: there was something new. */
static gboolean tell_job(struct progress *p, const struct plan *plan, const char *id)
{
	struct job_progress *j = entry(p->jobs, id, sizeof *j);
	g_autoptr(GString) line = g_string_new(NULL);
	if (!update_job(j, plan, id))
		return FALSE;
	if (p->is_json) {
		report_progress_json(line, id, j->whole, j->wanted);
		fputs(line->str, stdout);
		fflush(stdout);
		return TRUE;
	}
	append_job(line, j, id);
	tell(p, j->is_done, line->str);
	return TRUE;
}

/* -- a bar a job, in place ---------------------------------------------------------------------------------- */

/* A line that wraps, or a block that scrolls, could not be drawn over again. */
static void terminal_size(guint *ret_columns, guint *ret_rows)
{
	struct winsize size;
	gboolean ok = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
	*ret_columns = ok && size.ws_col > 20 ? size.ws_col - 1 : 79;
	*ret_rows = ok && size.ws_row > 3 ? size.ws_row - 2u : 22;
}

static void draw_line(struct progress *p, GString *line, guint columns)
{
	if (g_utf8_strlen(line->str, -1) > columns)
		g_string_truncate(line, (gsize)(g_utf8_offset_to_pointer(line->str, columns) - line->str));
	printf("%s\033[K\n", line->str);
	p->n_drawn++;
}

/* Done ones give way where there is no room for all. */
static void draw_jobs(struct progress *p, const char *const *ids, guint n)
{
	guint columns, rows, n_left = 0, n_room;
	terminal_size(&columns, &rows);
	n_room = n > rows ? rows - 1 : n;
	progress_break(p);
	for (guint i = 0; i < n; i++) {
		const struct job_progress *j = entry(p->jobs, ids[i], sizeof *j);
		g_autoptr(GString) line = g_string_new(NULL);
		if (p->n_drawn >= n_room || (n > rows && j->is_done)) {
			n_left++;
			continue;
		}
		append_job(line, j, ids[i]);
		draw_line(p, line, columns);
	}
	if (n_left) {
		g_autoptr(GString) line = g_string_new(NULL);
		g_string_printf(line, "  and %u others", n_left);
		draw_line(p, line, columns);
	}
	fflush(stdout);
}

void progress_show_jobs(struct progress *p, const struct plan *plan, const char *const *ids, guint n)
{
	for (guint i = 0; i < n; i++) {
		if (p->is_terminal)
			update_job(entry(p->jobs, ids[i], sizeof(struct job_progress)), plan, ids[i]);
		else
			tell_job(p, plan, ids[i]);
	}
	if (p->is_terminal)
		draw_jobs(p, ids, n);
}

/* A worker of that VM which was heard since the VM was seen to run: not the one of an earlier boot. The host name of a
 * guest is its own matter. */
static gboolean has_worker(const struct plan *plan, const char *vm, const struct vm_status *s, gint64 since_us)
{
	gint64 age_ms = (g_get_monotonic_time() - since_us) / 1000;
	OBJECTS_EACH (o, plan->have, KIND_WORKER) {
		const struct worker_status *w = o->status;
		gboolean is_its = w && (w->uuid && s->uuid ? g_ascii_strcasecmp(w->uuid, s->uuid) == 0 : g_strcmp0(w->vm, vm) == 0);
		if (is_its && w->silent_ms < age_ms)
			return TRUE;
	}
	return FALSE;
}

static void show_vm(struct progress *p, const struct plan *plan, const struct object *o)
{
	const struct object *have = objects_get(plan->have, KIND_VM, o->id);
	const struct vm_status *s = have ? have->status : NULL;
	struct vm_progress *v = entry(p->vms, o->id, sizeof *v);
	if (!s || s->state != DOMAIN_RUNNING) {
		*v = (struct vm_progress){ .is_seen = TRUE, .is_new = TRUE };
		return;
	}
	guint started = s->history.started_at ? g_str_hash(s->history.started_at) : 0;
	if (v->is_seen && started != v->started) /* stopped and started within one pass */
		*v = (struct vm_progress){ .is_new = TRUE };
	v->is_seen = TRUE;
	v->started = started;
	if (v->is_up || !v->is_new)
		return;
	gint64 now = g_get_monotonic_time();
	gboolean is_first = v->start_us == 0;
	v->start_us = is_first ? now : v->start_us;
	v->is_up = has_worker(plan, o->id, s, v->start_us);
	if (!v->is_up && !is_first && !p->is_terminal)
		return;
	g_autofree char *line = g_strdup_printf("  VM %-28s %s  %.1f s", o->id, v->is_up ? "its worker is there" : "boots",
	                                        (double)(now - v->start_us) / G_USEC_PER_SEC);
	tell(p, v->is_up, line);
}

void progress_show(struct progress *p, const struct plan *plan)
{
	OBJECTS_EACH (o, plan->want, KIND_VM)
		if (!p->is_json && plan_verdict(plan, KIND_VM, o->id))
			show_vm(p, plan, o);
	OBJECTS_EACH (o, plan->want, KIND_RENDERJOB)
		tell_job(p, plan, o->id);
}
