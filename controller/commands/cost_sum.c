/* One attempt is (frame, token): it has a record for each of its files, and its seconds in one of them. */
#include "commands/cost.h"
#include "base/error.h"
#include <string.h>

struct cost_sum {
	struct arena *arena;
	const struct cost_asked *asked;
	const struct farm_prices *prices;
	GHashTable *rows; /* joined words → struct cost_row, in the arena */
	GArray *sorted;   /* struct cost_row */
	struct cost_row total;
};

/* The job that is being read. */
struct reading {
	struct cost_sum *sum;
	const char *job, *project;
	const struct list *labels;
	GHashTable *attempts, *superseded; /* "frame token" of what was counted; of what came too late */
	GHashTable *models; /* worker → the GPU that it rendered other frames with: a failure names none */
};

gboolean cost_read_by(struct arena *a, const char *text, struct cost_asked *ret, GError **error)
{
	static const char *const words[] = { "project", "job", "worker", "model", "label" };
	g_auto(GStrv) parts = g_strsplit(text, ",", -1);
	for (guint i = 0; parts[i]; i++) {
		gboolean is_known = g_str_has_prefix(parts[i], "label:") && parts[i][6];
		for (guint k = 0; k < G_N_ELEMENTS(words); k++)
			is_known |= strcmp(parts[i], words[k]) == 0;
		if (!is_known)
			return fail(error, ERROR_USAGE, "--by %s: known are project, job, worker, model, label and label:KEY", parts[i]);
		if (ret->n_by == COST_COLUMNS_MAX)
			return fail(error, ERROR_USAGE, "--by: %d words at most", COST_COLUMNS_MAX);
		ret->by[ret->n_by++] = arena_strdup(a, parts[i]);
	}
	return TRUE;
}

struct cost_sum *cost_sum_new(struct arena *a, const struct cost_asked *asked, const struct farm_prices *prices)
{
	struct cost_sum *s = g_new0(struct cost_sum, 1);
	*s = (struct cost_sum){ .arena = a,
		                .asked = asked,
		                .prices = prices,
		                .rows = g_hash_table_new(g_str_hash, g_str_equal),
		                .sorted = g_array_new(FALSE, FALSE, sizeof(struct cost_row)) };
	return s;
}

void cost_sum_free(struct cost_sum *s)
{
	g_hash_table_unref(s->rows);
	g_array_unref(s->sorted);
	g_free(s);
}

/* -- one attempt ------------------------------------------------------------------------------------------ */

struct attempt {
	gboolean is_lost;
	guint n; /* 1; 0: one of its other files */
	double seconds;
	const struct price *price; /* NULL: none */
};

/* "NVIDIA RTX A5000" as people write it: "rtx-a5000". */
static char *plain_model(const char *model)
{
	char *plain = g_ascii_strdown(model, -1);
	g_strcanon(plain, "abcdefghijklmnopqrstuvwxyz0123456789", '-');
	if (g_str_has_prefix(plain, "nvidia-"))
		memmove(plain, plain + 7, strlen(plain) - 6);
	return plain;
}

static const struct price *price_of(const struct farm_prices *prices, const char *model)
{
	g_autofree char *wanted = model ? plain_model(model) : NULL;
	for (guint i = 0; wanted && i < prices->gpu_hour.n; i++) {
		const struct price *p = LIST_AT(prices->gpu_hour, struct price, i);
		g_autofree char *plain = plain_model(p->model);
		if (strcmp(plain, wanted) == 0)
			return p;
	}
	return NULL;
}

static void add_to(struct cost_row *row, const struct attempt *t)
{
	row->seconds += t->seconds;
	if (t->is_lost) {
		row->n_lost += t->n;
		row->lost_seconds += t->seconds;
	} else {
		row->n_frames += t->n;
	}
	if (t->price) {
		row->cost += t->seconds / 3600 * (double)t->price->per_hour / 1e6;
	} else {
		row->n_unpriced += t->n;
		row->unpriced_seconds += t->seconds;
	}
}

static struct cost_row *row_of(struct cost_sum *s, const char *const *words)
{
	char *joined = g_strjoinv("\n", (char **)words);
	struct cost_row *row = g_hash_table_lookup(s->rows, joined);
	if (!row) {
		row = ARENA_NEW(s->arena, struct cost_row);
		const char **own = ARENA_ARRAY(s->arena, const char *, s->asked->n_by);
		for (guint i = 0; i < s->asked->n_by; i++)
			own[i] = arena_strdup(s->arena, words[i]);
		*row = (struct cost_row){ .by = own };
		g_hash_table_insert(s->rows, arena_strdup(s->arena, joined), row);
	}
	g_free(joined);
	return row;
}

static const char *label_value(const struct list *labels, const char *key)
{
	for (guint i = 0; labels && i < labels->n; i++)
		if (strcmp(LIST_AT(*labels, struct label, i)->key, key) == 0)
			return LIST_AT(*labels, struct label, i)->value;
	return "-";
}

static const char *model_of(const struct reading *r, const struct record *record)
{
	gboolean is_cpu = g_strcmp0(record->device, "CPU") == 0;
	if (record->gpu || is_cpu || record->type != RECORD_FAILED || !record->worker)
		return record->gpu;
	return g_hash_table_lookup(r->models, record->worker);
}

static const char *word_of(const struct reading *r, const struct record *record, const char *by)
{
	const char *model = model_of(r, record);
	if (strcmp(by, "project") == 0)
		return r->project;
	if (strcmp(by, "job") == 0)
		return r->job;
	if (strcmp(by, "worker") == 0)
		return record->worker ? record->worker : "-";
	if (strcmp(by, "model") == 0)
		return model ? model : g_strcmp0(record->device, "CPU") == 0 ? "CPU" : "-";
	return g_str_has_prefix(by, "label:") ? label_value(r->labels, by + 6) : "-";
}

/* With `label` among the columns: a row for each label of the job. */
static void add_to_rows(const struct reading *r, const struct record *record, const struct attempt *t)
{
	const struct cost_asked *asked = r->sum->asked;
	const char *words[COST_COLUMNS_MAX + 1] = { NULL };
	int label_at = -1;
	for (guint i = 0; i < asked->n_by; i++) {
		words[i] = word_of(r, record, asked->by[i]);
		if (strcmp(asked->by[i], "label") == 0)
			label_at = (int)i;
	}
	if (label_at < 0 || !r->labels || !r->labels->n) {
		add_to(row_of(r->sum, words), t);
		return;
	}
	for (guint i = 0; i < r->labels->n; i++) {
		const struct label *l = LIST_AT(*r->labels, struct label, i);
		g_autofree char *both = g_strconcat(l->key, "=", l->value, NULL);
		words[label_at] = both;
		add_to(row_of(r->sum, words), t);
	}
}

/* -- a manifest ------------------------------------------------------------------------------------------- */

static char *attempt_name(const struct record *record)
{
	return g_strdup_printf("%" G_GINT64_FORMAT " %s", record->frame, record->token ? record->token : "");
}

/* What counting has to know of all records first. */
static gboolean note(const struct record *record, gpointer user, GError **error)
{
	struct reading *r = user;
	(void)error;
	if (record->type == RECORD_SUPERSEDED)
		g_hash_table_add(r->superseded, attempt_name(record));
	if (record->type == RECORD_FRAME && record->gpu && record->worker)
		g_hash_table_insert(r->models, (gpointer)record->worker, (gpointer)record->gpu);
	return TRUE;
}

static gboolean count(const struct record *record, gpointer user, GError **error)
{
	struct reading *r = user;
	(void)error;
	if ((record->type != RECORD_FRAME && record->type != RECORD_FAILED) || record->time_us < r->sum->asked->since_us)
		return TRUE;
	g_autofree char *name = attempt_name(record);
	struct attempt t = { .is_lost = record->type == RECORD_FAILED || g_hash_table_contains(r->superseded, name),
		             .seconds = record->seconds,
		             .price = price_of(r->sum->prices, model_of(r, record)) };
	/* A frame's record without a time is another file of it, or a copy at another path. */
	if (record->type == RECORD_FAILED || record->seconds > 0)
		t.n = g_hash_table_add(r->attempts, g_steal_pointer(&name)) ? 1 : 0;
	add_to(&r->sum->total, &t);
	add_to_rows(r, record, &t);
	return TRUE;
}

gboolean cost_add_job(struct cost_sum *s, const char *job, const struct list *labels, const struct manifest_view *view,
                      GError **error)
{
	const char *slash = strchr(job, '/');
	struct reading r = { s, job, slash ? arena_strndup(s->arena, job, (gsize)(slash - job)) : job, labels,
		             g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
		             g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL), g_hash_table_new(g_str_hash, g_str_equal) };
	gboolean ok = manifest_each(view, note, &r, error) && manifest_each(view, count, &r, error);
	g_hash_table_unref(r.attempts);
	g_hash_table_unref(r.superseded);
	g_hash_table_unref(r.models);
	return ok;
}

/* -- rows ------------------------------------------------------------------------------------------------- */

static int by_seconds(const void *x, const void *y, void *user)
{
	const struct cost_row *a = x, *b = y;
	const struct cost_asked *asked = user;
	int c = a->seconds < b->seconds ? 1 : a->seconds > b->seconds ? -1 : 0;
	for (guint i = 0; c == 0 && i < asked->n_by; i++)
		c = strcmp(a->by[i], b->by[i]);
	return c;
}

struct cost_report cost_report_of(struct cost_sum *s)
{
	GHashTableIter it;
	gpointer row;
	g_array_set_size(s->sorted, 0);
	g_hash_table_iter_init(&it, s->rows);
	while (g_hash_table_iter_next(&it, NULL, &row))
		g_array_append_vals(s->sorted, row, 1);
	g_array_sort_with_data(s->sorted, by_seconds, (gpointer)s->asked);
	return (struct cost_report){ .by = s->asked->by,
		                     .n_by = s->asked->n_by,
		                     .rows = (const struct cost_row *)s->sorted->data,
		                     .n_rows = s->sorted->len,
		                     .total = s->total,
		                     .currency = s->prices->currency };
}
